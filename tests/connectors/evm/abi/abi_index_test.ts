import assert from "node:assert/strict";
import { parseAbi } from "../../../../connectors/evm/abi/abi.ts";
import { AbiIndex } from "../../../../connectors/evm/abi/abi_index.ts";
import { AbiError } from "../../../../connectors/evm/abi/types.ts";

const TOKEN = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48";
const token = TOKEN.toLowerCase();
const other = "0x" + "11".repeat(20);

const erc20 = parseAbi([
  "transfer(address to, uint256 amount)",
  "event Transfer(address indexed from, address indexed to, uint256 value)",
]);
const erc721 = parseAbi([
  "event Transfer(address indexed from, address indexed to, " +
  "uint256 indexed id)",
]);
const wad = parseAbi("transfer(address dst, uint256 wad)");
const selector = erc20.functions[0]!.selector;
const topic0 = erc20.events[0]!.topic0;

/** Names of the inputs that each candidate decodes. */
function names(candidates: ReturnType<AbiIndex["function" | "event"]>) {
  return candidates.map(({ abi }) =>
    abi.inputs.map((input) => input.name).join()
  );
}

Deno.test("AbiIndex finds calls at any address", () => {
  const index = new AbiIndex();
  assert.deepEqual(index.function(other, selector), []);
  index.add(erc20);
  assert.deepEqual(names(index.function(other, selector)), ["to,amount"]);
  assert.deepEqual(index.function(other, "0x00000000"), []);
});

Deno.test("AbiIndex tells ERC-20 and ERC-721 transfers apart", () => {
  const index = new AbiIndex();
  index.add(erc20);
  index.add(erc721);
  assert.equal(erc721.events[0]!.topic0, topic0);
  assert.deepEqual(names(index.event(other, topic0, 3)), ["from,to,value"]);
  assert.deepEqual(names(index.event(other, topic0, 4)), ["from,to,id"]);
  assert.deepEqual(index.event(other, topic0, 2), []);
  assert.deepEqual(index.event(other, topic0, 0), []);
  assert.deepEqual(index.event(other, "0x", 3), []);
});

Deno.test("AbiIndex prefers the ABI of the address", () => {
  const index = new AbiIndex();
  index.add(erc20);
  assert.equal(index.has(token), false);
  index.add(wad, TOKEN);
  assert.equal(index.has(token), true);
  assert.deepEqual(names(index.function(token, selector)), ["dst,wad"]);
  assert.deepEqual(names(index.function(other, selector)), ["to,amount"]);
  // What the address's own ABI does not name is still known.
  assert.deepEqual(names(index.event(token, topic0, 3)), ["from,to,value"]);
  index.remove(TOKEN);
  assert.equal(index.has(token), false);
  assert.deepEqual(names(index.function(token, selector)), ["to,amount"]);
});

Deno.test("AbiIndex joins the ABIs of a proxy and its implementation", () => {
  const index = new AbiIndex();
  index.add(wad, token);
  index.add(erc20, token);
  assert.deepEqual(names(index.function(token, selector)), ["dst,wad"]);
  assert.deepEqual(names(index.event(token, topic0, 3)), ["from,to,value"]);
  assert.deepEqual(index.event(other, topic0, 3), []);
});

Deno.test("AbiIndex compiles an ABI once for all of its addresses", () => {
  const index = new AbiIndex();
  index.add(erc20, token);
  index.add(erc20, other);
  assert.equal(
    index.function(token, selector)[0],
    index.function(other, selector)[0],
  );
  // A second ABI at one address is nothing to the other.
  index.add(parseAbi("burn()"), token);
  const burn = parseAbi("burn()").functions[0]!.selector;
  assert.equal(index.function(token, burn).length, 1);
  assert.equal(index.function(other, burn).length, 0);
});

Deno.test("AbiIndex keeps functions whose selectors collide", () => {
  const index = new AbiIndex();
  // A known collision: both hash to 0xa9059cbb.
  const spam = parseAbi("many_msg_babbage(bytes1 a)");
  assert.equal(spam.functions[0]!.selector, selector);
  index.add(erc20);
  index.add(wad);
  index.add(spam);
  assert.deepEqual(names(index.function(other, selector)), ["to,amount", "a"]);
});

Deno.test("AbiIndex keeps events that index other parameters", () => {
  const index = new AbiIndex();
  const swapped = parseAbi(
    "event Transfer(address indexed from, address to, uint256 indexed value)",
  );
  index.add(erc20);
  index.add(erc20);
  index.add(swapped);
  const found = index.event(other, topic0, 3);
  assert.deepEqual(found.map(({ abi }) => abi), [
    erc20.events[0],
    swapped.events[0],
  ]);
});

Deno.test("AbiIndex leaves out anonymous events", () => {
  const index = new AbiIndex();
  const abi = parseAbi("event Note(bytes4 indexed sig) anonymous");
  index.add(abi);
  const [note] = abi.events;
  for (const count of [0, 1, 2]) {
    assert.deepEqual(index.event(other, note!.topic0, count), []);
  }
});

Deno.test("AbiIndex refuses an address that is none", () => {
  assert.throws(() => new AbiIndex().add(erc20, "0x1234"), (error: unknown) => {
    assert(error instanceof AbiError);
    assert.equal(
      error.message,
      'Cannot use an ABI at "0x1234": not an address; ' +
        "write 0x and 40 hex digits",
    );
    return true;
  });
});
