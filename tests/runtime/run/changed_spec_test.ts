/**
 * Specs that were changed between two runs.
 *
 * @module
 */
import assert from "node:assert/strict";
import { defineSource, type ReadOptions } from "../../../runtime/component.ts";
import { UserError } from "../../../runtime/errors.ts";
import type { SinkStage, SourceStage } from "../../../runtime/spec/spec.ts";
import {
  ledger,
  netOf,
  sinkStage,
  ToyChain,
  toySource,
  toySpec,
} from "./toy.ts";
import { run, stateFile } from "./toy_run.ts";

/** A toy source without every other row, unless all are asked for. */
function sievedSource(chain: ToyChain, which: string) {
  const source = chain.source();
  return defineSource({
    ...toySource(chain),
    open: () => ({
      ...source,
      async *read(options: ReadOptions) {
        for await (const unit of source.read(options)) {
          if (unit === "fork") yield unit;
          else {
            const rows = (unit.rows["rows"] ?? []).filter(({ index }) =>
              which === "all" || Number(index) % 2 === 0
            );
            yield { ...unit, rows: { rows } };
          }
        }
      },
    }),
  });
}

Deno.test("runPipeline() fills a new sink from the start and leaves the others alone", async () => {
  await using file = await stateFile();
  const chain = new ToyChain().extend(150);
  const old: string[] = [];
  const source = toySource(chain);
  await run(toySpec(source, [sinkStage("old", ledger(old))]), file.path);
  chain.reorg(5).extend(10);
  const fresh: string[] = [];
  const spec = toySpec(source, [
    sinkStage("old", ledger(old)),
    sinkStage("fresh", ledger(fresh)),
  ]);
  await run(spec, file.path);
  assert.deepEqual(netOf(old), chain.expected());
  assert.deepEqual(netOf(fresh), chain.expected());
});

Deno.test("runPipeline() gives a new sink the rows that its spec wants, also of journaled units", async () => {
  await using file = await stateFile();
  const chain = new ToyChain().extend(150);
  const old: string[] = [];
  const fresh: string[] = [];
  const spec = (which: string, ...sinks: SinkStage[]) => {
    const source = sievedSource(chain, which);
    const [stage, ...rest] = toySpec(source, sinks).stages;
    return {
      ...toySpec(source, []),
      stages: [{ ...stage, written: { which } } as SourceStage, ...rest],
    };
  };
  const first = sinkStage("old", ledger(old));
  await run(spec("even", first), file.path);
  chain.extend(10);
  await run(spec("all", first, sinkStage("fresh", ledger(fresh))), file.path);
  assert.deepEqual(netOf(fresh), chain.expected());
  // What is final stays as it was taken, the rest is taken anew.
  const final = chain.finalized;
  assert.deepEqual(
    netOf(old),
    [
      ...chain.expected(final).filter((row) => row.split("/")[1] !== "1"),
      ...chain.expected(chain.head, final + 1),
    ].sort(),
  );
  const before = [...old, ...fresh];
  await run(spec("all", first, sinkStage("fresh", ledger(fresh))), file.path);
  assert.deepEqual([...old, ...fresh], before);
});

Deno.test("runPipeline() refuses a renamed sink and names both ways out", async () => {
  await using file = await stateFile();
  const chain = new ToyChain().extend(20);
  const lines: string[] = [];
  const source = toySource(chain);
  const sink = sinkStage("out", ledger(lines));
  await run(toySpec(source, [sink]), file.path);
  const renamed = { ...sink, name: "rows" };
  await assert.rejects(run(toySpec(source, [renamed]), file.path), (error) => {
    assert(error instanceof UserError);
    assert.match(error.message, /renamed_from: out/);
    assert.match(error.message, /reset toy.yaml --sink out/);
    return true;
  });
  chain.extend(5);
  await run(toySpec(source, [{ ...renamed, renamedFrom: "out" }]), file.path);
  assert.deepEqual(netOf(lines), chain.expected());
});
