/**
 * Rows of a chain as long as a benchmark needs, made of recorded mainnet
 * blocks: what is random in them is made anew in every repetition, so that
 * nothing compresses that would not, and the rest is as people used it.
 *
 * @module
 */
import { matchReceipts } from "../../connectors/evm/chain/consistency.ts";
import { RowBuilder } from "../../connectors/evm/chain/rows.ts";
import { type PortName, schemas } from "../../connectors/evm/chain/schema.ts";
import type { Row, UnitInfo } from "../../runtime/row.ts";
import { recordedBlocks } from "../connectors/evm/mainnet_blocks.ts";
import { openContext } from "../contracts/open_context.ts";

/** A made-up block: its place and the rows of the ports asked for. */
export interface MadeBlock {
  readonly unit: UnitInfo;
  readonly rows: Readonly<Partial<Record<PortName, readonly Row[]>>>;
}

/** What the blocks are to be like. */
export interface MadeOptions {
  readonly ports: readonly PortName[];
  readonly blocks: number;
  /** Milliseconds from one block to the next. */
  readonly spacing: number;
}

/** Blocks of fewer transactions say little about today's. */
const fewest = 50;

/** The merge's first block is nearly all one contract's: no day is like it. */
const unusual = new Set(["15537394.json"]);

const firstNumber = 17_000_000;
const firstTime = Date.parse("2023-01-01T00:00:00Z");

/** Blocks in the order of their numbers. */
export function* madeBlocks(options: MadeOptions): Generator<MadeBlock> {
  const { blocks, ports, spacing } = options;
  const recorded = recordedRows(ports);
  for (let index = 0; index < blocks; index++) {
    const round = Math.floor(index / recorded.length);
    const number = firstNumber + index;
    const time = firstTime + index * spacing;
    const rows = Object.fromEntries(
      ports.map((port) => {
        const renew = renewal(port, { number, round, time });
        return [
          port,
          (recorded[index % recorded.length]?.[port] ?? []).map(renew),
        ];
      }),
    );
    const id = hashOf(`0x${number.toString(16)}`, round);
    yield { unit: { number, id, time, op: "insert", version: 1 }, rows };
  }
}

function recordedRows(ports: readonly PortName[]) {
  const builder = new RowBuilder(ports, openContext().log);
  const found = [];
  for (const { block, name, receipts } of recordedBlocks()) {
    if (receipts === null || unusual.has(name)) continue;
    if (block.transactions.length < fewest) continue;
    const matched = matchReceipts(block, receipts);
    if (typeof matched === "string") continue;
    found.push(builder.build({ block, receipts: matched }));
  }
  return found;
}

/** A function that makes a recorded row one of another block. */
function renewal(
  port: PortName,
  { number, round, time }: { number: number; round: number; time: number },
): (row: Row) => Row {
  const random = schemas[port].filter(({ type }) => type === "hash");
  return (row) => {
    const made: Record<string, Row[string]> = { ...row };
    for (const { name } of random) {
      const value = row[name];
      if (typeof value === "string") made[name] = hashOf(value, round);
    }
    const own = port === "blocks";
    made[own ? "number" : "block_number"] = number;
    made[own ? "timestamp" : "block_timestamp"] = time;
    if (!own) made["block_hash"] = hashOf(`0x${number.toString(16)}`, round);
    return made;
  };
}

/** 32 bytes that look random, the same for the same value and round. */
function hashOf(value: string, round: number): string {
  // Hashes differ in any 13 digits of them; short texts have no more.
  let state = (parseInt(value.slice(2, 15), 16) ^ (round * 0x9e3779b1)) | 1;
  state ^= parseInt(value.slice(15, 23) || "1", 16);
  // Joined: a text made by adding is a tree, which no node's answer is.
  const words = ["0x"];
  for (let word = 0; word < 8; word++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    const digits = (Math.imul(state, 0x2545f491) >>> 0).toString(16);
    words.push(digits.padStart(8, "0"));
  }
  return words.join("");
}
