import assert from "node:assert/strict";
import { decodeEventLog, decodeFunctionData } from "viem/utils";
import type { Hex } from "viem";
import { parseAbi } from "../../../../connectors/evm/abi/abi.ts";
import {
  compileEvent,
  compileFunction,
  compileParameters,
} from "../../../../connectors/evm/abi/decoder.ts";
import { DecodeError } from "../../../../connectors/evm/abi/input.ts";
import { ourAbi, word } from "./cases.ts";
import { attempt, viemLog } from "./oracle.ts";

const ADDRESS = "7a250d5630b4cf539739df2c5dacb4c659f2488d";

Deno.test("compileFunction() names arguments and components as viem does", () => {
  const signature = "function f(address to, (uint8 n, (bool, string s)[] p) t)";
  const { functions: [call] } = parseAbi(signature);
  const input = call!.selector + word(ADDRESS) + word(64) + // t
    word(7) + word(64) + // p
    word(1) + word(32) + // p[0]
    word(1) + word(64) + word(2) + "6869".padEnd(64, "0");
  const args = compileFunction(call!).decode(input);
  assert.deepEqual(args, {
    to: `0x${ADDRESS}`,
    t: { n: "7", p: [[true, "hi"]] },
  });
  const abi = [{
    type: "function",
    name: "f",
    inputs: [
      { name: "to", type: "address" },
      {
        name: "t",
        type: "tuple",
        components: [{ name: "n", type: "uint8" }, {
          name: "p",
          type: "tuple[]",
          components: [{ type: "bool" }, { name: "s", type: "string" }],
        }],
      },
    ],
  }];
  const viem = decodeFunctionData({ abi, data: input as Hex });
  assert.deepEqual(viem.args?.[1], { n: 7, p: [[true, "hi"]] });
});

Deno.test("compileFunction() falls back to positions for names in doubt", () => {
  const named = (...names: string[]) => {
    const inputs = names.map((name) => ({ name, type: "uint8" }));
    const { functions: [call] } = parseAbi([{ name: "f", inputs }]);
    const words = names.map((_, i) => word(i)).join("");
    return compileFunction(call!).decode(call!.selector + words);
  };
  assert.deepEqual(named("a", "", "b"), { a: "0", 1: "1", b: "2" });
  assert.deepEqual(named("a", "b", "a"), { 0: "0", b: "1", 2: "2" });
  assert.deepEqual(named("1", "0"), { 0: "0", 1: "1" });
});

Deno.test("decode() keeps hostile names to properties of their own", () => {
  const components = ["__proto__", "constructor"]
    .map((name) => ({ name, type: "uint8" }));
  const inputs = [
    { name: "__proto__", type: "tuple", components },
    { name: "constructor", type: "uint8" },
  ];
  const { functions: [call] } = parseAbi([{ name: "f", inputs }]);
  const decoder = compileFunction(call!);
  // Deno leaves this accessor out, unless a flag asks for it.
  Object.defineProperty(Object.prototype, "__proto__", {
    configurable: true,
    set(value) {
      if (typeof value === "object") Object.setPrototypeOf(this, value);
    },
  });
  try {
    const args = decoder.decode(call!.selector + word(1) + word(2) + word(3));
    assert.equal(
      JSON.stringify(args),
      '{"__proto__":{"__proto__":"1","constructor":"2"},"constructor":"3"}',
    );
    assert.equal(Object.getPrototypeOf(args), Object.prototype);
  } finally {
    Reflect.deleteProperty(Object.prototype, "__proto__");
  }
});

Deno.test("DecodeError names the argument and what is wrong with it", () => {
  const { functions: [call] } = parseAbi("f((uint8 n, bytes b)[] list)");
  const decoder = compileFunction(call!);
  const start = call!.selector + word(32) + word(1) + word(32) + word(1);
  const cases: [digits: string, reason: string][] = [
    [word(4096), "Offset 0x1000 is outside of the data"],
    [word(64) + word(-1), `Length 0x${word(-1)} is outside of the data`],
    [word(64) + word(3) + "aabb", "Data ends 1 bytes before its values do"],
  ];
  for (const [digits, reason] of cases) {
    const error = attempt(() => decoder.decode(start + digits));
    assert(error instanceof DecodeError);
    assert.equal(error.reason, `Argument "list.b": ${reason}`);
    assert.equal(error.message, error.reason);
  }
});

Deno.test("compileEvent() decodes a log as viem does, by name", () => {
  const signature = "event Sent(address indexed from, string indexed note, " +
    "uint256 value, bytes32 indexed id)";
  const { events: [event] } = parseAbi(signature);
  const note = "0x" + "5a".repeat(32);
  const id = "0x" + "c1".repeat(32);
  const topics = [event!.topic0, "0x" + word(ADDRESS), note, id];
  const data = "0x" + word(1n << 200n);
  const args = compileEvent(event!).decode(topics, data);
  assert.deepEqual(Object.entries(args), [
    ["from", `0x${ADDRESS}`],
    ["note", note],
    ["value", `${1n << 200n}`],
    ["id", id],
  ]);
  const viem = decodeEventLog({
    abi: [{
      type: "event",
      name: "Sent",
      inputs: [
        { name: "from", type: "address", indexed: true },
        { name: "note", type: "string", indexed: true },
        { name: "value", type: "uint256", indexed: false },
        { name: "id", type: "bytes32", indexed: true },
      ],
    }],
    topics: topics as [Hex, ...Hex[]],
    data: data as Hex,
  });
  assert.deepEqual(
    Object.entries(viem.args as Record<string, unknown>)
      .map(([name, value]) => [name, `${value}`.toLowerCase()]).sort(),
    Object.entries(args).sort(),
  );
});

Deno.test("compileEvent() counts topics and bytes as viem does", () => {
  const parameters = [
    { name: "to", type: "address", indexed: true },
    { name: "value", type: "uint256", indexed: false },
  ];
  const [event] = ourAbi({ parameters, values: [] }).events;
  const { decode } = compileEvent(event!);
  const { topic0 } = event!;
  const to = "0x" + word(ADDRESS);
  const data = "0x" + word(5);
  const both = (topics: string[], data: string) => {
    const ours = attempt(() => decode(topics, data));
    const viem = viemLog({ parameters }, { topics, data });
    return [ours instanceof DecodeError ? ours.reason : ours, viem];
  };
  const decoded = { to: `0x${ADDRESS}`, value: "5" };
  assert.deepEqual(both([topic0, to], data), [decoded, decoded]);
  assert.deepEqual(both([topic0, to, to], data + "ff"), [decoded, decoded]);
  assert.deepEqual(both([topic0], data), [
    "Log has 1 topics instead of 2",
    undefined,
  ]);
  assert.deepEqual(both([topic0, to], "0x"), [
    "Data ends 32 bytes before its values do",
    undefined,
  ]);
  assert.deepEqual(both([topic0, to], ""), [
    'Data does not start with "0x"',
    undefined,
  ]);
  assert.deepEqual(both([topic0, to.slice(0, 64)], data), [
    "Topic 1 is not 32 bytes",
    undefined,
  ]);
  // Stricter than viem, which reads the first 32 bytes of a longer topic.
  assert.deepEqual(both([topic0, to + "00"], data), [
    "Topic 1 is not 32 bytes",
    decoded,
  ]);
});

Deno.test("compileEvent() ignores data that the event does not have", () => {
  const { events: [event] } = parseAbi("event Done(uint8 indexed a)");
  const topics = [event!.topic0, "0x" + word(3)];
  for (const data of ["0x", "0x00", "0x" + word(1)]) {
    assert.deepEqual(compileEvent(event!).decode(topics, data), { a: "3" });
  }
});

Deno.test("compileEvent() reads anonymous events from the first topic", () => {
  const { events: [event] } = parseAbi(
    "event Note(bytes4 indexed sig, address indexed guy, bytes fax) anonymous",
  );
  // The layout of MakerDAO's DSNote, whose first topic is a padded selector.
  const topics = ["0x" + "1a0b287e".padEnd(64, "0"), "0x" + word(ADDRESS)];
  const data = "0x" + word(32) + word(1) + "ff".padEnd(64, "0");
  assert.deepEqual(compileEvent(event!).decode(topics, data), {
    sig: "0x1a0b287e",
    guy: `0x${ADDRESS}`,
    fax: "0xff",
  });
});

Deno.test("compileParameters() decodes what a function returns", () => {
  const { functions: [call] } = parseAbi("f() returns (int256, string name)");
  const { decode } = compileParameters(call!.outputs);
  const data = "0x" + word(-5) + word(64) + word(1) + "41".padEnd(64, "0");
  assert.deepEqual(decode(data), { 0: "-5", name: "A" });
  assert.deepEqual(compileParameters([]).decode("0x"), {});
  assert.throws(() => decode("0x"), DecodeError);
});
