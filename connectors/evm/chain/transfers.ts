/**
 * Token transfers, decoded from logs: ERC-20, ERC-721 and ERC-1155.
 *
 * @module
 */
import type { Row } from "../../../runtime/component.ts";
import type { InBlock } from "./rows.ts";

// keccak256 of the event signatures; ERC-20 and ERC-721 share the first.
const TRANSFER =
  "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";
const TRANSFER_SINGLE =
  "0xc3d58168c5ae7397731d063d5bbf3d657854427343f4c083240f7aacaa2d0f62";
const TRANSFER_BATCH =
  "0x4a39dc06d4c0dbc64b70af90fd698a233a518aa5d07e595d983b8c0526c8f7fb";

/** First topics of the logs that transfers are decoded from. */
export const transferTopics: readonly string[] = [
  TRANSFER,
  TRANSFER_SINGLE,
  TRANSFER_BATCH,
];

// Bytes of one ABI word.
const WORD = 32;

/** What tells one transfer from another within its log. */
interface Transfer {
  readonly standard: "erc20" | "erc721" | "erc1155";
  readonly from: string;
  readonly to: string;
  readonly value: bigint;
  readonly id: bigint | null;
  readonly operator: string | null;
}

/** A log as far as transfers are made of it, however it is held. */
export interface EventLog {
  readonly address: string;
  /** The first topic. */
  readonly event: string | undefined;
  readonly topicCount: number;
  /** How many bytes of data there are. */
  readonly dataLength: number;
  readonly transactionHash: string;
  readonly transactionIndex: number;
  readonly logIndex: number;
  /** The address in the low 20 bytes of a topic. */
  addressIn(topic: number): string;
  /** A topic as a number. */
  uintIn(topic: number): bigint;
  /** The word at a position of the data, or undefined behind its end. */
  uintAt(byte: number): bigint | undefined;
}

/**
 * Decode the transfers among rows of `logs`. A log that only looks like one,
 * with other indexed arguments or too little data, stays a log.
 */
export function tokenTransfers(logs: readonly Row[]): Row[] {
  const rows: Row[] = [];
  for (const log of logs) addTransfers(rows, new RowLog(log), log);
  return rows;
}

/** As {@linkcode tokenTransfers}, of the logs of a block as they came. */
export function packedTransfers(
  logs: Iterable<EventLog>,
  where: InBlock,
): Row[] {
  const rows: Row[] = [];
  for (const log of logs) addTransfers(rows, log, where);
  return rows;
}

/** Put the transfers of a log behind others; most logs have one or none. */
function addTransfers(
  rows: Row[],
  ...[log, where]: readonly [log: EventLog, where: Row | InBlock]
): void {
  const { event } = log;
  if (event === TRANSFER) {
    const one = transferOf(log);
    if (one) rows.push(row(log, where, { one, index: 0 }));
  } else if (event === TRANSFER_SINGLE || event === TRANSFER_BATCH) {
    for (const [index, one] of multiTransfers(log).entries()) {
      rows.push(row(log, where, { one, index }));
    }
  }
}

/** The transfer of ERC-20 or ERC-721 that a log tells. */
function transferOf(log: EventLog): Transfer | undefined {
  const { topicCount } = log;
  if (topicCount !== 3 && topicCount !== 4) return undefined;
  const [from, to] = [log.addressIn(1), log.addressIn(2)];
  if (topicCount === 3) {
    const value = log.uintAt(0);
    if (value === undefined) return undefined;
    return { standard: "erc20", from, to, value, id: null, operator: null };
  }
  const id = log.uintIn(3);
  return { standard: "erc721", from, to, value: 1n, id, operator: null };
}

/** The transfers of ERC-1155 that a log tells. */
function multiTransfers(log: EventLog): Transfer[] {
  const { event, topicCount } = log;
  if (topicCount !== 4) return [];
  const operator = log.addressIn(1);
  const from = log.addressIn(2);
  const to = log.addressIn(3);
  if (event === TRANSFER_SINGLE) {
    const id = log.uintAt(0);
    const value = log.uintAt(WORD);
    if (id === undefined || value === undefined) return [];
    return [{ standard: "erc1155", from, to, value, id, operator }];
  }
  const ids = uintsAt(log, 0);
  const values = uintsAt(log, WORD);
  if (ids === undefined || ids.length !== values?.length) return [];
  return ids.map((id, index) => ({
    standard: "erc1155",
    from,
    to,
    value: values[index] ?? 0n,
    id,
    operator,
  }));
}

function row(
  log: EventLog,
  where: Row | InBlock,
  { index, one }: { readonly one: Transfer; readonly index: number },
): Row {
  return {
    token_address: log.address,
    token_standard: one.standard,
    from_address: one.from,
    to_address: one.to,
    value: one.value,
    token_id: one.id,
    operator_address: one.operator,
    log_index: log.logIndex,
    batch_index: index,
    transaction_hash: log.transactionHash,
    transaction_index: log.transactionIndex,
    block_timestamp: where.block_timestamp ?? null,
    block_number: where.block_number ?? null,
    block_hash: where.block_hash ?? null,
  };
}

/** A row of `logs`. */
class RowLog implements EventLog {
  readonly #row: Row;
  readonly #topics: readonly string[];
  readonly #data: string;

  constructor(row: Row) {
    this.#row = row;
    this.#topics = row["topics"] as readonly string[];
    this.#data = row["data"] as string;
  }

  get address(): string {
    return this.#row["address"] as string;
  }

  get event(): string | undefined {
    return this.#topics[0];
  }

  get topicCount(): number {
    return this.#topics.length;
  }

  get dataLength(): number {
    return (this.#data.length - 2) / 2;
  }

  get transactionHash(): string {
    return this.#row["transaction_hash"] as string;
  }

  get transactionIndex(): number {
    return this.#row["transaction_index"] as number;
  }

  get logIndex(): number {
    return this.#row["log_index"] as number;
  }

  addressIn(topic: number): string {
    return "0x" + (this.#topics[topic] ?? "").slice(26);
  }

  uintIn(topic: number): bigint {
    return BigInt(this.#topics[topic] ?? 0);
  }

  uintAt(byte: number): bigint | undefined {
    const start = 2 + byte * 2;
    if (start + WORD * 2 > this.#data.length) return undefined;
    return BigInt("0x" + this.#data.slice(start, start + WORD * 2));
  }
}

/** The array that the offset at a position of the head points to. */
function uintsAt(log: EventLog, head: number): bigint[] | undefined {
  const size = log.dataLength;
  const offset = log.uintAt(head);
  if (offset === undefined || offset > BigInt(size)) return undefined;
  const start = Number(offset);
  const length = log.uintAt(start);
  // Checked before anything of that length is made: it may claim 2^255.
  if (length === undefined || length > BigInt(size)) return undefined;
  const uints: bigint[] = [];
  for (let index = 1; index <= Number(length); index++) {
    const uint = log.uintAt(start + index * WORD);
    if (uint === undefined) return undefined;
    uints.push(uint);
  }
  return uints;
}
