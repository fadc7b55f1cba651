/**
 * Standard output: rows for a pipe or for the eye.
 *
 * @module
 */
import {
  defineSink,
  fields,
  jsonLines,
  type OpenSink,
  optional,
  type Schema,
  type SinkContext,
  UserError,
} from "../../runtime/component.ts";
import { type Cells, tableCells, TableLayout } from "./table.ts";

const stdoutFields = {
  format: optional(
    fields.choice(
      ["jsonl", "table"],
      "jsonl: a JSON object a line; table: aligned columns, long hex is cut",
    ),
    "jsonl",
  ),
};

/** Print rows; a retraction is a row with `_op: retract`. */
export const stdoutSink = defineSink({
  type: "stdout",
  summary:
    "Print rows to standard output; the last column, _op, says insert or " +
    "retract",
  fields: stdoutFields,
  // Somebody may be looking: a fifth of a second is at once.
  batch: () => ({ rows: 1_000, bytes: 1 << 20, every: 200 }),
  delivery: () =>
    "at least once: after a crash the last rows are printed again",
  check({ place, schema }) {
    if (schema.some(({ name }) => name === "_op")) {
      place.at("from").report(
        `The input has a column "_op", which the stdout sink adds itself`,
        "rename it with a select transform",
      );
    }
  },
  example: `
name: watch-blocks
connections:
  eth: { type: evm, url: "recording:pipelines/recordings/local" }
sources:
  chain: { type: evm.chain, connection: eth, emit: [blocks] }
transforms:
  short:
    type: select
    from: chain.blocks
    columns: [number, timestamp, hash, gas_used]
sinks:
  screen: { type: stdout, from: short, format: table }
`,
  open: (
    { format },
    { schema }: SinkContext<unknown>,
  ): OpenSink<Printable> =>
    format === "table"
      ? printTable(schema, Deno.stdout)
      : printLines(schema, Deno.stdout),
});

/** What a unit's rows are encoded to. */
type Printable = Uint8Array | readonly Cells[];

/** Where the sink prints: standard output, or a test's list. */
export interface Output {
  write(bytes: Uint8Array): Promise<number>;
}

const utf8 = new TextEncoder();

/** Print JSON lines. */
export function printLines(
  schema: Schema,
  output: Output,
): OpenSink<Uint8Array> {
  const lines = {
    insert: jsonLines(schema, { extra: { _op: "insert" } }),
    retract: jsonLines(schema, { extra: { _op: "retract" } }),
  };
  return {
    encode(rows, { op }) {
      const data = utf8.encode(lines[op](rows));
      return { data, bytes: data.length };
    },
    async write({ chunks }) {
      for (const { data } of chunks) await print(data, output);
    },
  };
}

/** Print a table that goes on from batch to batch. */
export function printTable(
  schema: Schema,
  output: Output,
): OpenSink<readonly Cells[]> {
  const cells = tableCells(schema);
  const layout = new TableLayout(schema);
  return {
    encode(rows, unit) {
      const data = cells(rows, unit);
      const bytes = data.flat().reduce((sum, { length }) => sum + length, 0);
      return { data, bytes };
    },
    async write({ chunks }) {
      const lines = chunks.flatMap(({ data }) => data);
      if (lines.length > 0) {
        await print(utf8.encode(layout.text(lines)), output);
      }
    },
  };
}

async function print(bytes: Uint8Array, output: Output): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    try {
      at += await output.write(bytes.subarray(at));
    } catch (cause) {
      if (!(cause instanceof Deno.errors.BrokenPipe)) throw cause;
      // `| head -n 1` has seen enough.
      throw new UserError("Standard output was closed", { cause });
    }
  }
}
