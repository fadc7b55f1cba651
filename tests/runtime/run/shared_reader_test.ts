import assert from "node:assert/strict";
import type {
  OpenSource,
  ReadOptions,
  SourceUnit,
} from "../../../runtime/component.ts";
import { RetryableError, UserError } from "../../../runtime/errors.ts";
import type { UnitEvent } from "../../../runtime/run/events.ts";
import { createLogger } from "../../../runtime/run/log.ts";
import { SharedReader } from "../../../runtime/run/shared_reader.ts";
import { FakeClock } from "../../fixtures/fake_clock.ts";

function unit(number: number, more: Partial<SourceUnit> = {}): SourceUnit {
  return {
    number,
    id: `id${number}`,
    time: number * 1000,
    rows: { rows: [{ number }] },
    bytes: 10,
    final: true,
    ...more,
  };
}

/** A source that does this at its first read, that at its second … */
function setup(
  ...reads: ((options: ReadOptions) => AsyncIterable<SourceUnit>)[]
) {
  const acknowledged: number[] = [];
  const lines: { level: string; message: string }[] = [];
  const clock = new FakeClock();
  let read = 0;
  const source: OpenSource = {
    read(options) {
      const next = reads[read++];
      assert(next, "Read once more than expected");
      return next(options);
    },
    acknowledge: (units) => acknowledged.push(units),
  };
  const reader = new SharedReader({
    name: "orders",
    source,
    clock,
    log: createLogger({
      level: "debug",
      secrets: [],
      write: (line) => void lines.push(line),
    }),
  });
  return { acknowledged, clock, lines, reader };
}

async function* units(...given: SourceUnit[]) {
  for (const one of given) yield await Promise.resolve(one);
}

async function all(events: AsyncIterable<UnitEvent>): Promise<UnitEvent[]> {
  const found: UnitEvent[] = [];
  for await (const event of events) found.push(event);
  return found;
}

Deno.test("SharedReader passes on what fed the other side, for each unit", async () => {
  const rejects = [{ row: { raw: "?" }, reason: "No JSON" }];
  const { reader } = setup(() =>
    units(
      unit(7, { op: "retract", part: 3, version: 99 }),
      unit(8, { rejects }),
    )
  );
  const { signal } = new AbortController();
  const [first, second] = await all(reader.events({ signal }));
  assert(first && second);
  assert.deepEqual(
    [first.number, first.id, first.op, first.part, first.version, first.seq],
    [7, "id7", "retract", 3, 99, 0],
  );
  assert.deepEqual(await first.rows(), { rows: [{ number: 7 }] });
  assert.deepEqual([second.op, second.part], ["insert", 0]);
  assert.deepEqual(second.rejects, rejects);
  assert.deepEqual(reader.tip, { number: 8, id: "id8" });
});

Deno.test("SharedReader tells the source what is new since it last did", () => {
  const { acknowledged, reader } = setup();
  for (const units of [0, 3, 3, 2, 10]) reader.acknowledge(units);
  assert.deepEqual(acknowledged, [3, 7]);
});

Deno.test("SharedReader reads again after an outage and says so twice", async () => {
  const away = async function* (): AsyncGenerator<SourceUnit> {
    yield* await Promise.resolve([]);
    throw new RetryableError("The broker is away");
  };
  const { clock, lines, reader } = setup(
    () => units(unit(1)),
    away,
    away,
    away,
    () => units(unit(2)),
  );
  const { signal } = new AbortController();
  // The first read ends by itself: a source that is done.
  assert.equal((await all(reader.events({ signal }))).length, 1);
  const events = all(reader.events({ signal }));
  for (let i = 0; i < 3; i++) await clock.advance(60_000);
  assert.deepEqual((await events).map(({ number }) => number), [2]);
  assert.deepEqual(
    lines.filter(({ level }) => level !== "debug")
      .map(({ level, message }) => [level, message]),
    [
      ["warn", "Source fails, tries again"],
      ["info", "Source reads again"],
    ],
  );
});

Deno.test("SharedReader ends with an error that no retry mends", async () => {
  const { reader } = setup(async function* () {
    yield unit(1);
    await Promise.resolve();
    throw new UserError("No such topic");
  });
  const { signal } = new AbortController();
  await assert.rejects(all(reader.events({ signal })), UserError);
});

Deno.test("SharedReader ends at a drain, also between two attempts", async () => {
  const drain = new AbortController();
  const { clock, reader } = setup(async function* () {
    await Promise.resolve();
    yield* [];
    throw new RetryableError("The broker is away");
  });
  const events = all(reader.events({ signal: drain.signal }));
  await clock.advance(0);
  assert.equal(clock.waiting, 1);
  drain.abort();
  assert.deepEqual(await events, []);
});
