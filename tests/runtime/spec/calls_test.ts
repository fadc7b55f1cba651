import assert from "node:assert/strict";
import { components } from "../../../connectors/mod.ts";
import { callsOf } from "../../../runtime/spec/calls.ts";
import { checkSpec } from "../../../runtime/spec/check.ts";
import { formatDiagnostics } from "../../../runtime/spec/diagnostics.ts";

/** The methods that are called for each unit of a source. */
function methods(transforms: string): string[] {
  const text = `
name: proxied
connections:
  eth: { type: evm, url: "http://127.0.0.1:1" }
  other: { type: evm, url: "http://127.0.0.1:2" }
sources:
  chain: { type: evm.chain, connection: eth, emit: [transactions, logs] }
transforms:
${transforms}
sinks:
  out: { type: blackhole, from: calls }
  also: { type: blackhole, from: events }
`;
  const { diagnostics, spec } = checkSpec("spec.yaml", {
    registry: components,
    read: () => text,
  });
  assert(spec, formatDiagnostics(diagnostics));
  const source = spec.stages.find((stage) => stage.kind === "source");
  assert(source?.kind === "source");
  return callsOf(source, { stages: spec.stages, tariffs: [] })
    .map(({ method }) => method);
}

const own = ["eth_getBlockByNumber", "eth_getBlockReceipts"];

Deno.test("callsOf() counts what transforms ask on the same connection, once", () => {
  const decode = (from: string, proxies: string) =>
    `{ type: decode, from: ${from}${proxies} }`;
  const both = (calls: string, events: string) =>
    methods(
      `  calls: ${decode("chain.transactions", calls)}\n` +
        `  events: ${decode("chain.logs", events)}`,
    );
  const eth = ", proxies: eth";
  assert.deepEqual(both("", ""), own);
  assert.deepEqual(both(eth, ""), [...own, "eth_getLogs"]);
  assert.deepEqual(both(eth, eth), [...own, "eth_getLogs"]);
  assert.deepEqual(both(", proxies: other", ""), own);
});
