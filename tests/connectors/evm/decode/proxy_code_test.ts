import assert from "node:assert/strict";
import { keccak256, numberToHex, stringToHex, toEventSelector } from "viem";
import {
  forwardingsOf,
  selectorsIn,
  upgradeTopics,
} from "../../../../connectors/evm/decode/proxy_code.ts";

const target = `0x${"ab".repeat(20)}`;
const bare = target.slice(2);
const hash = (text: string, minus = 0n) =>
  numberToHex(BigInt(keccak256(stringToHex(text))) - minus, { size: 32 });
const slotsIn = (code: string) =>
  forwardingsOf(code).map((one) => "slot" in one ? one.slot : one.kind);

Deno.test("forwardingsOf() finds the target in the code of clones", () => {
  const codes = {
    "EIP-1167": `363d3d373d3d3d363d73${bare}5af43d82803e903d91602b57fd5bf3`,
    "EIP-1167 with arguments":
      `363d3d373d3d3d363d73${bare}5af43d82803e903d91602b57fd5bf3${
        "01".repeat(96)
      }`,
    "clones with immutable arguments":
      `3d3d3d3d363d3d3761004d6037363936610${"04d"}013d73${bare}5af43d3d93803e603557fd5bf3${
        "02".repeat(32)
      }`,
    "with PUSH0": `365f5f375f5f365f73${bare}5af43d5f5f3e5f3d91602a57fd5bf3`,
    "of Vyper":
      `366000600037611000600036600073${bare}5af4602c57600080fd5b6110006000f3`,
  };
  for (const [name, code] of Object.entries(codes)) {
    assert.deepEqual(
      forwardingsOf(`0x${code}`),
      [{ kind: "code", target, fixed: true }],
      name,
    );
  }
  assert.deepEqual(forwardingsOf(`0xef0100${bare}`), [
    { kind: "code", target, fixed: false },
  ]);
  // A library call deep in a contract is no proxy.
  const library = `0x6080604052${"5b".repeat(100)}73${bare}5af4`;
  assert.deepEqual(forwardingsOf(library), []);
  assert.deepEqual(forwardingsOf("0x"), []);
});

Deno.test("forwardingsOf() reads the slots that are in the code", () => {
  const push = (slot: string) => `0x6080604052${slot.slice(2)}54`;
  const implementation = hash("eip1967.proxy.implementation", 1n);
  const beacon = hash("eip1967.proxy.beacon", 1n);
  const proxiable = hash("PROXIABLE");
  const zeppelin = hash("org.zeppelinos.proxy.implementation");
  for (const slot of [implementation, beacon, proxiable, zeppelin]) {
    assert.deepEqual(slotsIn(push(slot)), [slot]);
  }
  assert.deepEqual(
    slotsIn(push(hash("diamond.standard.diamond.storage"))),
    ["facets"],
  );
  assert.deepEqual(slotsIn("0x6080635c60da1b14"), [beacon]);
  // Safe 1.3.0, as deployed on mainnet, up to its metadata.
  const safe =
    "0x608060405273ffffffffffffffffffffffffffffffffffffffff600054167fa619486e0000000000000000000000000000000000000000000000000000000060003514156050578060005260206000f35b3660008037600080366000845af43d6000803e60008114156070573d6000fd5b3d6000f3fe";
  assert.deepEqual(slotsIn(safe), [numberToHex(0, { size: 32 })]);
});

Deno.test("upgradeTopics are those of the events", () => {
  assert.deepEqual(upgradeTopics, [
    toEventSelector("Upgraded(address)"),
    toEventSelector("BeaconUpgraded(address)"),
    toEventSelector("DiamondCut((address,uint8,bytes4[])[],address,bytes)"),
    toEventSelector("ChangedMasterCopy(address)"),
  ]);
});

Deno.test("selectorsIn() finds what the dispatcher compares with", () => {
  // PUSH4 EQ, DUP2 PUSH4 EQ, a PUSH3 for a leading zero, and data that only
  // looks like a comparison.
  const code = "0x80" + "63a9059cbb14" + "6306fdde038114" + "62fdde0314" +
    `7f63deadbeef14${"00".repeat(26)}` + "63ffffffff16";
  assert.deepEqual([...selectorsIn(code)], [
    "0xa9059cbb",
    "0x06fdde03",
    "0x00fdde03",
  ]);
});
