/**
 * The requests of a write: which rows go together, and how many requests are
 * under way at a time.
 *
 * @module
 */
import {
  type Chunk,
  type Reject,
  RejectedError,
  type Row,
} from "../../runtime/component.ts";
import type { ScyllaClient, Statement } from "./client.ts";
import type { Consistency } from "./consistency.ts";
import { responseCode } from "./errors.ts";
import { type EncodedRows, readValues } from "./rows.ts";
import { deleteRow, insertRow, keyColumns, type TableShape } from "./table.ts";
import type { Timeline } from "./timeline.ts";

/**
 * Requests under way. Measured on one node: 64 give two thirds of the
 * rate of 256, and above that the waits grow more than the rate.
 */
const concurrency = 256;

/** Rows of one partition in one request; more make a node stumble. */
const batchRows = 50;

/** Bytes in one request: what servers warn of begins at 64 KiB. */
const batchBytes = 60 * 1024;

/**
 * A null is a tombstone in its cell, and reads of many rows stumble over
 * those; from so many on, one deletion of what the key had before is cheaper,
 * and the nulls are left out.
 */
const mostNulls = 2;

/** Servers answer so when a request cannot be carried out as it is. */
const invalid = 0x2200;

/** What invalid requests say, Scylla's and Cassandra's, of rows too large. */
const rowTrouble = /too large|oversized/i;

/** One row on its way: where its values are, and what is done with it. */
interface Mutation {
  readonly rows: EncodedRows;
  readonly start: number;
  readonly bytes: number;
  readonly op: Chunk<EncodedRows>["unit"]["op"];
  readonly timestamp: bigint;
}

/** Rows that go in one request: all of one partition. */
type Request = readonly Mutation[];

/** The requests of a write, as far as they are not carried out. */
export interface Plan {
  /** What they were made of: the same write comes again with the same. */
  readonly chunks: readonly Chunk<EncodedRows>[];
  readonly waiting: Request[];
  readonly rejects: Reject[];
  /** The timestamp of its last unit. */
  readonly last: number;
}

/** Put the rows of a write into requests. */
export function planWrite(
  chunks: readonly Chunk<EncodedRows>[],
  { shape, timeline }: {
    readonly shape: TableShape;
    readonly timeline: Timeline;
  },
): Plan {
  const waiting: Request[] = [];
  const partitions = new Map<string, Mutation[]>();
  for (const { data, unit } of chunks) {
    const timestamp = BigInt(timeline.next(unit));
    const { places, values } = data;
    for (let index = 0; index < places.length; index += 2) {
      const start = places[index] ?? 0;
      // A row that was overwritten within its unit leaves a gap: it counts.
      const bytes = (places[index + 2] ?? values.length) - start;
      const mutation = { rows: data, start, bytes, op: unit.op, timestamp };
      if (shape.clustering.length === 0) {
        waiting.push([mutation]);
        continue;
      }
      const key = values.toString("latin1", start, places[index + 1]);
      const partition = partitions.get(key);
      if (partition) partition.push(mutation);
      else partitions.set(key, [mutation]);
    }
  }
  for (const rows of partitions.values()) waiting.push(...requestsOf(rows));
  // Taken from the end: what is oldest in the chain goes first.
  waiting.reverse();
  return { chunks, waiting, rejects: [], last: timeline.last };
}

function* requestsOf(rows: readonly Mutation[]): Generator<Request> {
  let request: Mutation[] = [];
  let bytes = 0;
  for (const row of rows) {
    const full = request.length >= batchRows || bytes + row.bytes > batchBytes;
    if (full && request.length > 0) {
      yield request;
      request = [];
      bytes = 0;
    }
    request.push(row);
    bytes += row.bytes;
  }
  if (request.length > 0) yield request;
}

/** What carries out requests. */
export interface Executor {
  /**
   * Carry out what a plan has waiting. What is done leaves the plan, so that
   * the next attempt has the rest only.
   *
   * @throws {RejectedError} The server finds rows too large; all others are
   * stored.
   */
  execute(plan: Plan, signal: AbortSignal): Promise<void>;
}

/** Make what carries out the requests for a table. */
export function executor(
  client: ScyllaClient,
  { consistency, shape }: {
    readonly consistency: Consistency | undefined;
    readonly shape: TableShape;
  },
): Executor {
  const insert = insertRow(shape);
  const remove = deleteRow(shape);
  const columns = shape.schema.length;
  const keys = keyColumns(shape).length;
  const options = {
    idempotent: true,
    ...(consistency === undefined ? {} : { consistency }),
  };

  /** The statements of one row; of one partition, so of one mutation. */
  function statements({ op, rows, start, timestamp }: Mutation): Statement[] {
    const count = op === "insert" ? columns : keys;
    const values = readValues(rows.values, { start, count });
    if (op === "retract") {
      return [{ query: remove, params: [timestamp, ...values] }];
    }
    const nulls = values.filter((value) => value === null).length;
    if (nulls <= mostNulls) {
      return [{ query: insert, params: [...values, timestamp] }];
    }
    // The driver leaves out what is undefined.
    const given = values.map((value) => value ?? undefined);
    const key = values.slice(0, keys);
    return [
      { query: remove, params: [timestamp - 1n, ...key] },
      { query: insert, params: [...given, timestamp] },
    ];
  }

  async function send(request: Request): Promise<void> {
    const all = request.flatMap(statements);
    const [first, second] = all;
    if (first === undefined) return;
    if (second !== undefined) await client.batch(all, options);
    else await client.execute(first.query, first.params, options);
  }

  async function store(request: Request, plan: Plan): Promise<void> {
    try {
      await send(request);
    } catch (error) {
      if (!isRowTrouble(error)) throw error;
      if (request.length > 1) {
        for (const row of request) await store([row], plan);
        return;
      }
      const row = rowOf(request);
      if (row === undefined) throw error;
      plan.rejects.push({ row, reason: (error as Error).message });
    }
  }

  return {
    async execute(plan, signal) {
      const { rejects, waiting } = plan;
      const failed: { readonly error: unknown; readonly request: Request }[] =
        [];
      const work = async () => {
        while (failed.length === 0 && !signal.aborted) {
          const request = waiting.pop();
          if (request === undefined) return;
          await store(request, plan).catch((error) => {
            failed.push({ error, request });
          });
        }
      };
      const all = Promise.all(Array.from({ length: concurrency }, work));
      await Promise.race([all, aborted(signal)]);
      waiting.push(...failed.map(({ request }) => request));
      if (failed[0]) throw failed[0].error;
      signal.throwIfAborted();
      if (rejects.length > 0) {
        throw new RejectedError(
          `Scylla "${client.name}" refuses ${rejects.length} rows of ` +
            `"${shape.table}"`,
          rejects,
        );
      }
    },
  };
}

/** Resolves when nobody waits any more for requests that may hang. */
function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function isRowTrouble(error: unknown): boolean {
  const { cause, message } = error as Error;
  return responseCode(cause) === invalid && rowTrouble.test(message);
}

function rowOf([first]: Request): Row | undefined {
  return first?.rows.doubtful.get(first.start);
}
