/**
 * Reads the source `evm.chain` from a simulated node.
 *
 * @module
 */
import assert from "node:assert/strict";
import type {
  Head,
  OpenSource,
  ReadOptions,
  SourceUnit,
} from "../../../../runtime/component.ts";
import {
  type SimulatedBlock,
  SimulatedChain,
} from "../../../fixtures/simulated/chain.ts";
import { SimulatedNode } from "../../../fixtures/simulated/node.ts";
import { rowsOf } from "../../../fixtures/simulated/rows.ts";
import {
  openConnection,
  openSource,
  type Uses,
  type Written,
} from "./open_chain.ts";

/** Methods that the source asks for. */
export const RECEIPTS = "eth_getBlockReceipts";
export const BLOCK = "eth_getBlockByNumber";

/** What differs from a source that uses everything. */
export interface Given {
  readonly connection?: Written;
  readonly source?: Written;
  readonly uses?: Uses;
}

/** Open a source on a node. */
export async function open(node: SimulatedNode, given: Given = {}) {
  const client = await openConnection({
    url: `${node.url}/key`,
    missing_timeout: "500ms",
    ...given.connection,
  });
  await client.health();
  return await openSource(client, {
    written: { poll: "20ms", ...given.source },
    ...(given.uses ? { uses: given.uses } : {}),
  });
}

/** Start a node with so many blocks. */
export function start(length: number): Promise<SimulatedNode> {
  return SimulatedNode.start(new SimulatedChain({ seed: 1 }).extend(length));
}

/** What was read. */
export interface Reading {
  readonly units: (SourceUnit | "fork")[];
  readonly heads: Head[];
}

/** Read until `enough`, then stop the reading. */
export async function read(
  source: OpenSource,
  options: Partial<ReadOptions> = {},
  enough: (reading: Reading) => boolean = () => false,
): Promise<Reading> {
  const reading: Reading = { units: [], heads: [] };
  const controller = new AbortController();
  const iterator = source.read({
    after: undefined,
    from: undefined,
    to: undefined,
    signal: controller.signal,
    onHead: (head) => reading.heads.push(head),
    ...options,
  });
  for await (const unit of iterator) {
    reading.units.push(unit);
    if (enough(reading)) break;
  }
  controller.abort();
  return reading;
}

/** The ids of units, and where a fork was told. */
export function ids({ units }: Reading): (string | undefined)[] {
  return units.map((unit) => unit === "fork" ? unit : unit.id);
}

/** The hashes of blocks. */
export function hashes(
  chain: SimulatedChain,
  from: number,
  to: number,
): string[] {
  return [...chain.blocks(from, to)].map(({ block }) => block.hash);
}

/** Compare units with what viem makes of the same blocks. */
export function assertRows(
  units: readonly (SourceUnit | "fork")[],
  blocks: Iterable<SimulatedBlock>,
): void {
  const expected = rowsOf([...blocks]);
  const found = (port: string) =>
    units.flatMap((unit) => unit === "fork" ? [] : unit.rows[port] ?? []);
  const all: readonly (readonly [string, readonly object[]])[] = [
    ["blocks", expected.blocks],
    ["transactions", expected.transactions],
    ["logs", expected.logs],
    ["withdrawals", expected.withdrawals],
  ];
  for (const [port, rows] of all) {
    const names = Object.keys(rows[0] ?? {})
      .filter((name) => name !== "log_count");
    const pick = (row: object) =>
      names.map((name) => (row as Record<string, unknown>)[name]);
    assert.deepEqual(found(port).map(pick), rows.map(pick), port);
  }
  assert.deepEqual(
    found("token_transfers").map((row) => [
      row["log_index"],
      row["batch_index"],
      row["token_standard"],
      row["from_address"],
      row["to_address"],
      row["token_standard"] === "erc721" ? null : String(row["value"]),
      row["token_id"] === null ? null : String(row["token_id"]),
    ]),
    expected.tokenTransfers.map((row) => [
      row.log_index,
      row.batch_index,
      row.standard,
      row.from_address,
      row.to_address,
      row.value,
      row.token_id,
    ]),
  );
}
