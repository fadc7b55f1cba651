/**
 * How much memory the program takes for 500 blocks.
 *
 * @module
 */
import assert from "node:assert/strict";
import { SimulatedProcess } from "../fixtures/simulated/process.ts";
import { figure } from "./figure.ts";
import { peakOf, Workplace } from "./program.ts";

const blocks = 500;

/** Deno alone takes 60 MiB; what is read and not yet written is bounded. */
const mostMebibytes = 300;

const spec = (url: string) =>
  [
    "name: memory",
    "connections:",
    `  eth: { type: evm, url: "${url}/key" }`,
    "sources:",
    "  chain: { type: evm.chain, connection: eth, start: 1 }",
    "sinks:",
    ...["blocks", "transactions", "logs", "token_transfers"].map((port) =>
      `  ${port}: { type: file, from: chain.${port}, ` +
      `path: data/${port}.jsonl }`
    ),
  ].join("\n");

Deno.test({
  name: `sluice run takes less than ${mostMebibytes} MiB for ${blocks} blocks`,
  // Elsewhere the system does not say what a process has had.
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using node = await SimulatedProcess.start([
      ...["--seed", "3", "--blocks", String(blocks), "--transactions", "20"],
    ]);
    await using workplace = await Workplace.make(spec(node.url));
    await using program = workplace.start(
      ...["run", "spec.yaml", "--to", String(blocks)],
    );
    const peak = await peakOf(program);
    const { code, stderr } = await program.ended();
    assert.equal(code, 0, stderr);
    const { bytes } = await node.stats();
    figure(
      `${blocks} blocks, ${(bytes / 2 ** 20).toFixed(1)} MiB of answers: ` +
        `${peak.toFixed()} MiB of memory at most`,
    );
    assert(peak > 0 && peak < mostMebibytes, `${peak} MiB`);
  },
});
