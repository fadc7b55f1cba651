/**
 * Opens a transform and runs rows through it.
 *
 * @module
 */
import type {
  Config,
  Fields,
  Match,
  Row,
  Schema,
  TransformDefinition,
} from "../../../runtime/component.ts";
import { openContext } from "../../contracts/open_context.ts";

/** What came out: rows by port, and rejects. */
export interface Applied {
  readonly rows: Readonly<Record<string, Row[]>>;
  readonly rejects: readonly { readonly row: Row; readonly reason: string }[];
}

/** Options of {@linkcode apply}. */
export interface ApplyOptions<F extends Fields> {
  readonly config: Config<F>;
  readonly input: Schema;
  readonly rows: readonly Row[];
  readonly folder?: string;
  readonly op?: "insert" | "retract";
}

/** Run rows of one unit through a transform. */
export async function apply<F extends Fields>(
  definition: TransformDefinition<F>,
  { config, folder = ".", input, op = "insert", rows }: ApplyOptions<F>,
): Promise<Applied> {
  const open = await definition.open(config, {
    ...openContext({ folder }),
    connections: {},
    input,
  });
  const out: Record<string, Row[]> = {};
  const rejects: { row: Row; reason: string }[] = [];
  const emit = Object.assign(
    (port: string, row: Row) => {
      (out[port] ??= []).push(row);
    },
    {
      reject: (row: Row, reason: string) => void rejects.push({ row, reason }),
    },
  );
  const unit = { number: 7, id: "0x07", time: 7000, op, version: 1 };
  await open.apply(rows, emit, unit);
  await open[Symbol.asyncDispose]?.();
  return { rows: out, rejects };
}

/** A match as the spec would have compiled it. */
export function matching(
  test: (row: Row) => boolean,
  ...columns: string[]
): Match {
  return Object.assign((row: Row) => test(row), { columns });
}

/** Columns that transactions have, a few of them. */
export const transactions: Schema = [
  { name: "hash", type: "hash", doc: "Hash" },
  { name: "to_address", type: "address", nullable: true, doc: "Recipient" },
  { name: "value", type: "uint256", doc: "Value in wei" },
  { name: "input", type: "bytes", doc: "Call data" },
  { name: "receipt_status", type: "uint8", nullable: true, doc: "Status" },
];
