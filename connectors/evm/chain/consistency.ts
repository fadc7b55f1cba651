/**
 * Whether what a node answered can be true: nodes lag, sit behind load
 * balancers, and answer in the middle of a reorg.
 *
 * @module
 */
import { bloomOf, isFilled, mayHold } from "./bloom.ts";
import type { BlockRange } from "./called_blocks.ts";
import type { Raw } from "./extra.ts";
import { MalformedError, whole } from "../hex.ts";

/** Quantities of small numbers, as they are needed. */
const indexes: string[] = [];

/**
 * Say why a block cannot be right, or undefined. `number` is the one asked
 * for; undefined when it was a tag.
 *
 * @throws {MalformedError} It is not even a block.
 */
export function blockFlaw(
  block: unknown,
  number: number | undefined,
): string | undefined {
  const raw = object(block, "a block");
  const { hash, parentHash, transactions } = raw;
  const actual = whole(raw["number"], "number");
  if (number !== undefined && actual !== number) {
    return `asked for block ${number}, answered ${actual}`;
  }
  if (typeof hash !== "string" || hash.length !== 66) {
    return "the block has no hash";
  }
  if (typeof parentHash !== "string" || parentHash.length !== 66) {
    return "the block has no parent hash";
  }
  if (!Array.isArray(transactions)) return "the block has no transactions";
  for (let index = 0; index < transactions.length; index++) {
    const one: unknown = transactions[index];
    if (typeof one === "string") continue;
    const { blockHash, transactionIndex } = object(one, "a transaction");
    if (!same(blockHash, hash)) return "a transaction is of another block";
    if (!isIndex(transactionIndex, index)) {
      return `transaction ${index} says that it is another one`;
    }
  }
  return undefined;
}

/** Receipts in the order of the transactions, or why they cannot be right. */
export function matchReceipts(
  block: Raw,
  answer: unknown,
): readonly Raw[] | string {
  const transactions = block["transactions"] as readonly unknown[];
  if (!Array.isArray(answer)) return "the receipts are not a list";
  if (answer.length !== transactions.length) {
    return `${transactions.length} transactions, ${answer.length} receipts`;
  }
  const receipts = inOrder(transactions, answer);
  if (receipts === undefined) {
    return "a receipt belongs to no transaction of the block";
  }
  let logs = 0;
  const indexes = new Set<unknown>();
  for (let index = 0; index < receipts.length; index++) {
    const receipt = receipts[index];
    if (receipt === undefined) continue;
    if (!same(receipt["blockHash"], block["hash"])) {
      return "a receipt is of another block";
    }
    if (!isIndex(receipt["transactionIndex"], index)) {
      return `receipt ${index} says that it is another one`;
    }
    if (!Array.isArray(receipt["logs"])) return "a receipt has no logs";
    for (const log of receipt["logs"]) {
      const problem = logFlaw(object(log, "a log"), receipt);
      if (problem !== undefined) return problem;
      indexes.add(log["logIndex"]);
    }
    logs += receipt["logs"].length;
  }
  if (indexes.size !== logs) return "two logs have the same index";
  if (logs === 0 && receipts.length > 0 && /[1-9a-f]/i.test(bloom(block))) {
    return "the block's bloom filter has logs, its receipts have none";
  }
  return receipts;
}

/**
 * Say why an answer of `eth_getLogs` about a range cannot be right, or
 * undefined.
 *
 * @throws {MalformedError} It is not even logs.
 */
export function rangeFlaw(
  answer: unknown,
  { from, to }: BlockRange,
): string | undefined {
  if (!Array.isArray(answer)) return "the logs are not a list";
  let last: Raw | undefined;
  let ordered = true;
  for (const one of answer) {
    const log = object(one, "a log");
    const number = whole(log["blockNumber"], "blockNumber");
    if (number < from || number > to) return `a log is of block ${number}`;
    if (log["removed"] === true) return "a log was removed by a reorg";
    // As a rule they come in order, and then none comes twice.
    ordered &&= last === undefined || isBehind(log, last);
    last = log;
  }
  return ordered ? undefined : disorderFlaw(answer);
}

/** Whether a log comes behind another one, and is of the same chain. */
function isBehind(log: Raw, before: Raw): boolean {
  const number = whole(log["blockNumber"], "blockNumber");
  const other = whole(before["blockNumber"], "blockNumber");
  if (number !== other) return number > other;
  return whole(log["logIndex"], "logIndex") >
      whole(before["logIndex"], "logIndex") &&
    same(log["blockHash"], before["blockHash"]);
}

/** Why logs that come in no order cannot be right. */
function disorderFlaw(logs: readonly Raw[]): string | undefined {
  const seen = new Map<number, { hash: unknown; indexes: Set<number> }>();
  for (const log of logs) {
    const number = whole(log["blockNumber"], "blockNumber");
    const { blockHash: hash } = log;
    const block = seen.get(number) ?? { hash, indexes: new Set() };
    seen.set(number, block);
    if (!same(block.hash, hash)) {
      return `logs of block ${number} are of two blocks`;
    }
    const index = whole(log["logIndex"], "logIndex");
    if (block.indexes.has(index)) return "two logs have the same index";
    block.indexes.add(index);
  }
  return undefined;
}

/**
 * Say why logs cannot be those of a block, or undefined.
 *
 * @param isWhole Whether these should be all logs of the block.
 */
export function blockLogsFlaw(
  { hash, logsBloom }: Raw,
  logs: readonly Raw[],
  { isWhole }: { readonly isWhole: boolean },
): string | undefined {
  if (!logs.every((log) => same(log["blockHash"], hash))) {
    return "a log is of another block";
  }
  return isWhole && logs.length === 0 && isFilled(logsBloom)
    ? "the block's bloom filter has logs, and there are none"
    : undefined;
}

/**
 * Say why logs and the logs bloom of their block do not go together, or
 * undefined: it costs a hash for each address and topic.
 *
 * @param isWhole Whether these should be all logs of the block.
 */
export function bloomFlaw(
  { logsBloom }: Raw,
  logs: readonly Raw[],
  { isWhole }: { readonly isWhole: boolean },
): string | undefined {
  // Some chains leave blooms empty.
  if (!isFilled(logsBloom)) return undefined;
  const items = logs.flatMap(({ address, topics }) =>
    [address, ...topics as readonly unknown[]].map(lower)
  );
  if (isWhole) {
    return bloomOf(items) === logsBloom.toLowerCase()
      ? undefined
      : "the block's bloom filter is not that of its logs";
  }
  return items.every((item) => mayHold(logsBloom, item))
    ? undefined
    : "the block's bloom filter lacks one of its logs";
}

function logFlaw(log: Raw, receipt: Raw): string | undefined {
  if (
    !same(log["transactionHash"], receipt["transactionHash"]) ||
    !same(log["blockHash"], receipt["blockHash"])
  ) return "a log is of another transaction";
  if (log["removed"] === true) return "a log was removed by a reorg";
  return undefined;
}

/** As a rule they are in order already, which is cheap to see. */
function inOrder(
  transactions: readonly unknown[],
  answer: readonly unknown[],
): readonly Raw[] | undefined {
  const receipts = answer.map((one) => object(one, "a receipt"));
  const hashes = transactions.map(hashOf);
  if (receipts.every((one, at) => same(one["transactionHash"], hashes[at]))) {
    return receipts;
  }
  const byHash = new Map(
    receipts.map((one) => [lower(one["transactionHash"]), one]),
  );
  const found = hashes.map((hash) => byHash.get(lower(hash)));
  return found.every((one) => one !== undefined) ? found : undefined;
}

/** The hash of a transaction, whether the block holds it whole or not. */
export function hashOf(transaction: unknown): unknown {
  return typeof transaction === "string"
    ? transaction
    : object(transaction, "a transaction")["hash"];
}

function bloom(block: Raw): string {
  return String(block["logsBloom"] ?? "").slice(2);
}

/** As a rule the text is the same, which is faster than reading it. */
function isIndex(value: unknown, index: number): boolean {
  const text = indexes[index] ??= `0x${index.toString(16)}`;
  return value === text || whole(value, "transactionIndex") === index;
}

/** Hashes as a rule are the same text; only then is case looked at. */
function same(a: unknown, b: unknown): boolean {
  return typeof a === "string" && (a === b || lower(a) === lower(b));
}

function lower(value: unknown): string {
  return String(value).toLowerCase();
}

function object(value: unknown, what: string): Raw {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Raw;
  }
  throw new MalformedError(`Expected ${what}, found ${typeof value}`);
}
