import assert from "node:assert/strict";
import {
  differenceOf,
  isSame,
  type Reading,
  readingOf,
} from "../../../runtime/run/reading.ts";
import type { SourceStage } from "../../../runtime/spec/spec.ts";
import { ledger, sinkStage, ToyChain, toySource, toySpec } from "./toy.ts";

/** A reading of the toy source with changes. */
function of(changes: Partial<SourceStage> = {}, name = "chain"): Reading {
  const source = { ...toySource(new ToyChain()), shaping: ["where"] };
  const { stages } = toySpec(source, [sinkStage("out", ledger([]))]);
  const [stage] = stages;
  const root = { ...stage as SourceStage, name, ...changes };
  return readingOf({ root, followers: [], transforms: [] });
}

const used = (port: string, ...columns: string[]) => ({
  used: new Map([[port, new Set(columns)]]),
});

const needed = (...values: string[]) => ({
  needed: new Map([["rows", [new Map([["hash", new Set(values)]])]]]),
});

Deno.test("differenceOf() finds that all is there", () => {
  assert.equal(differenceOf(of(), of()), "none");
  assert.equal(differenceOf(of(), of(used("rows", "hash"))), "none");
  assert.equal(differenceOf(of(), of(needed("a"))), "none");
  const both = [needed("a", "b"), needed("b", "a")];
  assert.equal(differenceOf(of(both[0]), of(both[1])), "none");
  assert.equal(differenceOf(of(), of({}, "renamed")), "none");
  const written = { poll: "1s" };
  assert.equal(differenceOf(of(), of({ written })), "none");
});

Deno.test("isSame() tells a reading of less from one of the same", () => {
  assert.ok(isSame(of(), JSON.parse(JSON.stringify(of()))));
  assert.ok(!isSame(of(), of(used("rows", "hash"))));
});

Deno.test("differenceOf() finds columns, ports and rows that are not there", () => {
  const less = of(used("rows", "hash"));
  assert.equal(differenceOf(less, of()), "more");
  assert.equal(differenceOf(less, of(used("others", "hash"))), "more");
  assert.equal(differenceOf(of(needed("a")), of()), "more");
  assert.equal(differenceOf(of(needed("a")), of(needed("a", "b"))), "more");
});

Deno.test("differenceOf() finds rows that are others", () => {
  assert.equal(differenceOf(undefined, of()), "other");
  const where = (hash: string) => of({ written: { where: { hash } } });
  assert.equal(differenceOf(where("a"), where("b")), "other");
  assert.equal(differenceOf(where("a"), where("a")), "none");
  const definition = { ...toySource(new ToyChain()), type: "another" };
  assert.equal(differenceOf(of(), of({ definition })), "other");
});

Deno.test("readingOf() tells of sources that follow, and of what they read", () => {
  const [root] = toySpec(toySource(new ToyChain()), []).stages;
  const chain = root as SourceStage;
  const follower = (reads: string): SourceStage => ({
    ...chain,
    name: "state",
    written: { reads },
    follows: "chain",
    inputs: [{ field: "on", stage: "chain", port: "rows" }],
  });
  const reading = (...followers: SourceStage[]) =>
    readingOf({ root: chain, followers, transforms: [] });
  assert.equal(differenceOf(reading(), reading(follower("a"))), "more");
  assert.equal(differenceOf(reading(follower("a")), reading()), "none");
  const [a, b] = [reading(follower("a")), reading(follower("b"))];
  assert.equal(differenceOf(a, b), "other");
  assert.equal(differenceOf(a, a), "none");
  assert.ok(a.used["state.rows"]);
});
