/**
 * What sinks hold against what the simulated chain says that they must hold.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Change } from "../contracts/canonical.ts";
import type { CanonicalRows } from "../fixtures/simulated/rows.ts";

/** A port of the chain that these tests read. */
export type TestedPort =
  | "blocks"
  | "transactions"
  | "logs"
  | "token_transfers"
  | "withdrawals";

/** A row as a sink gives it back. */
export type StoredRow = { readonly [column: string]: unknown };

/** The columns that the oracle knows, and so whether a row is the right one. */
const columns: Readonly<Record<TestedPort, readonly string[]>> = {
  blocks: ["number", "hash", "parent_hash", "transaction_count"],
  transactions: ["block_number", "transaction_index", "block_hash", "hash"],
  logs: ["block_number", "log_index", "block_hash", "transaction_hash"],
  token_transfers: [
    "block_number",
    "log_index",
    "batch_index",
    "block_hash",
    "token_standard",
    "token_address",
    "from_address",
    "to_address",
    "value",
    "token_id",
  ],
  withdrawals: ["block_number", "index", "block_hash"],
};

/** The columns of a port that {@linkcode textOf} looks at. */
export function columnsOf(port: TestedPort): readonly string[] {
  return columns[port];
}

/** A row's identity as one text. */
export function textOf(port: TestedPort, row: StoredRow): string {
  return columns[port].map((name) => String(row[name] ?? "")).join("|");
}

/** The rows that a sink of that port must hold, sorted. */
export function expectedRows(port: TestedPort, truth: CanonicalRows): string[] {
  const rows: readonly StoredRow[] = port === "token_transfers"
    ? truth.tokenTransfers.map(({ standard, value, ...row }) => ({
      ...row,
      token_standard: standard,
      // An ERC-721 token has no amount; the column says 1.
      value: value ?? "1",
    }))
    : truth[port].map((row) => ({ ...row }));
  return rows.map((row) => textOf(port, row)).sort();
}

/**
 * What remains of a log of changes, sorted.
 *
 * @throws {Error} when a row is there twice, or is taken but not there.
 */
export function netRows(port: TestedPort, changes: Iterable<Change>): string[] {
  const rows = new Set<string>();
  for (const { op, row } of changes) {
    const text = textOf(port, row);
    if (op === "insert") {
      if (rows.has(text)) throw new Error(`Doubled in ${port}: ${text}`);
      rows.add(text);
    } else if (op !== "retract" || !rows.delete(text)) {
      throw new Error(`Cannot ${op} in ${port}, it is not there: ${text}`);
    }
  }
  return [...rows].sort();
}

/**
 * Check that blocks were chained at every moment: each one inserted on its
 * parent, and only the newest one retracted.
 */
export function assertChained(changes: Iterable<Change>, what: string): void {
  const chain: StoredRow[] = [];
  for (const { op, row } of changes) {
    const tip = chain.at(-1);
    if (op === "retract") {
      assert.equal(
        tip?.["hash"],
        row["hash"],
        `${what}: the newest block goes first`,
      );
      chain.pop();
      continue;
    }
    if (tip) {
      assert.equal(
        row["parent_hash"],
        tip["hash"],
        `${what}: a block on its parent`,
      );
      const next = Number(tip["number"]) + 1;
      assert.equal(Number(row["number"]), next, `${what}: in order`);
    }
    chain.push(row);
  }
}

/** Compare sorted rows, and say briefly what differs. */
export function assertSameRows(
  actual: readonly string[],
  expected: readonly string[],
  what: string,
): void {
  const [had, wanted] = [new Set(actual), new Set(expected)];
  const lost = expected.filter((row) => !had.has(row));
  const alien = actual.filter((row) => !wanted.has(row));
  const few = (rows: readonly string[]) => rows.slice(0, 3).join("\n  ");
  if (lost.length > 0 || alien.length > 0) {
    throw new Error(
      `${what}: ${lost.length} of ${expected.length} rows lost, ` +
        `${alien.length} too many\n  lost: ${few(lost)}\n` +
        `  too many: ${few(alien)}`,
    );
  }
  assert.equal(actual.length, expected.length, `${what} holds rows twice`);
}
