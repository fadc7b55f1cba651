/**
 * Fields of a node's objects that a column holds, or that repeat one.
 *
 * @module
 */

// What says where an object is; `consistency.ts` checks that it is true.
const place = ["blockHash", "blockNumber", "blockTimestamp"];
const inTransaction = [...place, "transactionHash", "transactionIndex"];

/** Known fields by kind of object; any other goes to `extra`. */
export const known = {
  block: [
    "number",
    "hash",
    "parentHash",
    "nonce",
    "sha3Uncles",
    "logsBloom",
    "transactionsRoot",
    "stateRoot",
    "receiptsRoot",
    "miner",
    "difficulty",
    "totalDifficulty",
    "size",
    "extraData",
    "gasLimit",
    "gasUsed",
    "timestamp",
    "baseFeePerGas",
    "withdrawalsRoot",
    "blobGasUsed",
    "excessBlobGas",
    "parentBeaconBlockRoot",
    "requestsHash",
    "mixHash",
    "uncles",
    "transactions", // rows of their own
    "withdrawals", // rows of their own
  ],
  transaction: [
    ...place,
    "hash",
    "nonce",
    "transactionIndex",
    "from",
    "to",
    "value",
    "gas",
    "gasPrice",
    "input",
    "maxFeePerGas",
    "maxPriorityFeePerGas",
    "type",
    "chainId",
    "v",
    "r",
    "s",
    "yParity",
    "accessList",
    "blobVersionedHashes",
    "maxFeePerBlobGas",
    "authorizationList",
  ],
  receipt: [
    ...inTransaction,
    "from", // the transaction's
    "to", // the transaction's
    "type", // the transaction's
    "cumulativeGasUsed",
    "gasUsed",
    "contractAddress",
    "root",
    "status",
    "effectiveGasPrice",
    "logsBloom",
    "blobGasUsed",
    "blobGasPrice",
    "logs", // rows of their own
  ],
  log: [
    ...inTransaction,
    "logIndex",
    "address",
    "data",
    "topics",
    "removed", // always false: a receipt has no removed logs
  ],
  withdrawal: ["index", "validatorIndex", "address", "amount"],
} as const;
