/**
 * A block and its receipts, as a node returned them, to rows.
 *
 * @module
 */
import type { Logger, Row, Value } from "../../runtime/component.ts";
import { Extra, type Raw } from "./extra.ts";
import {
  address,
  bytes,
  hash,
  MalformedError,
  uint256,
  uint64,
  whole,
  word,
} from "./hex.ts";
import { known } from "./known.ts";
import type { PortName } from "./schema.ts";
import { tokenTransfers } from "./transfers.ts";

/** A block and its receipts, in the order of its transactions. */
export interface RawUnit {
  readonly block: Raw;
  /** Undefined when nothing that is used needs them. */
  readonly receipts: readonly Raw[] | undefined;
}

/** Rows by port; only of the ports that were asked for. */
export type PortRows = Partial<Record<PortName, Row[]>>;

/** Where the rows of a block stand; the last columns of most ports. */
export interface InBlock {
  readonly block_timestamp: number;
  readonly block_number: Value;
  readonly block_hash: string;
}

/** Builds rows: one shape a port, every column, always in one order. */
export class RowBuilder {
  readonly #block: Extra;
  readonly #transaction: Extra;
  readonly #receipt: Extra;
  readonly #log: Extra;
  readonly #withdrawal: Extra;
  readonly #ports: ReadonlySet<PortName>;

  constructor(ports: Iterable<PortName>, log: Logger) {
    this.#ports = new Set(ports);
    this.#block = new Extra("block", known.block, log);
    this.#transaction = new Extra("transaction", known.transaction, log);
    this.#receipt = new Extra("receipt", known.receipt, log);
    this.#log = new Extra("log", known.log, log);
    this.#withdrawal = new Extra("withdrawal", known.withdrawal, log);
  }

  /**
   * Build the rows of a block that has passed the checks of
   * `consistency.ts`.
   *
   * @throws {MalformedError} A field does not hold what it should.
   */
  build({ block, receipts }: RawUnit): PortRows {
    const ports = this.#ports;
    const where: InBlock = {
      block_timestamp: whole(block["timestamp"], "timestamp") * 1000,
      block_number: uint64(block["number"], "number"),
      block_hash: hash(block["hash"], "hash"),
    };
    const rows: PortRows = {};
    if (ports.has("blocks")) rows.blocks = [this.#blockRow(block, where)];
    if (ports.has("transactions")) {
      rows.transactions = list(block["transactions"], "transactions")
        .map((raw, index) =>
          this.#transactionRow(object(raw, "transactions"), {
            where,
            timestamp: block["timestamp"],
            receipt: receipts?.[index],
          })
        );
    }
    if (ports.has("logs") || ports.has("token_transfers")) {
      const logs = this.#logRows(receipts ?? [], {
        where,
        timestamp: block["timestamp"],
      });
      if (ports.has("logs")) rows.logs = logs;
      if (ports.has("token_transfers")) {
        rows.token_transfers = tokenTransfers(logs);
      }
    }
    if (ports.has("withdrawals")) {
      // A list that is missing although there is a root is unknown, and an
      // unknown list has no rows; `withdrawal_count` tells it from "none".
      rows.withdrawals = list(block["withdrawals"] ?? [], "withdrawals")
        .map((raw) => this.#withdrawalRow(object(raw, "withdrawals"), where));
    }
    return rows;
  }

  #blockRow(raw: Raw, where: InBlock): Row {
    const withdrawals = raw["withdrawals"];
    return {
      number: where.block_number,
      hash: where.block_hash,
      parent_hash: hash(raw["parentHash"], "parentHash"),
      nonce: optional(bytes, raw["nonce"], "nonce"),
      sha3_uncles: hash(raw["sha3Uncles"], "sha3Uncles"),
      logs_bloom: bytes(raw["logsBloom"], "logsBloom"),
      transactions_root: hash(raw["transactionsRoot"], "transactionsRoot"),
      state_root: hash(raw["stateRoot"], "stateRoot"),
      receipts_root: hash(raw["receiptsRoot"], "receiptsRoot"),
      miner: address(raw["miner"], "miner"),
      difficulty: uint256(raw["difficulty"], "difficulty"),
      total_difficulty: optional(
        uint256,
        raw["totalDifficulty"],
        "totalDifficulty",
      ),
      size: optional(uint64, raw["size"], "size"),
      extra_data: bytes(raw["extraData"], "extraData"),
      gas_limit: uint64(raw["gasLimit"], "gasLimit"),
      gas_used: uint64(raw["gasUsed"], "gasUsed"),
      timestamp: where.block_timestamp,
      transaction_count: list(raw["transactions"], "transactions").length,
      base_fee_per_gas: optional(
        uint256,
        raw["baseFeePerGas"],
        "baseFeePerGas",
      ),
      withdrawals_root: optional(
        hash,
        raw["withdrawalsRoot"],
        "withdrawalsRoot",
      ),
      withdrawal_count: Array.isArray(withdrawals) ? withdrawals.length : null,
      blob_gas_used: optional(uint64, raw["blobGasUsed"], "blobGasUsed"),
      excess_blob_gas: optional(
        uint64,
        raw["excessBlobGas"],
        "excessBlobGas",
      ),
      parent_beacon_block_root: optional(
        hash,
        raw["parentBeaconBlockRoot"],
        "parentBeaconBlockRoot",
      ),
      requests_hash: optional(hash, raw["requestsHash"], "requestsHash"),
      mix_hash: optional(hash, raw["mixHash"], "mixHash"),
      uncles: list(raw["uncles"] ?? [], "uncles")
        .map((uncle) => hash(uncle, "uncles")),
      extra: this.#block.of(raw),
    };
  }

  #transactionRow(raw: Raw, around: Around): Row {
    const { receipt, where } = around;
    const blobs = raw["blobVersionedHashes"];
    return {
      hash: hash(raw["hash"], "hash"),
      nonce: uint64(raw["nonce"], "nonce"),
      transaction_index: whole(raw["transactionIndex"], "transactionIndex"),
      from_address: address(raw["from"], "from"),
      to_address: optional(address, raw["to"], "to"),
      value: uint256(raw["value"], "value"),
      gas: uint64(raw["gas"], "gas"),
      gas_price: optional(uint256, raw["gasPrice"], "gasPrice"),
      input: bytes(raw["input"], "input"),
      max_fee_per_gas: optional(
        uint256,
        raw["maxFeePerGas"],
        "maxFeePerGas",
      ),
      max_priority_fee_per_gas: optional(
        uint256,
        raw["maxPriorityFeePerGas"],
        "maxPriorityFeePerGas",
      ),
      // A node that gives no type knows none but the first.
      transaction_type: whole(raw["type"] ?? "0x0", "type"),
      chain_id: optional(uint64, raw["chainId"], "chainId"),
      v: optional(uint64, raw["v"], "v"),
      r: optional(word, raw["r"], "r"),
      s: optional(word, raw["s"], "s"),
      y_parity: optional(whole, raw["yParity"], "yParity"),
      access_list: (raw["accessList"] ?? null) as Value,
      blob_versioned_hashes: blobs === undefined || blobs === null
        ? null
        : list(blobs, "blobVersionedHashes")
          .map((blob) => hash(blob, "blobVersionedHashes")),
      max_fee_per_blob_gas: optional(
        uint256,
        raw["maxFeePerBlobGas"],
        "maxFeePerBlobGas",
      ),
      authorization_list: (raw["authorizationList"] ?? null) as Value,
      block_timestamp: where.block_timestamp,
      block_number: where.block_number,
      block_hash: where.block_hash,
      receipt_cumulative_gas_used: optional(
        uint64,
        receipt?.["cumulativeGasUsed"],
        "cumulativeGasUsed",
      ),
      receipt_gas_used: optional(uint64, receipt?.["gasUsed"], "gasUsed"),
      receipt_contract_address: optional(
        address,
        receipt?.["contractAddress"],
        "contractAddress",
      ),
      receipt_root: optional(hash, receipt?.["root"], "root"),
      receipt_status: optional(whole, receipt?.["status"], "status"),
      receipt_effective_gas_price: optional(
        uint256,
        receipt?.["effectiveGasPrice"],
        "effectiveGasPrice",
      ),
      receipt_logs_bloom: optional(bytes, receipt?.["logsBloom"], "logsBloom"),
      receipt_blob_gas_used: optional(
        uint64,
        receipt?.["blobGasUsed"],
        "blobGasUsed",
      ),
      receipt_blob_gas_price: optional(
        uint256,
        receipt?.["blobGasPrice"],
        "blobGasPrice",
      ),
      extra: withDiffering(this.#transaction.of(raw), raw, {
        blockTimestamp: around.timestamp,
      }),
      receipt_extra: receipt === undefined
        ? null
        : withDiffering(this.#receipt.of(receipt), receipt, {
          from: raw["from"],
          to: raw["to"],
          type: raw["type"],
        }),
    };
  }

  #logRows(receipts: readonly Raw[], around: Around): Row[] {
    const { timestamp, where } = around;
    const rows: Row[] = [];
    for (const receipt of receipts) {
      const logs = list(receipt["logs"], "logs");
      if (logs.length === 0) continue;
      const transaction = hash(receipt["transactionHash"], "transactionHash");
      const index = whole(receipt["transactionIndex"], "transactionIndex");
      for (const item of logs) {
        const raw = object(item, "logs");
        rows.push({
          log_index: whole(raw["logIndex"], "logIndex"),
          transaction_hash: transaction,
          transaction_index: index,
          address: address(raw["address"], "address"),
          data: bytes(raw["data"], "data"),
          topics: list(raw["topics"], "topics")
            .map((topic) => hash(topic, "topics")),
          block_timestamp: where.block_timestamp,
          block_number: where.block_number,
          block_hash: where.block_hash,
          extra: withDiffering(this.#log.of(raw), raw, {
            blockTimestamp: timestamp,
          }),
        });
      }
    }
    return rows;
  }

  #withdrawalRow(raw: Raw, where: InBlock): Row {
    return {
      index: uint64(raw["index"], "index"),
      validator_index: uint64(raw["validatorIndex"], "validatorIndex"),
      address: address(raw["address"], "address"),
      amount: uint64(raw["amount"], "amount"),
      block_timestamp: where.block_timestamp,
      block_number: where.block_number,
      block_hash: where.block_hash,
      extra: this.#withdrawal.of(raw),
    };
  }
}

/** What a row needs to know of its block. */
interface Around {
  readonly where: InBlock;
  /** The block's timestamp as the node wrote it. */
  readonly timestamp: unknown;
  readonly receipt?: Raw | undefined;
}

function optional<T>(
  read: (value: unknown, field: string) => T,
  value: unknown,
  field: string,
): T | null {
  return value === undefined || value === null ? null : read(value, field);
}

function list(value: unknown, field: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new MalformedError(`"${field}" should be a list`);
}

function object(value: unknown, field: string): Raw {
  if (typeof value === "object" && value !== null) return value as Raw;
  throw new MalformedError(`"${field}" should hold objects`);
}

/**
 * Some fields repeat what another column says; kept only where they say
 * something else, as on chains with rules of their own.
 */
function withDiffering(extra: Value, raw: Raw, expected: Raw): Value {
  let kept = extra;
  for (const name of Object.keys(expected)) {
    const value = raw[name];
    if (value === undefined || value === null) continue;
    if (value === expected[name]) continue;
    const same = String(value).toLowerCase() ===
      String(expected[name] ?? "").toLowerCase();
    if (!same) kept = { ...(kept as Row | null), [name]: value as Value };
  }
  return kept;
}
