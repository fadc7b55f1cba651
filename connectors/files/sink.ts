/**
 * Files: JSON lines, CSV or Parquet.
 *
 * @module
 */
import { basename } from "node:path";
import {
  type Config,
  defineSink,
  fields,
  type OpenSink,
  optional,
  type SinkContext,
} from "../../runtime/component.ts";
import { AppendedFiles } from "./appended.ts";
import { jsonlFormat } from "./jsonl.ts";
import type { ParquetColumns } from "./parquet_columns.ts";

const formats = ["jsonl", "csv", "parquet"] as const;

type Format = typeof formats[number];

const extensions: Readonly<Record<string, Format>> = {
  jsonl: "jsonl",
  ndjson: "jsonl",
  csv: "csv",
  parquet: "parquet",
};

const fileFields = {
  path: fields.string(
    "File; relative to the working directory, folders are created",
  ),
  format: optional(
    fields.choice(formats, "Format; by default what the extension says"),
  ),
  compress: optional(
    fields.choice(
      ["gzip", "none"],
      "Compression; by default gzip when the path ends in .gz",
    ),
  ),
  rotate: optional(
    fields.object(
      {
        blocks: optional(
          fields.integer("Blocks that a file spans at most", { min: 1 }),
        ),
        bytes: optional(
          fields.size("Size at which a file gets no more rows"),
        ),
      },
      "When to start a new file: data/logs.jsonl becomes " +
        "data/logs.000001.jsonl and so on",
    ),
  ),
};

/** Some appends a batch: each batch costs two saves of the cursor. */
const small = { rows: 50_000, bytes: 4 << 20, every: 1_000 };

/** A file a batch: few and large ones are what readers of Parquet want. */
const large = { rows: 100_000, bytes: 64 << 20, every: 60_000 };

type FileConfig = Config<typeof fileFields>;

/** Append rows to files; a retraction is a row with `_op: retract`. */
export const fileSink = defineSink({
  type: "file",
  summary:
    "Append rows to JSON lines, CSV or Parquet files; the last column, " +
    "_op, says insert or retract",
  fields: fileFields,
  batch: (config) => formatOf(config) === "parquet" ? large : small,
  target: ({ path }) => path,
  alone: true,
  delivery: (config) =>
    formatOf(config) === "parquet"
      ? "exactly once: files behind the cursor are deleted after a crash; " +
        "a reorg appends the old rows again, their _op says retract"
      : "exactly once: cut back to the cursor after a crash; a reorg " +
        "appends the old rows again, their _op says retract",
  check({ config, place, schema }) {
    const { compress, path, rotate } = config;
    const format = formatOf(config);
    if (path.endsWith("/")) {
      place.at("path").report(`"${path}" is a folder`, "add a file's name");
    } else if (format === undefined) {
      place.at("path").report(
        `Cannot tell the format of "${path}"`,
        `end it in .jsonl, .csv or .parquet, or write format: jsonl`,
      );
    }
    if (format === "parquet" && (compress || path.endsWith(".gz"))) {
      place.at(compress ? "compress" : "path").report(
        "Parquet files are compressed already",
        compress ? "leave compress out" : "leave .gz out",
        { key: compress !== undefined },
      );
    }
    if (format === "parquet" && rotate) {
      place.at("rotate").report(
        "Every batch is a Parquet file of its own",
        "set its size with batch: { rows, bytes, every }",
        { key: true },
      );
    } else if (rotate && !rotate.blocks && !rotate.bytes) {
      place.at("rotate").report("No limit", "write blocks or bytes");
    }
    if (schema.some(({ name }) => name === "_op")) {
      place.at("from").report(
        `The input has a column "_op", which the file sink adds itself`,
        "rename it with a select transform",
      );
    }
  },
  example: `
name: blocks-to-file
connections:
  eth: { type: evm, url: "recording:pipelines/recordings/local" }
sources:
  chain: { type: evm.chain, connection: eth, emit: [blocks] }
sinks:
  blocks:
    type: file
    from: chain.blocks
    path: data/blocks.jsonl
    rotate: { blocks: 100000 }
`,
  open: (config, context): Promise<OpenSink<FileData>> =>
    formatOf(config) === "parquet"
      ? openParquet(config, context)
      : openText(config, context),
});

/** What a unit's rows are encoded to. */
type FileData = Uint8Array | ParquetColumns;

async function openText(
  config: FileConfig,
  context: SinkContext<unknown>,
): Promise<OpenSink<Uint8Array>> {
  const { name, pipeline, schema, state } = context;
  const { path, rotate } = config;
  const owner = { pipeline, sink: name };
  const format = formatOf(config) ?? "jsonl";
  const { encode, header } = format === "csv"
    ? (await import("./csv.ts")).csvFormat(schema)
    : jsonlFormat(schema);
  const compress = compressed(config);
  const files = await AppendedFiles.open(
    { path, owner, format, header, compress, rotate },
    state,
  );
  return {
    encode,
    write: (batch) => files.write(batch),
    [Symbol.asyncDispose]: () => files[Symbol.asyncDispose](),
  };
}

async function openParquet(
  { path }: FileConfig,
  { name, pipeline, schema, state }: SinkContext<unknown>,
): Promise<OpenSink<ParquetColumns>> {
  const owner = { pipeline, sink: name };
  const { ParquetFiles } = await import("./parquet.ts");
  const { parquetEncoder } = await import("./parquet_columns.ts");
  const files = await ParquetFiles.open({ path, owner, schema }, state);
  const { encode } = parquetEncoder(schema);
  return { encode, write: (batch) => files.write(batch) };
}

function compressed({ compress, path }: FileConfig): boolean {
  return compress === undefined ? path.endsWith(".gz") : compress === "gzip";
}

function formatOf({ format, path }: FileConfig): Format | undefined {
  if (format) return format;
  const extension = /\.([^.]+)$/.exec(basename(path).replace(/\.gz$/, ""))?.[1];
  return extensions[extension?.toLowerCase() ?? ""];
}
