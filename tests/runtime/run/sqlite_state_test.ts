import assert from "node:assert/strict";
import { openSqliteState } from "../../../runtime/run/sqlite_state.ts";
import type { JournalEvent } from "../../../runtime/run/state.ts";
import { FencedError } from "../../../runtime/run/state.ts";
import { FakeClock } from "../../fixtures/fake_clock.ts";

const insert = (seq: number, number: number): JournalEvent => ({
  seq,
  op: "insert",
  number,
  id: `id${seq}`,
  parent: undefined,
  time: 0,
  rowsOf: seq,
});

const retract = (seq: number, of: JournalEvent): JournalEvent => ({
  ...of,
  seq,
  op: "retract",
});

/** A state in memory whose lease is taken. */
async function opened() {
  const state = openSqliteState(":memory:", { clock: new FakeClock() });
  assert.equal(await state.acquire(), undefined);
  return state;
}

Deno.test("SqliteState gives back journaled rows with every kind of value", async () => {
  await using state = await opened();
  const rows = {
    logs: [{
      value: 2n ** 256n - 1n,
      nonce: 2 ** 53 - 1,
      data: "0x",
      to: null,
      topics: ["0xaa", "0xbb"],
      args: { path: [{ amount: "1" }] },
      flag: true,
    }],
  };
  await state.append("chain", insert(5, 10), rows);
  assert.deepEqual(await state.rows("chain", 5), rows);
  assert.deepEqual(await state.journal("chain"), [insert(5, 10)]);
  await assert.rejects(state.rows("chain", 6), /has no rows of event 6/);
});

Deno.test("SqliteState.prune() drops final events that are acknowledged, and retracted pairs only together", async () => {
  await using state = await opened();
  const events = [
    insert(1, 10),
    insert(2, 11),
    retract(3, insert(2, 11)),
    insert(4, 11),
    insert(5, 12),
    retract(6, insert(5, 12)),
  ];
  for (const event of events) await state.append("chain", event, {});
  const left = async () => (await state.journal("chain")).map(({ seq }) => seq);

  await state.prune("chain", { seq: 2, number: 11 });
  assert.deepEqual(await left(), [2, 3, 4, 5, 6], "2 is retracted later");
  await state.prune("chain", { seq: 5, number: 10 });
  assert.deepEqual(await left(), [4, 5, 6], "the pair 2, 3 is done");
  await state.prune("other", { seq: 9, number: 99 });
  await state.prune("chain", { seq: 6, number: 11 });
  assert.deepEqual(await left(), []);
});

Deno.test("SqliteState.rename() takes cursors, origin and journal along", async () => {
  await using state = await opened();
  const cursor = {
    sink: "out",
    source: "chain",
    at: { number: 1, id: "a" },
    seq: 0,
    base: 1,
    state: undefined,
    pending: undefined,
  };
  await state.saveCursor(cursor);
  await state.saveOrigin("chain", 7);
  await state.append("chain", insert(1, 8), {});
  await state.rename("source", "chain", "mainnet");
  await state.rename("sink", "out", "rows");
  const [renamed] = await state.cursors();
  assert.equal(renamed?.sink, "rows");
  assert.equal(renamed?.source, "mainnet");
  assert.equal(await state.origin("mainnet"), 7);
  assert.equal(await state.origin("chain"), undefined);
  assert.equal((await state.journal("mainnet")).length, 1);
});

Deno.test("SqliteState refuses every write of a process that lost its lease", async () => {
  const folder = await Deno.makeTempDir({ prefix: "sluice-state-" });
  try {
    const clock = new FakeClock();
    const path = `${folder}/state.db`;
    await using paused = openSqliteState(path, { clock });
    await using next = openSqliteState(path, { clock });
    assert.equal(await paused.acquire(), undefined);
    const owner = await next.acquire();
    assert.equal(owner?.pid, Deno.pid);
    await clock.advance(10_000);
    await paused.renew();
    await clock.advance(14_000);
    assert(await next.acquire(), "renewed: still held");
    await clock.advance(2_000);
    assert.equal(await next.acquire(), undefined);
    await assert.rejects(paused.renew(), FencedError);
    await assert.rejects(paused.saveOrigin("chain", 1), FencedError);
    await assert.rejects(paused.append("chain", insert(1, 1), {}), FencedError);
    await next.saveOrigin("chain", 2);
    assert.equal(await paused.origin("chain"), 2);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("SqliteState.reset() forgets what it is asked to", async () => {
  await using state = await opened();
  const cursor = (sink: string, source: string) => ({
    ...{ sink, source, at: undefined, seq: 0, base: 1 },
    ...{ state: undefined, pending: undefined },
  });
  for (const [sink, source] of [["a", "x"], ["b", "x"], ["c", "y"]] as const) {
    await state.saveCursor(cursor(sink, source));
    await state.saveOrigin(source, 1);
  }
  const sinks = async () => (await state.cursors()).map(({ sink }) => sink);
  await state.reset({ sink: "a" });
  assert.deepEqual(await sinks(), ["b", "c"]);
  await state.reset({ source: "x" });
  assert.deepEqual(await sinks(), ["c"]);
  assert.equal(await state.origin("x"), undefined);
  assert.equal(await state.origin("y"), 1);
  await state.reset();
  assert.deepEqual(await sinks(), []);
});

Deno.test("SqliteState.cursors() has none before the first run has made its tables", async () => {
  const path = await Deno.makeTempFile({ prefix: "sluice-state-" });
  try {
    const options = { clock: new FakeClock(), readOnly: true };
    await using state = openSqliteState(path, options);
    assert.deepEqual(await state.cursors(), []);
  } finally {
    await Deno.remove(path);
  }
});
