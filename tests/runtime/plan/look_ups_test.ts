import assert from "node:assert/strict";
import { forecastsOf } from "../../../runtime/plan/forecast.ts";
import { forecastLines } from "../../../runtime/plan/forecast_text.ts";
import { lookUpLines, lookUpsOf } from "../../../runtime/plan/look_ups.ts";
import type { Spec } from "../../../runtime/spec/spec.ts";
import { checked } from "./checked.ts";

const start = Date.UTC(2026, 0, 1, 12);

/** A spec that decodes with these connections. */
function specWith(fields: string): Spec {
  const yaml = `
name: look-ups
connections:
  eth: { type: evm, url: "https://node.example.org", rate: 10/s }
  archive: { type: evm, url: "https://archive.example.org", rate: 2/s }
  names:
    type: abi_lookup
    services:
      - { url: https://abis.example.org, keys: "a,b", rate: 5/s, quota: 1000/day }
      - { url: https://4byte.example.org }
      - { url: "" }
  abis: { type: abi_lookup, url: https://abis.example.org }
  nobody: { type: abi_lookup, url: "" }
sources:
  chain: { type: evm.chain, connection: eth, emit: [transactions] }
transforms:
  calls: { type: decode, from: chain.transactions, ${fields} }
sinks:
  decoded: { type: blackhole, from: calls }
`;
  return checked(yaml);
}

function linesOf(fields: string): readonly string[] {
  const spec = specWith(fields);
  const stage = spec.stages.find((one) => one.kind === "transform");
  assert.ok(stage?.kind === "transform");
  return lookUpLines(lookUpsOf(stage, spec));
}

Deno.test("lookUpLines() tells who is asked for what, and its limits", () => {
  assert.deepEqual(linesOf("lookup: names"), [
    "asks connection names, how often depends on what is met",
    "  abi         once for each contract that is met without an ABI",
    "  signatures  once for each selector and topic that nothing explains",
    "  abis.example.org   abi         2 keys with 5 requests/s, 1000 " +
    "requests/day each",
    "  4byte.example.org  signatures  no limit",
  ]);
});

Deno.test("lookUpsOf() names what somebody can be asked for", () => {
  assert.deepEqual(linesOf("lookup: abis"), [
    "asks connection abis, how often depends on what is met",
    "  abi  once for each contract that is met without an ABI",
    "  abis.example.org  abi  no limit",
  ]);
  assert.deepEqual(linesOf("lookup: nobody"), []);
});

Deno.test("lookUpsOf() leaves out what the source's connection is asked", () => {
  assert.deepEqual(linesOf("proxies: eth"), []);
  assert.deepEqual(linesOf("proxies: archive"), [
    "asks connection archive, how often depends on what is met",
    "  eth_getLogs  1 a unit: upgrades of proxies",
    "  endpoint  eth_getLogs  2 requests/s",
  ]);
});

for (
  const [blocks, mostIn] of [
    // Two keys with five a second, and with a thousand a day.
    [50, (seconds: number) => 10 * (Math.floor(seconds) + 1)],
    [50_000, () => 2000],
  ] as const
) {
  Deno.test(`forecastsOf() bounds look-ups of ${blocks} blocks by their limits`, () => {
    const range = { from: 1, to: blocks, start };
    const [forecast] = forecastsOf(specWith("lookup: names"), range);
    assert.ok(forecast);
    const [abis, signatures] = forecast.lookUps;
    const most = mostIn(forecast.seconds ?? 0);
    assert.deepEqual(abis, {
      connection: "names",
      name: "abis.example.org",
      atMost: most,
      before: [],
    });
    assert.equal(signatures?.atMost, undefined);
    const lines = forecastLines(forecast).join("\n");
    assert.match(
      lines,
      new RegExp(`abis.example.org of names: .* at most ${most} in that time`),
    );
    assert.match(lines, /4byte.example.org of names: .*, without a limit/);
    assert.match(lines, /assumes that no unit waits for look-ups, at most 2 s/);
  });
}
