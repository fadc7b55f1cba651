import assert from "node:assert/strict";
import type { Batch } from "../../../runtime/component.ts";
import { RejectedError, RetryableError } from "../../../runtime/errors.ts";
import type { Reject } from "../../../runtime/errors.ts";
import type { UnitEvent } from "../../../runtime/run/events.ts";
import { createLogger } from "../../../runtime/run/log.ts";
import { Metrics } from "../../../runtime/run/metrics.ts";
import type { Cursor } from "../../../runtime/run/state.ts";
import { Writer } from "../../../runtime/run/writer.ts";
import type { Row } from "../../../runtime/row.ts";
import { FakeClock, settled } from "../../fixtures/fake_clock.ts";
import { ledger, sinkStage } from "./toy.ts";

interface Setup {
  readonly limits?: { rows?: number; bytes?: number; every?: number };
  readonly cursor?: Partial<Cursor>;
  /** What the nth write does, instead of storing. */
  readonly write?: (batch: Batch<unknown>, call: number) => Promise<void>;
  /** Lets a write leave: at once unless stated. */
  readonly hold?: () => Promise<AbortSignal>;
}

const forEver = () => Promise.resolve(new AbortController().signal);

function setup(
  { cursor = {}, hold = forEver, limits = {}, write }: Setup = {},
) {
  const clock = new FakeClock();
  const metrics = new Metrics();
  const batches: Batch<unknown>[] = [];
  const saved: Cursor[] = [];
  const rejects: Reject[] = [];
  const failures: unknown[] = [];
  const stop = new AbortController();
  let calls = 0;
  const stage = {
    ...sinkStage("out", ledger([])),
    batch: { rows: 10, bytes: 1000, every: 500, ...limits },
  };
  const writer = new Writer({
    pipeline: "toy",
    stage,
    sink: {
      encode: (rows) => ({ data: rows, bytes: rows.length * 10 }),
      async write(batch) {
        await write?.(batch, ++calls);
        batches.push(batch);
      },
    },
    cursor: {
      sink: "out",
      source: "chain",
      at: undefined,
      seq: 0,
      base: 7,
      state: undefined,
      pending: undefined,
      ...cursor,
    },
    hold,
    save: (cursor) => {
      saved.push(cursor);
      return Promise.resolve();
    },
    rejected: (found) => {
      rejects.push(...found);
      return Promise.resolve();
    },
    failed: (error) => failures.push(error),
    clock,
    log: createLogger({ level: "error", secrets: [], write: () => {} }),
    metrics,
    signal: stop.signal,
  });
  const push = (number: number, rows = 1, more: Partial<UnitEvent> = {}) =>
    writer.push(
      {
        number,
        id: `id${number}`,
        op: "insert",
        parent: `id${number - 1}`,
        time: 0,
        seq: 0,
        version: 0,
        rows: () => ({}),
        stored: () => Promise.resolve({}),
        ...more,
      },
      Array.from({ length: rows }, (_, index): Row => ({ index })),
      () => {},
    );
  return {
    batches,
    clock,
    failures,
    metrics,
    push,
    rejects,
    saved,
    stop,
    writer,
  };
}

Deno.test("Writer writes when the rows are enough, not before", async () => {
  const { batches, push, writer } = setup({ limits: { rows: 3 } });
  await push(1);
  await push(2);
  await settled();
  assert.equal(batches.length, 0);
  await push(3);
  await settled();
  assert.equal(batches.length, 1);
  assert.equal(batches[0]?.rows, 3);
  await writer.drain();
});

Deno.test("Writer writes when the oldest row is old enough", async () => {
  const { batches, clock, push, writer } = setup({ limits: { every: 200 } });
  await push(1);
  await clock.advance(150);
  await push(2);
  await clock.advance(49);
  assert.equal(batches.length, 0);
  await clock.advance(1);
  assert.equal(batches[0]?.rows, 2);
  await writer.drain();
});

Deno.test("Writer saves the cursor behind the write and its intent before it", async () => {
  const { push, saved, writer } = setup({ limits: { rows: 1 } });
  await push(5);
  await writer.drain();
  assert.deepEqual(saved.map(({ at, pending }) => [at, pending?.number]), [
    [undefined, 5],
    [{ number: 5, id: "id5" }, undefined],
  ]);
});

Deno.test("Writer saves the sequence of what came before a final unit", async () => {
  const { push, saved, writer } = setup();
  await push(5, 1, { seq: 101 });
  await push(5, 1, { op: "retract", seq: 102 });
  await push(5, 1, { id: "final" });
  await writer.drain();
  const { at, seq } = saved.at(-1)!;
  assert.deepEqual([at, seq], [{ number: 5, id: "final" }, 102]);
});

Deno.test("Writer moves the cursor over units without rows", async () => {
  const { batches, clock, push, saved, writer } = setup();
  await push(1, 0);
  await push(2, 0);
  await clock.advance(500);
  assert.equal(batches.length, 0);
  assert.deepEqual(saved.at(-1)?.at, { number: 2, id: "id2" });
  await writer.drain();
});

Deno.test("Writer blocks its source when two batches wait, and lets go after a write", async () => {
  const gate = Promise.withResolvers<void>();
  const { push, writer } = setup({
    limits: { bytes: 20, rows: 1000 },
    write: () => gate.promise,
  });
  await push(1, 2);
  await push(2, 2);
  let went = false;
  const blocked = push(3, 2).then(() => went = true);
  await settled();
  assert.equal(went, false);
  gate.resolve();
  await blocked;
  await writer.drain();
});

Deno.test("Writer tries a retryable write again with the same token, and waits as long as it was told", async () => {
  const tokens: string[] = [];
  const { batches, clock, metrics, push, writer } = setup({
    limits: { rows: 1 },
    write: (batch, call) => {
      tokens.push(batch.token);
      return call === 1
        ? Promise.reject(new RetryableError("busy", { after: 60_000 }))
        : Promise.resolve();
    },
  });
  await push(1);
  await clock.advance(59_999);
  assert.equal(batches.length, 0);
  await clock.advance(1);
  assert.equal(batches.length, 1);
  assert.equal(new Set(tokens).size, 1);
  assert.equal(metrics.total("sluice_sink_retries_total"), 1);
  await writer.drain();
});

Deno.test("Writer hands on what the store refuses and acknowledges the rest", async () => {
  const { push, rejects, saved, writer } = setup({
    limits: { rows: 2 },
    write: () =>
      Promise.reject(
        new RejectedError("no", [{ row: { index: 1 }, reason: "too long" }]),
      ),
  });
  await push(1, 2);
  await writer.drain();
  assert.deepEqual(rejects, [{ row: { index: 1 }, reason: "too long" }]);
  assert.equal(saved.at(-1)?.at?.number, 1);
});

Deno.test("Writer reports any other error and takes nothing more", async () => {
  const { failures, push, saved, writer } = setup({
    limits: { rows: 1 },
    write: () => Promise.reject(new Error("broken")),
  });
  await push(1);
  await settled();
  assert.match(String(failures[0]), /broken/);
  await assert.rejects(push(2), /broken/);
  await assert.rejects(writer.drain(), /broken/);
  assert.equal(saved.at(-1)?.at, undefined);
});

Deno.test("Writer repeats a write that may have happened with the same units and token", async () => {
  const first = setup({
    limits: { rows: 3 },
    write: () => Promise.reject(new Error("killed")),
  });
  await first.push(1);
  await first.push(2);
  await first.push(3).catch(() => {});
  await settled();
  const cursor = first.saved.at(-1);
  assert.equal(cursor?.pending?.number, 3);

  const tokens: string[] = [];
  const second = setup({
    // Other limits: the write must end where the first one ended all the same.
    limits: { rows: 1 },
    cursor: cursor ?? {},
    write: (batch) => {
      tokens.push(batch.token);
      return Promise.resolve();
    },
  });
  for (const number of [1, 2, 3, 4]) await second.push(number);
  await second.writer.drain();
  assert.deepEqual(second.batches.map(({ rows }) => rows), [3, 1]);
  const again = setup({ limits: { rows: 3 } });
  for (const number of [1, 2, 3]) await again.push(number);
  await again.writer.drain();
  assert.equal(tokens[0], again.batches[0]?.token);
  assert.notEqual(tokens[0], tokens[1]);
});

Deno.test("Writer ends a repeated write at a unit that was final and is journaled now", async () => {
  const { batches, clock, push, writer } = setup({
    cursor: { pending: { op: "insert", number: 2, id: "id2", seq: 0 } },
  });
  await push(1, 1, { seq: 101 });
  await push(2, 1, { seq: 102 });
  await clock.advance(500);
  assert.deepEqual(batches.map(({ rows }) => rows), [2]);
  await writer.drain();
});

Deno.test("Writer.repeats() says what a write that was cut off may have stored", async () => {
  const event = (number: number, seq: number) => ({
    op: "insert" as const,
    number,
    seq,
    version: seq,
    id: `id${number}`,
    parent: undefined,
    time: 0,
    rows: () => ({}),
    stored: () => Promise.resolve({}),
  });
  const journaled = setup({
    cursor: { pending: { op: "insert", number: 5, id: "id5", seq: 100 } },
  }).writer;
  assert.equal(journaled.repeats(event(5, 100)), true);
  assert.equal(journaled.repeats(event(6, 101)), false);
  assert.equal(journaled.repeats(event(5, 102)), false);
  const final = setup({
    cursor: { pending: { op: "insert", number: 5, id: "id5", seq: 0 } },
  }).writer;
  assert.equal(final.repeats(event(5, 100)), true);
  assert.equal(final.repeats(event(6, 101)), false);
  assert.equal(setup().writer.repeats(event(1, 1)), false);
  for (const writer of [journaled, final]) await writer.drain();
});

Deno.test("Writer.wants() skips what the sink has", async () => {
  const { push, writer } = setup({
    cursor: { at: { number: 10, id: "id10" }, seq: 100 },
  });
  const event = (op: "insert" | "retract", number: number, seq: number) => ({
    op,
    number,
    seq,
    version: seq,
    id: `id${number}`,
    parent: undefined,
    time: 0,
    rows: () => ({}),
    stored: () => Promise.resolve({}),
  });
  assert.equal(writer.wants(event("insert", 10, 0)), false);
  assert.equal(writer.wants(event("insert", 11, 0)), true);
  assert.equal(writer.wants(event("insert", 11, 100)), false);
  assert.equal(writer.wants(event("insert", 11, 101)), true);
  assert.equal(writer.wants(event("retract", 10, 101)), true);
  assert.equal(writer.wants(event("retract", 11, 101)), false);
  await push(10, 1, { op: "retract", seq: 101 });
  assert.equal(writer.wants(event("insert", 10, 102)), true);
  await writer.drain();
});

Deno.test("Writer.wants() takes no branch that the sink never was on", async () => {
  const { push, writer } = setup({
    cursor: { at: { number: 10, id: "final" }, seq: 0 },
  });
  const event = (op: "insert" | "retract", number: number, seq: number) => ({
    op,
    number,
    seq,
    version: seq,
    id: `id${number}`,
    parent: `id${number - 1}`,
    time: 0,
    rows: () => ({}),
    stored: () => Promise.resolve({}),
  });
  assert.equal(writer.wants(event("insert", 11, 101)), false);
  assert.equal(writer.wants(event("insert", 12, 102)), false);
  assert.equal(writer.wants(event("retract", 10, 103)), false);
  await push(11, 1, { parent: "final" });
  assert.equal(writer.wants(event("insert", 12, 104)), true);
  await writer.drain();
});

Deno.test("Writer gives up an earlier write's end that does not come again", async () => {
  const pending = { number: 3, id: "lost", op: "insert", seq: 0 } as const;
  const { batches, clock, push, writer } = setup({ cursor: { pending } });
  for (const number of [1, 2, 3]) await push(number);
  await clock.advance(10_000);
  assert.equal(batches.length, 0, "it may still come");
  await push(4);
  await clock.advance(500);
  assert.deepEqual(batches.map(({ rows }) => rows), [4]);
  await writer.drain();
});

Deno.test("Writer holds a write back until the lease is held, and saves its end before", async () => {
  const held = Promise.withResolvers<AbortSignal>();
  const { batches, push, saved, writer } = setup({
    limits: { rows: 1 },
    hold: () => held.promise,
  });
  await push(1);
  await settled();
  assert.equal(batches.length, 0);
  assert.equal(saved.at(-1)?.pending?.number, 1);
  held.resolve(new AbortController().signal);
  await writer.drain();
  assert.equal(batches.length, 1);
});

Deno.test("Writer repeats a write that was cut off when the lease ran out, as soon as it is held again", async () => {
  const leases = [new AbortController(), new AbortController()];
  const tokens: string[] = [];
  let taken = 0;
  const { batches, clock, push, writer } = setup({
    limits: { rows: 1 },
    hold: () =>
      Promise.resolve((leases[taken++] ?? new AbortController()).signal),
    write({ signal, token }, call) {
      tokens.push(token);
      if (call > 1) return Promise.resolve();
      return new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      });
    },
  });
  await push(1);
  await settled();
  leases[0]?.abort(new Error("The lease ran out"));
  await settled();
  assert.equal(clock.waiting, 0, "no pause: it did not fail");
  await writer.drain();
  assert.equal(batches.length, 1);
  assert.deepEqual(tokens, [tokens[0], tokens[0]]);
});
