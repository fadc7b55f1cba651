/**
 * What goes into decoding and what comes out: the columns.
 *
 * @module
 */
import type { Column, Row, Schema, Value } from "../../../runtime/component.ts";

/** How much of a row is decoded. */
export const decodeKinds = ["full", "signature", "partial", "unknown"] as const;

/** Columns that decoding adds to calls. */
const callColumns: Schema = [
  {
    name: "call_path",
    type: "string",
    doc: 'Place in a call: "" for the call itself, "0" for its first inner ' +
      'call, "0.2" for the third one of that',
  },
  {
    name: "selector",
    type: "bytes",
    nullable: true,
    doc: "First four bytes of the calldata",
  },
  named("function", "Name of the function; constructor of what deploys"),
];

/** Columns that decoding adds to logs. */
const logColumns: Schema = [named("event", "Name of the event")];

const commonColumns: Schema = [
  named("signature", "Canonical signature, such as transfer(address,uint256)"),
  {
    name: "args",
    type: "json",
    nullable: true,
    doc: "Arguments by name, or by position; integers as decimal strings",
  },
  {
    name: "decode_kind",
    type: "string",
    values: decodeKinds,
    doc: "full: with the contract's ABI; signature: with a signature that " +
      "fits; partial: only what was called is known; unknown: nothing is",
  },
  named("decode_error", "Why there are no arguments"),
  {
    name: "implementation",
    type: "address",
    nullable: true,
    doc: "Contract behind the proxy whose ABI it was decoded with",
  },
  {
    name: "candidates",
    type: "list<string>",
    doc: "Signatures that fit equally well, where there are several",
  },
];

function named(name: string, doc: string): Column {
  return { name, type: "string", nullable: true, doc };
}

/** What the input holds, told by its columns. */
export type Kind = "calls" | "logs";

/** Columns that decoding reads. */
export const needed: Readonly<Record<Kind, readonly string[]>> = {
  calls: ["to_address", "input"],
  logs: ["address", "topics", "data"],
};

/** Columns that decoding reads where the input has them. */
export const useful: Readonly<Record<Kind, readonly string[]>> = {
  calls: ["from_address", "nonce", "transaction_index"],
  logs: ["transaction_index", "log_index"],
};

/** What the rows of an input are; undefined: neither calls nor logs. */
export function kindOf(input: Schema): Kind | undefined {
  const names = new Set(input.map(({ name }) => name));
  const kinds: Kind[] = ["calls", "logs"];
  return kinds.find((kind) => needed[kind].every((name) => names.has(name)));
}

/** Output columns with the input column that each is taken from. */
export function shapeOf(
  input: Schema,
): readonly (Column & { readonly from?: string })[] {
  const kind = kindOf(input);
  const added = [
    ...(kind === "logs" ? logColumns : callColumns),
    ...commonColumns,
  ];
  const replaced = new Set(added.map(({ name }) => name));
  const kept = input.filter(({ name }) => !replaced.has(name)).map((column) =>
    kind === "calls" && column.name === "hash"
      ? { ...column, name: "transaction_hash", from: "hash" }
      : { ...column, from: column.name }
  );
  return [...kept, ...added];
}

/** Values of the columns that decoding adds. */
export type Added = Readonly<Record<string, Value>>;

/** Makes an output row of an input row. */
export type Build = (row: Row, added: Added) => Row;

/** Compiled: a block has hundreds of rows of some forty columns. */
export function rowBuilder(input: Schema): Build {
  const members = shapeOf(input).map(({ from, name }) => {
    const value = from === undefined
      ? `added[${JSON.stringify(name)}]`
      : `row[${JSON.stringify(from)}]`;
    return `[${JSON.stringify(name)}]:${value}`;
  });
  return new Function("row", "added", `return {${members.join(",")}}`) as Build;
}
