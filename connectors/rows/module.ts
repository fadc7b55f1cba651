/**
 * Transform rows with a TypeScript file of the user's.
 *
 * A module exports a function `transform`, or a default function:
 *
 * ```ts
 * import type { Context, Output } from "../../connectors/rows/module.ts";
 *
 * export function transform(row: { value: bigint }, _: Context): Output {
 *   return row.value === 0n ? null : { ...row, ether: Number(row.value) / 1e18 };
 * }
 * ```
 *
 * @module
 */
import { basename, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import {
  checkRow,
  type Config,
  defineTransform,
  type Emit,
  fields,
  type Row,
  type Schema,
  type UnitInfo,
  UserError,
} from "../../runtime/component.ts";

export type { Row, Value } from "../../runtime/component.ts";

/** What a module knows besides the row. */
export interface Context {
  /** The block (or poll tick, or batch) that the row belongs to. */
  readonly unit: {
    readonly number: number;
    readonly id: string;
    /** Milliseconds since 1970. */
    readonly time: number;
  };
}

/** A row as a module returns it; missing nullable columns become null. */
export type OutputRow = { readonly [column: string]: unknown };

/** What a module returns: a row, several, or null to drop the row. */
export type Output = OutputRow | readonly OutputRow[] | null;

/**
 * What a module exports. The same row must always give the same result: after
 * a reorg the abandoned block's rows are made again, to be taken back.
 */
export type Transform = (
  row: Row,
  context: Context,
) => Output | Promise<Output>;

const moduleFields = {
  module: fields.file(
    "TypeScript file that exports transform(row, context); relative to the " +
      "folder of the spec",
  ),
  columns: fields.map(
    fields.columnType(),
    "Columns of the rows that it returns: name to type; a ? behind the type " +
      "allows null",
  ),
};

type ModuleConfig = Config<typeof moduleFields>;

/** Transform each row with a function of the user's. */
export const module = defineTransform({
  type: "module",
  summary: "Transform each row with a TypeScript function: a row becomes " +
    "one, several or none",
  fields: moduleFields,
  rejects: true,
  check({ config, place }) {
    const file = resolve(place.folder, config.module);
    if (!isFile(file)) {
      place.at("module").report(
        `No file "${config.module}"`,
        `it would be ${file}`,
      );
    }
    const names = Object.keys(config.columns);
    if (names.length === 0) {
      place.at("columns").report("No column", "write name: type");
    }
    for (const name of names) {
      if (/^[A-Za-z][A-Za-z0-9_]*$/.test(name)) continue;
      place.at("columns").at(name).report(
        `"${name}" cannot be a column`,
        "letters, digits and _ only, a letter first",
        { key: true },
      );
    }
  },
  outputs: ({ config }) => ({ rows: schemaOf(config) }),
  example: `
name: large-transfers
connections:
  eth: { type: evm, url: "recording:pipelines/recordings/local" }
sources:
  chain: { type: evm.chain, connection: eth, emit: [token_transfers] }
transforms:
  large:
    type: module
    from: chain.token_transfers
    module: modules/large_transfers.ts
    columns:
      block_number: uint64
      transaction_hash: hash
      token_address: address
      from_address: address
      to_address: address
      value: uint256
      digits: uint8
sinks:
  transfers: { type: file, from: large, path: data/large_transfers.jsonl }
  rejects: { type: file, from: errors, path: data/rejects.jsonl }
`,
  async open(config: ModuleConfig, { folder, input }) {
    const transform = await load(resolve(folder, config.module));
    const check = checkRow(schemaOf(config));
    const copy = copyOf(input);
    return {
      async apply(rows, emit, unit) {
        const context = contextOf(unit);
        for (const row of rows) {
          await one(row, emit, { check, context, copy, transform });
        }
      },
    };
  },
});

/** What it takes to transform a row. */
interface Work {
  readonly check: ReturnType<typeof checkRow>;
  readonly context: Context;
  readonly copy: (row: Row) => Row;
  readonly transform: Transform;
}

async function one(
  row: Row,
  emit: Emit,
  { check, context, copy, transform }: Work,
): Promise<void> {
  let output: Output;
  try {
    const returned = transform(copy(row), context);
    output = returned instanceof Promise ? await returned : returned;
  } catch (error) {
    emit.reject(row, reasonOf(error));
    return;
  }
  if (output === undefined) {
    emit.reject(row, "The module returned nothing; null drops a row");
    return;
  }
  const outputs = output === null
    ? []
    : Array.isArray(output)
    ? output
    : [output];
  const checked = outputs.map(check);
  const problem = checked.find(({ problem }) => problem !== undefined)?.problem;
  if (problem !== undefined) {
    // All or nothing: half of a row's rows would be doubled by a replay.
    emit.reject(row, problem);
    return;
  }
  for (const { row } of checked) if (row) emit("rows", row);
}

/** Load the module, in the version that is on disk now. */
async function load(file: string): Promise<Transform> {
  const url = pathToFileURL(file);
  let exported: Record<string, unknown>;
  try {
    url.searchParams.set("v", String((await Deno.stat(file)).mtime?.getTime()));
    exported = await import(url.href);
  } catch (cause) {
    // Deno makes a TypeError of what it cannot parse, resolve or read.
    const reason = cause instanceof TypeError
      ? cause.message.replaceAll(url.href, file)
      : reasonOf(cause);
    throw new UserError(`Cannot load "${file}": ${reason}`, { cause });
  }
  const transform = exported["transform"] ?? exported["default"];
  if (typeof transform === "function") return transform as Transform;
  const names = Object.keys(exported).join(", ") || "nothing";
  throw new UserError(
    `"${file}" exports no function "transform", but ${names}`,
  );
}

function reasonOf(error: unknown): string {
  return error instanceof Error
    ? `${error.name}: ${error.message}`
    : `The module threw ${String(error)}`;
}

/** What is the same when the unit is retracted, and nothing else. */
function contextOf({ id, number, time }: UnitInfo): Context {
  return { unit: { number, id, time } };
}

/** Copies a row: other stages have the same one, the module may change it. */
function copyOf(input: Schema): (row: Row) => Row {
  const deep = input
    .filter(({ type }) => type === "json" || type.startsWith("list<"))
    .map(({ name }) => name);
  return (row) => {
    const copy: Record<string, Row[string]> = { ...row };
    for (const name of deep) copy[name] = structuredClone(row[name] ?? null);
    return copy as Row;
  };
}

function schemaOf({ columns, module }: ModuleConfig): Schema {
  return Object.entries(columns).map(([name, column]) => ({
    name,
    ...column,
    doc: `Made by ${basename(module)}`,
  }));
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
