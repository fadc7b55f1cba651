import assert from "node:assert/strict";
import {
  encodeAbiParameters,
  encodeFunctionData,
  parseAbi,
  toEventSelector,
  toFunctionSelector,
} from "viem";
import { parseAbi as readAbi } from "../../../../connectors/evm/abi/abi.ts";
import {
  commonSignatures,
  guessCall,
  guessLog,
  SignatureDatabase,
} from "../../../../connectors/evm/decode/signatures.ts";

const word = (n: number) => `0x${n.toString(16).padStart(64, "0")}`;

Deno.test("commonSignatures() have the hashes in front of them", () => {
  const lines = commonSignatures().split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  assert(lines.length > 400);
  for (const line of lines) {
    const at = line.indexOf(" ");
    const [hash, text] = [line.slice(0, at), line.slice(at + 1)];
    const { events, functions } = readAbi([text]);
    assert.equal(functions[0]?.selector ?? events[0]?.topic0, hash, line);
    const { signature = "" } = functions[0] ?? events[0] ?? {};
    const expected = hash.length === 10
      ? toFunctionSelector(signature)
      : toEventSelector(signature);
    assert.equal(hash, expected, line);
  }
});

// Four functions with the selector 0xa9059cbb, as databases list them.
const colliding = [
  "many_msg_babbage(bytes1)",
  "transfer(bytes4[9],bytes5[6],int48[11])",
  "func_2093253501(bytes)",
  "transfer(address,uint256)",
];

Deno.test("guessCall() takes the one that encodes to the same bytes", () => {
  const database = new SignatureDatabase();
  for (const text of colliding) database.add("0xa9059cbb", text);
  assert.equal(database.functions("0xa9059cbb").length, 4);
  const guess = (input: string) => {
    const found = guessCall(database.functions("0xa9059cbb"), input);
    return [found?.decoder.abi.signature, found?.fitting];
  };
  for (const signature of colliding) {
    const abi = parseAbi([`function ${signature}`] as never);
    const args = {
      [colliding[0]!]: ["0xab"],
      [colliding[1]!]: [
        Array(9).fill("0x01020304"),
        Array(6).fill("0x0102030405"),
        Array(11).fill(-5),
      ],
      [colliding[2]!]: ["0x0102"],
      [colliding[3]!]: [`0x${"11".repeat(20)}`, 5n],
    }[signature]!;
    const input = encodeFunctionData({ abi, args } as never);
    assert.deepEqual(guess(input), [signature, [signature]]);
    // What stands behind the arguments does not change which fits best.
    assert.equal(guess(`${input}5ec0de`)[0], signature);
  }
});

Deno.test("guessCall() keeps all that fit equally", () => {
  const database = new SignatureDatabase();
  database.add("0x42966c68", "burn(uint256)");
  database.add("0x42966c68", "collate_propagate_storage(bytes16)");
  const decoders = database.functions("0x42966c68");
  assert.equal(decoders.length, 2);
  const fitting = (digits: string) =>
    guessCall(decoders, `0x42966c68${digits}`)?.fitting;
  assert.deepEqual(fitting(word(7).slice(2)), ["burn(uint256)"]);
  assert.deepEqual(fitting("ab".repeat(16) + "00".repeat(16)), [
    "burn(uint256)",
    "collate_propagate_storage(bytes16)",
  ]);
});

Deno.test("guessLog() tries which parameters are indexed", () => {
  const database = new SignatureDatabase();
  const topic0 = toEventSelector("Moved(address,address,uint256,bytes)");
  database.add(topic0, "Moved(address,address,uint256,bytes)");
  const from = `0x${"00".repeat(12)}${"11".repeat(20)}`;
  const data = encodeAbiParameters(
    [{ type: "address" }, { type: "bytes" }],
    [`0x${"22".repeat(20)}`, "0x0102"],
  );
  // No address has such high digits.
  const amount = `0x${"ff".repeat(32)}`;
  const topics = [topic0, from, amount];
  const found = guessLog(database.events(topic0, 3), { topics, data });
  assert.deepEqual(found?.args, {
    0: `0x${"11".repeat(20)}`,
    1: `0x${"22".repeat(20)}`,
    2: String(2n ** 256n - 1n),
    3: "0x0102",
  });
  assert.deepEqual(database.events(topic0, 6), []);
});

Deno.test("SignatureDatabase.addText() reads lines with and without hashes", () => {
  const database = new SignatureDatabase();
  database.addText(
    "# mine\n\nset(uint256 amount)\nevent Set(uint256 amount)\n",
  );
  assert(database.has("0x60fe47b1"));
  assert.equal(database.events(toEventSelector("Set(uint256)"), 1).length, 1);
  assert.throws(() => database.addText("set(uint999)"), /uint999/);
});

Deno.test("SignatureDatabase passes over what is no signature", () => {
  const database = new SignatureDatabase();
  database.add("0x12345678", "no signature at all");
  database.add("0x12345678", "set(uint256)");
  assert.deepEqual(database.functions("0x12345678"), []);
});
