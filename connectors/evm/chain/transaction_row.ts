/**
 * A transaction and its receipt to a row.
 *
 * @module
 */
import type { Row, Value } from "../../../runtime/component.ts";
import type { Raw } from "./extra.ts";
import {
  absent,
  uint256,
  uint256OrNull,
  uint64,
  uint64OrNull,
  type ValueReader,
  whole,
} from "../hex.ts";
import type { InBlock } from "./rows.ts";

/** What the row of a transaction is made of, besides the transaction. */
export interface TransactionParts {
  readonly where: InBlock;
  /** Its position in the block, which has been checked. */
  readonly index: number;
  /** Undefined when nothing that is used needs it. */
  readonly receipt: Raw | undefined;
  readonly hex: ValueReader;
  /** Fields without a column. */
  readonly extra: Value;
  readonly receiptExtra: Value;
}

const none: Raw = {};

/** Build the row of a transaction. */
export function transactionRow(raw: Raw, parts: TransactionParts): Row {
  const { extra, hex, index, receipt = none, receiptExtra, where } = parts;
  const { blobVersionedHashes: blobs, r, s, to } = raw;
  const { contractAddress: contract, logsBloom, root, status } = receipt;
  return {
    hash: hex.hash(raw["hash"], "hash"),
    nonce: uint64(raw["nonce"], "nonce"),
    transaction_index: index,
    from_address: hex.address(raw["from"], "from"),
    to_address: absent(to) ? null : hex.address(to, "to"),
    value: uint256(raw["value"], "value"),
    gas: uint64(raw["gas"], "gas"),
    gas_price: uint256OrNull(raw["gasPrice"], "gasPrice"),
    input: hex.bytes(raw["input"], "input"),
    max_fee_per_gas: uint256OrNull(raw["maxFeePerGas"], "maxFeePerGas"),
    max_priority_fee_per_gas: uint256OrNull(
      raw["maxPriorityFeePerGas"],
      "maxPriorityFeePerGas",
    ),
    // A node that gives no type knows none but the first.
    transaction_type: whole(raw["type"] ?? "0x0", "type"),
    chain_id: uint64OrNull(raw["chainId"], "chainId"),
    v: uint64OrNull(raw["v"], "v"),
    r: absent(r) ? null : hex.word(r, "r"),
    s: absent(s) ? null : hex.word(s, "s"),
    y_parity: uint64OrNull(raw["yParity"], "yParity"),
    access_list: (raw["accessList"] ?? null) as Value,
    blob_versioned_hashes: Array.isArray(blobs)
      ? blobs.map((blob) => hex.hash(blob, "blobVersionedHashes"))
      : null,
    max_fee_per_blob_gas: uint256OrNull(
      raw["maxFeePerBlobGas"],
      "maxFeePerBlobGas",
    ),
    authorization_list: (raw["authorizationList"] ?? null) as Value,
    block_timestamp: where.block_timestamp,
    block_number: where.block_number,
    block_hash: where.block_hash,
    receipt_cumulative_gas_used: uint64OrNull(
      receipt["cumulativeGasUsed"],
      "cumulativeGasUsed",
    ),
    receipt_gas_used: uint64OrNull(receipt["gasUsed"], "gasUsed"),
    receipt_contract_address: absent(contract)
      ? null
      : hex.address(contract, "contractAddress"),
    receipt_root: absent(root) ? null : hex.hash(root, "root"),
    receipt_status: absent(status) ? null : whole(status, "status"),
    receipt_effective_gas_price: uint256OrNull(
      receipt["effectiveGasPrice"],
      "effectiveGasPrice",
    ),
    receipt_logs_bloom: absent(logsBloom)
      ? null
      : hex.bytes(logsBloom, "logsBloom"),
    receipt_blob_gas_used: uint64OrNull(
      receipt["blobGasUsed"],
      "blobGasUsed",
    ),
    receipt_blob_gas_price: uint256OrNull(
      receipt["blobGasPrice"],
      "blobGasPrice",
    ),
    extra,
    receipt_extra: receiptExtra,
  };
}
