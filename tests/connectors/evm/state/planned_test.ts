import assert from "node:assert/strict";
import type { Planning } from "../../../../runtime/component.ts";
import { plannedCalls } from "../../../../connectors/evm/state/planned.ts";
import {
  type StateConfig,
  stateFields,
} from "../../../../connectors/evm/state/fields.ts";
import { readFields } from "../../../../runtime/spec/members.ts";
import { Reports } from "../../../contracts/reports.ts";

const contract = `0x${"1".repeat(40)}`;

/** Calls for a unit, by method, and what they assume. */
function callsFor(
  written: Readonly<Record<string, unknown>>,
  planning: Partial<Planning> = {},
  more: Partial<StateConfig> = {},
) {
  const reports = new Reports();
  const config = readFields(stateFields, {
    read: { value: "value() returns (uint256)" },
    ...written,
  }, reports.place) as StateConfig | undefined;
  assert.ok(config, reports.lines.join("\n"));
  return plannedCalls({ ...config, ...more }, new Map(), {
    needed: new Map(),
    tariffs: [],
    ...planning,
  }).map(({ assumes, method, perUnit }) => [method, perUnit, assumes]);
}

const whole = { method: "eth_getBlockByNumber", perUnit: 1, because: "" };
const logs = { method: "eth_getLogs", perUnit: 0.001, because: "" };
const bare = { ...whole, perUnit: 0, atHead: 1 };
const everyUnit = new Set<string>();

Deno.test("plannedCalls() counts the blocks of a range", () => {
  const given = { every: "10 blocks", contracts: [contract] };
  assert.deepEqual(callsFor(given), [
    ["eth_getBlockByNumber", 0.1, undefined],
    ["eth_call", 0.1, undefined],
  ]);
  assert.deepEqual(
    callsFor(given, { range: { from: 11, to: 19, isSettled: true } }),
    [
      ["eth_getBlockByNumber", 0, undefined],
      ["eth_call", 0, undefined],
    ],
  );
});

Deno.test("plannedCalls() knows how often a pattern comes", () => {
  const every = { cron: "0 9 * * 1" };
  const calls = callsFor({ every, contracts: [contract] }, {
    unitsPerDay: 7200,
  });
  assert.deepEqual(calls, [
    ["eth_getBlockByNumber", 2 / 50_400, undefined],
    ["eth_call", 1 / 50_400, "a block comes every 12 s"],
  ]);
});

Deno.test("plannedCalls() asks for the blocks that logs do not tell of", () => {
  const seen = { column: "pair", members: [], where: undefined };
  const methods = (every: string, calls: readonly typeof whole[]) =>
    callsFor({ every }, { upstream: { calls, everyUnit, density: 1 } }, {
      contracts: { known: [], seen },
    }).map(([method, perUnit]) => [method, perUnit]);
  assert.deepEqual(methods("5 blocks", [whole, logs]), [["eth_call", 0.2]]);
  assert.deepEqual(methods("5 blocks", [bare, logs]), [
    ["eth_getBlockByNumber", 0.2],
    ["eth_call", 0.2],
  ]);
  assert.deepEqual(methods("2m", [bare, logs]), [
    ["eth_getBlockByNumber", 1],
    ["eth_call", 0.1],
  ]);
});

Deno.test("plannedCalls() knows rows that are in every block", () => {
  const upstream = {
    ...{ calls: [whole], density: 1 },
    everyUnit: new Set(["every"]),
  };
  const given = { every: { on: "chain.blocks" }, contracts: [contract] };
  assert.deepEqual(callsFor(given, { upstream }), [
    ["eth_call", 1, undefined],
  ]);
  const some = { ...given, every: { on: "chain.blocks", where: { a: 1 } } };
  const [[, , assumes = ""] = []] = callsFor(some, { upstream });
  assert.match(
    `${assumes}`,
    /^every block has rows of chain.blocks that match/,
  );
});

Deno.test("plannedCalls() reads no blocks but those of the source that it follows", () => {
  const upstream = { calls: [whole], everyUnit, density: 0.1 };
  const given = { contracts: [contract], every: { on: "listed.rows" } };
  const [[method, perUnit, assumes] = []] = callsFor(given, { upstream });
  assert.deepEqual([method, perUnit], ["eth_call", 0.1]);
  assert.match(
    `${assumes}`,
    /one eth_call takes what they ask for, 1500 reads/,
  );
  const seen = { column: "pair", members: [], where: undefined };
  const [[, due] = []] = callsFor({ every: "5 blocks" }, { upstream }, {
    contracts: { known: [], seen },
  });
  assert.equal(due, 0.1);
});
