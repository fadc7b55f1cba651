/**
 * Token transfers, decoded from logs: ERC-20, ERC-721 and ERC-1155.
 *
 * @module
 */
import type { Row } from "../../../runtime/component.ts";

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

/**
 * Decode the transfers among rows of `logs`. A log that only looks like one,
 * with other indexed arguments or too little data, stays a log.
 */
export function tokenTransfers(logs: readonly Row[]): Row[] {
  const rows: Row[] = [];
  for (const log of logs) {
    const topics = log["topics"] as readonly string[];
    switch (topics[0]) {
      case TRANSFER:
      case TRANSFER_SINGLE:
      case TRANSFER_BATCH: {
        const transfers = decode(topics, log["data"] as string);
        transfers.forEach((one, index) => rows.push(row(log, one, index)));
      }
    }
  }
  return rows;
}

function decode(topics: readonly string[], data: string): Transfer[] {
  const [event, first = "", second = "", third = ""] = topics;
  if (event === TRANSFER) {
    const from = addressIn(first);
    const to = addressIn(second);
    if (topics.length === 3) {
      const value = uintAt(data, 0);
      if (value === undefined) return [];
      return [{ standard: "erc20", from, to, value, id: null, operator: null }];
    }
    if (topics.length !== 4) return [];
    const id = BigInt(third);
    return [{ standard: "erc721", from, to, value: 1n, id, operator: null }];
  }
  if (topics.length !== 4) return [];
  const operator = addressIn(first);
  const from = addressIn(second);
  const to = addressIn(third);
  if (event === TRANSFER_SINGLE) {
    const id = uintAt(data, 0);
    const value = uintAt(data, WORD);
    if (id === undefined || value === undefined) return [];
    return [{ standard: "erc1155", from, to, value, id, operator }];
  }
  const ids = uintsAt(data, 0);
  const values = uintsAt(data, WORD);
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

function row(log: Row, transfer: Transfer, index: number): Row {
  return {
    token_address: log["address"] ?? null,
    token_standard: transfer.standard,
    from_address: transfer.from,
    to_address: transfer.to,
    value: transfer.value,
    token_id: transfer.id,
    operator_address: transfer.operator,
    log_index: log["log_index"] ?? null,
    batch_index: index,
    transaction_hash: log["transaction_hash"] ?? null,
    transaction_index: log["transaction_index"] ?? null,
    block_timestamp: log["block_timestamp"] ?? null,
    block_number: log["block_number"] ?? null,
    block_hash: log["block_hash"] ?? null,
  };
}

/** The address in the low 20 bytes of a topic. */
function addressIn(topic: string): string {
  return "0x" + topic.slice(26);
}

/** The word at a position of the data, or undefined behind its end. */
function uintAt(data: string, byte: number): bigint | undefined {
  const start = 2 + byte * 2;
  if (start + WORD * 2 > data.length) return undefined;
  return BigInt("0x" + data.slice(start, start + WORD * 2));
}

/** The array that the offset at a position of the head points to. */
function uintsAt(data: string, head: number): bigint[] | undefined {
  const size = (data.length - 2) / 2;
  const offset = uintAt(data, head);
  if (offset === undefined || offset > BigInt(size)) return undefined;
  const start = Number(offset);
  const length = uintAt(data, start);
  // Checked before anything of that length is made: it may claim 2^255.
  if (length === undefined || length > BigInt(size)) return undefined;
  const uints: bigint[] = [];
  for (let index = 1; index <= Number(length); index++) {
    const uint = uintAt(data, start + index * WORD);
    if (uint === undefined) return undefined;
    uints.push(uint);
  }
  return uints;
}
