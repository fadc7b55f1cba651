import assert from "node:assert/strict";
import fc from "fast-check";
import { openSession } from "../../../connectors/scylla/session.ts";
import { scyllaSink } from "../../../connectors/scylla/sink.ts";
import {
  type Chunk,
  RetryableError,
  type Row,
  type Schema,
  type SinkState,
  type UnitInfo,
} from "../../../runtime/component.ts";
import { canonicalRows } from "../../contracts/canonical.ts";
import { openContext } from "../../contracts/open_context.ts";
import { cassandra, javaTest, uniqueName } from "../../services/mod.ts";
import { type Fate, FlakyClient } from "./flaky.ts";
import { sinkConfig } from "./hot.ts";

/** Few keys, so that rows replace each other; nulls, few and many. */
const schema: Schema = [
  { name: "run", type: "string", doc: "Which of the runs" },
  { name: "k", type: "uint8", doc: "Key" },
  { name: "a", type: "uint64", nullable: true, doc: "Or null" },
  { name: "b", type: "string", nullable: true, doc: "Or null" },
  { name: "c", type: "list<uint256>", nullable: true, doc: "Or null" },
  { name: "d", type: "bool", nullable: true, doc: "Or null" },
];

const keys = 6;

const arbitraryRow = fc.record({
  k: fc.integer({ min: 1, max: keys }),
  a: fc.option(fc.nat()),
  b: fc.option(fc.string({ maxLength: 4 })),
  c: fc.option(fc.array(fc.bigInt(0n, 2n ** 256n - 1n), { maxLength: 2 })),
  d: fc.option(fc.boolean()),
});

/** A block, final when it comes or not, or a reorg of so many blocks. */
const arbitraryStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      final: fc.boolean(),
      rows: fc.array(arbitraryRow, { maxLength: 4 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ depth: fc.integer({ min: 1, max: 4 }) }),
  },
);

type Step =
  | { readonly final: boolean; readonly rows: readonly Row[] }
  | { readonly depth: number };

const scenario = fc.record({
  steps: fc.array(arbitraryStep, { minLength: 1, maxLength: 16 }),
  /** Units of each write, by turns. */
  sizes: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1 }),
  /** Whether the process dies behind a write, by turns. */
  deaths: fc.array(fc.boolean(), { minLength: 1, maxLength: 8 }),
  fates: fc.array(
    fc.constantFrom<Fate>("done", "done", "lost", "unanswered"),
    { maxLength: 12 },
  ),
  /** Which writes of the past arrive again behind each write. */
  late: fc.array(fc.nat(), { maxLength: 12 }),
});

interface Event {
  readonly unit: UnitInfo;
  readonly rows: readonly Row[];
}

/** What the runtime would make of the steps. */
function eventsOf(steps: readonly Step[], run: string): Event[] {
  const base = 1_700_000_000_000;
  const events: Event[] = [];
  const open: Event[] = [];
  let number = 100;
  let seq = 0;
  const add = (unit: Partial<UnitInfo>, rows: readonly Row[]) => {
    const id = `0x${events.length}`;
    const time = base + number;
    const version = unit.version ?? (seq = Math.max(seq + 1, base - 500));
    const event = {
      unit: { number, id, time, op: "insert" as const, version, ...unit },
      rows,
    };
    events.push(event);
    return event;
  };
  for (const step of steps) {
    if ("depth" in step) {
      for (let depth = step.depth; depth > 0 && open.length > 0; depth--) {
        const gone = open.pop() as Event;
        number = gone.unit.number;
        add({ op: "retract", id: gone.unit.id }, gone.rows);
        number = gone.unit.number - 1;
      }
      continue;
    }
    number++;
    const rows = step.rows.map((row) => ({ run, ...row }));
    // What is final comes with a version that is not of its own: now, or
    // when the sink was new, which may be after the others' journal.
    if (step.final) {
      open.length = 0;
      add({ version: Math.max(seq + 1, base) }, rows);
    } else open.push(add({}, rows));
  }
  return events;
}

/** What every sink must hold: the last word on each key. */
function fold(events: readonly Event[]): Row[] {
  const rows = new Map<Row[string], Row>();
  for (const { rows: all, unit } of events) {
    for (const row of all) {
      if (unit.op === "insert") rows.set(row["k"] ?? null, row);
      else rows.delete(row["k"] ?? null);
    }
  }
  return [...rows.values()];
}

async function flaky(fate: () => Fate): Promise<FlakyClient> {
  const hosts = await cassandra();
  const keyspace = uniqueName("flaky");
  const names = { connection: "hot", hosts, username: undefined, keyspace };
  const open = () =>
    openSession({
      ...names,
      name: "hot",
      hosts: [hosts],
      dataCenter: undefined,
      replication: 1,
      password: undefined,
      tls: undefined,
      consistency: "local_quorum",
      timeout: 12_000,
      log: openContext().log,
    });
  return new FlakyClient({ ...names, open }, fate);
}

const shapes = {
  "rows that share a partition": [["run"], "k"],
  "rows of their own partitions": [["run", "k"]],
};

type Sink = Awaited<ReturnType<typeof scyllaSink.open>>;
type Encoded = ReturnType<Sink["encode"]>["data"];

/** A table of few keys, whose every run has rows of its own. */
interface Bench extends AsyncDisposable {
  readonly client: FlakyClient;
  /** What happens to the next writes, the last one first. */
  fates: Fate[];
  open(state?: SinkState, shared?: boolean): Promise<Sink>;
  read(run: string): Promise<unknown>;
}

async function bench(primaryKey: (string | string[])[]): Promise<Bench> {
  const client = await flaky(() => made.fates.pop() ?? "done");
  const config = sinkConfig({ table: "rows", primary_key: primaryKey });
  const made: Bench = {
    client,
    fates: [],
    open: async (state, shared = false) =>
      await scyllaSink.open(config, {
        ...openContext({ name: "out" }),
        connection: client,
        schema,
        state,
        shared,
      }),
    async read(run) {
      const where = "SELECT * FROM rows WHERE run = ? AND k = ?";
      const rows = await Promise.all(
        Array.from({ length: keys }, async (_, k) => {
          return (await client.execute(where, [run, BigInt(k + 1)])).rows;
        }),
      );
      return canonicalRows(schema, rows.flat());
    },
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
  return made;
}

function chunkOf(sink: Sink, { rows, unit }: Event): Chunk<Encoded> {
  const encoded = sink.encode(rows, unit, () => assert.fail());
  return { ...encoded, rows: rows.length, unit };
}

for (const [name, primaryKey] of Object.entries(shapes)) {
  javaTest(
    `scyllaSink holds the fold of whatever was written, ${name}`,
    async () => {
      await using place = await bench(primaryKey);
      let runs = 0;
      const holds = fc.asyncProperty(scenario, async (given) => {
        const { deaths, fates, late, sizes, steps } = given;
        const run = `run ${runs++}`;
        const events = eventsOf(steps, run);
        place.fates = [...fates];
        const dying = [...deaths];
        const lates = [...late];
        let state: SinkState | undefined;
        let sink = await place.open();
        for (let at = 0, turn = 0; at < events.length; turn++) {
          const size = sizes[turn % sizes.length] ?? 1;
          const units = events.slice(at, at + size);
          const stored = await write(
            sink,
            units.map((one) => chunkOf(sink, one)),
          );
          const again = lates.pop();
          if (again !== undefined) await place.client.late(again);
          // Killed before its cursor was saved, it writes the same again.
          if (dying.pop()) sink = await place.open(state);
          else {
            state = stored;
            at += size;
          }
        }
        for (const pick of lates) await place.client.late(pick);
        const expected = canonicalRows(schema, fold(events));
        assert.deepEqual(await place.read(run), expected);
      });
      await fc.assert(holds, { numRuns: 40 });
    },
  );

  javaTest(
    `scyllaSink holds the fold of units that come in any order, ${name}`,
    async () => {
      await using place = await bench(primaryKey);
      const sinks = [
        await place.open(undefined, true),
        await place.open(undefined, true),
      ];
      let runs = 0;
      const shuffled = scenario.chain(({ steps }) => {
        const run = `run ${runs++}`;
        // A journal's versions grow with every unit: they say what came last.
        const journaled = steps.map((step) => ({ ...step, final: false }));
        const events = eventsOf(journaled, run);
        return fc.record({
          events: fc.constant(events),
          run: fc.constant(run),
          order: fc.shuffledSubarray(events, { minLength: events.length }),
        });
      });
      const holds = fc.asyncProperty(
        shuffled,
        async ({ events, order, run }) => {
          for (const [index, event] of order.entries()) {
            const sink = sinks[index % sinks.length] ?? assert.fail();
            await write(sink, [chunkOf(sink, event)]);
          }
          const expected = canonicalRows(schema, fold(events));
          assert.deepEqual(await place.read(run), expected);
        },
      );
      await fc.assert(holds, { numRuns: 20 });
    },
  );
}

/** As the runtime writes: the same chunks until they are stored. */
async function write(
  sink: Sink,
  chunks: readonly Chunk<Encoded>[],
): Promise<SinkState | undefined> {
  const { signal } = new AbortController();
  while (true) {
    try {
      const rows = chunks.length;
      const batch = { chunks, rows, bytes: rows, token: "t", signal };
      return await sink.write(batch) ?? undefined;
    } catch (error) {
      if (!(error instanceof RetryableError)) throw error;
    }
  }
}
