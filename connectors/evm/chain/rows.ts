/**
 * A block and its receipts, as a node returned them, to rows.
 *
 * @module
 */
import type { Logger, Row, Used, Value } from "../../../runtime/component.ts";
import { Extra, type Raw, withDiffering } from "./extra.ts";
import {
  absent,
  HastyReader,
  MalformedError,
  strictReader,
  uint256,
  uint256OrNull,
  uint64,
  uint64OrNull,
  type ValueReader,
  whole,
} from "../hex.ts";
import { known } from "./known.ts";
import type { BlockLogs } from "./log_ranges.ts";
import { PackedBlock } from "./packed_logs.ts";
import type { PortName } from "./schema.ts";
import { transactionRow } from "./transaction_row.ts";
import { packedTransfers, tokenTransfers } from "./transfers.ts";

/** A block and its receipts, in the order of its transactions. */
export interface RawUnit {
  readonly block: Raw;
  /** Undefined when nothing that is used needs them. */
  readonly receipts: readonly Raw[] | undefined;
  /** The logs, where they were asked for without the receipts. */
  readonly logs?: BlockLogs | undefined;
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
  /** Whether anybody reads what of a log has no column. */
  readonly #logExtra: boolean;
  readonly #hasty = new HastyReader();

  /** @param used Columns that are read; all of them when absent. */
  constructor(ports: Iterable<PortName>, log: Logger, used?: Used) {
    this.#ports = new Set(ports);
    this.#logExtra = used?.get("logs")?.has("extra") ?? used === undefined;
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
  build(unit: RawUnit): PortRows {
    const rows = this.#build(unit, this.#hasty);
    return this.#hasty.verify() ? rows : this.#build(unit, strictReader);
  }

  #build({ block, logs, receipts }: RawUnit, hex: ValueReader): PortRows {
    const ports = this.#ports;
    const where: InBlock = {
      block_timestamp: whole(block["timestamp"], "timestamp") * 1000,
      block_number: uint64(block["number"], "number"),
      block_hash: hex.hash(block["hash"], "hash"),
    };
    const rows: PortRows = {};
    if (ports.has("blocks")) rows.blocks = [this.#blockRow(block, where, hex)];
    if (ports.has("transactions")) {
      rows.transactions = this.#transactionRows(block, receipts, {
        where,
        hex,
      });
    }
    if (logs instanceof PackedBlock && !ports.has("logs")) {
      rows.token_transfers = packedTransfers(logs, where);
    } else if (ports.has("logs") || ports.has("token_transfers")) {
      const stamp = block["timestamp"];
      const around = { where, hex, stamp };
      const made = logs
        ? this.#loneLogRows(logs, around)
        : this.#logRows(receipts ?? [], around);
      if (ports.has("logs")) rows.logs = made;
      if (ports.has("token_transfers")) {
        rows.token_transfers = tokenTransfers(made);
      }
    }
    if (ports.has("withdrawals")) {
      rows.withdrawals = this.#withdrawalRows(block, { where, hex });
    }
    return rows;
  }

  #blockRow(raw: Raw, where: InBlock, hex: ValueReader): Row {
    const { nonce, mixHash, requestsHash, withdrawals, withdrawalsRoot } = raw;
    const { parentBeaconBlockRoot: beaconRoot } = raw;
    return {
      number: where.block_number,
      hash: where.block_hash,
      parent_hash: hex.hash(raw["parentHash"], "parentHash"),
      nonce: absent(nonce) ? null : hex.bytes(nonce, "nonce"),
      sha3_uncles: hex.hash(raw["sha3Uncles"], "sha3Uncles"),
      logs_bloom: hex.bytes(raw["logsBloom"], "logsBloom"),
      transactions_root: hex.hash(raw["transactionsRoot"], "transactionsRoot"),
      state_root: hex.hash(raw["stateRoot"], "stateRoot"),
      receipts_root: hex.hash(raw["receiptsRoot"], "receiptsRoot"),
      miner: hex.address(raw["miner"], "miner"),
      difficulty: uint256(raw["difficulty"], "difficulty"),
      total_difficulty: uint256OrNull(
        raw["totalDifficulty"],
        "totalDifficulty",
      ),
      size: uint64OrNull(raw["size"], "size"),
      extra_data: hex.bytes(raw["extraData"], "extraData"),
      gas_limit: uint64(raw["gasLimit"], "gasLimit"),
      gas_used: uint64(raw["gasUsed"], "gasUsed"),
      timestamp: where.block_timestamp,
      transaction_count: list(raw["transactions"], "transactions").length,
      base_fee_per_gas: uint256OrNull(raw["baseFeePerGas"], "baseFeePerGas"),
      withdrawals_root: absent(withdrawalsRoot)
        ? null
        : hex.hash(withdrawalsRoot, "withdrawalsRoot"),
      withdrawal_count: Array.isArray(withdrawals) ? withdrawals.length : null,
      blob_gas_used: uint64OrNull(raw["blobGasUsed"], "blobGasUsed"),
      excess_blob_gas: uint64OrNull(raw["excessBlobGas"], "excessBlobGas"),
      parent_beacon_block_root: absent(beaconRoot)
        ? null
        : hex.hash(beaconRoot, "parentBeaconBlockRoot"),
      requests_hash: absent(requestsHash)
        ? null
        : hex.hash(requestsHash, "requestsHash"),
      mix_hash: absent(mixHash) ? null : hex.hash(mixHash, "mixHash"),
      uncles: list(raw["uncles"] ?? [], "uncles")
        .map((uncle) => hex.hash(uncle, "uncles")),
      extra: this.#block.of(raw),
    };
  }

  #transactionRows(
    block: Raw,
    receipts: readonly Raw[] | undefined,
    { hex, where }: Around,
  ): Row[] {
    const stamp = block["timestamp"];
    const transactions = list(block["transactions"], "transactions");
    return transactions.map((item, index) => {
      const raw = object(item, "transactions");
      const receipt = receipts?.[index];
      const extra = this.#transaction.of(raw);
      return transactionRow(raw, {
        where,
        hex,
        index,
        receipt,
        extra: withDiffering(extra, raw, "blockTimestamp", stamp),
        receiptExtra: receipt ? this.#receiptExtra(receipt, raw) : null,
      });
    });
  }

  /** What of a receipt has no column, and repeats nothing either. */
  #receiptExtra(receipt: Raw, transaction: Raw): Value {
    let extra = this.#receipt.of(receipt);
    for (const field of ["from", "to", "type"] as const) {
      extra = withDiffering(extra, receipt, field, transaction[field]);
    }
    return extra;
  }

  #logRows(receipts: readonly Raw[], around: AroundLog): Row[] {
    const rows: Row[] = [];
    for (const [index, receipt] of receipts.entries()) {
      const logs = list(receipt["logs"], "logs");
      if (logs.length === 0) continue;
      const hash = around.hex.hash(
        receipt["transactionHash"],
        "transactionHash",
      );
      for (const item of logs) {
        const raw = object(item, "logs");
        rows.push(this.#logRow(raw, { hash, index }, around));
      }
    }
    return rows;
  }

  /** Rows of logs that came without their receipts. */
  #loneLogRows(
    logs: BlockLogs,
    around: AroundLog,
  ): Row[] {
    if (!(logs instanceof PackedBlock)) {
      return logs.map((raw) => this.#loneLogRow(raw, around));
    }
    const { where } = around;
    const extra = this.#logExtraOf(logs.first, around);
    return Array.from(logs, (log) => ({
      log_index: log.logIndex,
      transaction_hash: log.transactionHash,
      transaction_index: log.transactionIndex,
      address: log.address,
      data: log.data,
      topics: log.topics,
      block_timestamp: where.block_timestamp,
      block_number: where.block_number,
      block_hash: where.block_hash,
      extra,
    }));
  }

  /** The row of a log that came without its receipt. */
  #loneLogRow(raw: Raw, around: AroundLog): Row {
    return this.#logRow(raw, {
      hash: around.hex.hash(raw["transactionHash"], "transactionHash"),
      index: whole(raw["transactionIndex"], "transactionIndex"),
    }, around);
  }

  #logRow(
    raw: Raw,
    transaction: { readonly hash: string; readonly index: number },
    around: AroundLog,
  ): Row {
    const { hex, where } = around;
    return {
      log_index: whole(raw["logIndex"], "logIndex"),
      transaction_hash: transaction.hash,
      transaction_index: transaction.index,
      address: hex.address(raw["address"], "address"),
      data: hex.bytes(raw["data"], "data"),
      topics: list(raw["topics"], "topics")
        .map((topic) => hex.hash(topic, "topics")),
      block_timestamp: where.block_timestamp,
      block_number: where.block_number,
      block_hash: where.block_hash,
      extra: this.#logExtraOf(raw, around),
    };
  }

  /** What of a log has no column, where somebody reads it. */
  #logExtraOf(raw: Raw, { stamp }: AroundLog): Value {
    if (!this.#logExtra) return null;
    return withDiffering(this.#log.of(raw), raw, "blockTimestamp", stamp);
  }

  /**
   * A list that is missing although there is a root is unknown, and an
   * unknown list has no rows; `withdrawal_count` tells it from "none".
   */
  #withdrawalRows(block: Raw, { hex, where }: Around): Row[] {
    return list(block["withdrawals"] ?? [], "withdrawals").map((item) => {
      const raw = object(item, "withdrawals");
      return {
        index: uint64(raw["index"], "index"),
        validator_index: uint64(raw["validatorIndex"], "validatorIndex"),
        address: hex.address(raw["address"], "address"),
        amount: uint64(raw["amount"], "amount"),
        block_timestamp: where.block_timestamp,
        block_number: where.block_number,
        block_hash: where.block_hash,
        extra: this.#withdrawal.of(raw),
      };
    });
  }
}

interface Around {
  readonly where: InBlock;
  readonly hex: ValueReader;
}

interface AroundLog extends Around {
  /** The block's time as the node wrote it. */
  readonly stamp: unknown;
}

function list(value: unknown, field: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new MalformedError(`"${field}" should be a list`);
}

function object(value: unknown, field: string): Raw {
  if (typeof value === "object" && value !== null) return value as Raw;
  throw new MalformedError(`"${field}" should hold objects`);
}
