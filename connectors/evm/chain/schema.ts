/**
 * The ports of a chain and their columns, named as in BigQuery's
 * `crypto_ethereum`.
 *
 * @module
 */
import type { Column, ColumnType, Schema } from "../../../runtime/component.ts";

/** Every port of a chain, in the order in which `emit` lists them. */
export const portNames = [
  "blocks",
  "transactions",
  "logs",
  "token_transfers",
  "withdrawals",
] as const;

/** The name of a port of a chain. */
export type PortName = typeof portNames[number];

function column(name: string, type: ColumnType, doc: string): Column {
  return { name, type, doc };
}

function nullable(name: string, type: ColumnType, doc: string): Column {
  return { name, type, nullable: true, doc };
}

const inBlock: Schema = [
  column("block_timestamp", "timestamp", "Time of the block"),
  column("block_number", "uint64", "Number of the block"),
  column("block_hash", "hash", "Hash of the block"),
];

const blocks: Schema = [
  column("number", "uint64", "Number of the block"),
  column("hash", "hash", "Hash of the block"),
  column("parent_hash", "hash", "Hash of the block before"),
  nullable("nonce", "bytes", "Proof-of-work nonce, 8 bytes"),
  column("sha3_uncles", "hash", "Hash of the list of uncles"),
  column("logs_bloom", "bytes", "Bloom filter of the logs, 256 bytes"),
  column("transactions_root", "hash", "Root of the trie of transactions"),
  column("state_root", "hash", "Root of the state after the block"),
  column("receipts_root", "hash", "Root of the trie of receipts"),
  column("miner", "address", "Who receives the priority fees"),
  column("difficulty", "uint256", "Difficulty; 0 since proof of stake"),
  nullable(
    "total_difficulty",
    "uint256",
    "Difficulty of the chain up to here; null where the node leaves it out",
  ),
  nullable("size", "uint64", "Size of the block in bytes"),
  column("extra_data", "bytes", "What the block's builder put in"),
  column("gas_limit", "uint64", "Gas that the block may use"),
  column("gas_used", "uint64", "Gas that its transactions used"),
  column("timestamp", "timestamp", "Time of the block"),
  column("transaction_count", "uint32", "Number of transactions"),
  nullable("base_fee_per_gas", "uint256", "Base fee in wei (EIP-1559)"),
  nullable("withdrawals_root", "hash", "Root of the withdrawals (EIP-4895)"),
  nullable(
    "withdrawal_count",
    "uint32",
    "Number of withdrawals; null when the node did not list them",
  ),
  nullable("blob_gas_used", "uint64", "Blob gas of the block (EIP-4844)"),
  nullable("excess_blob_gas", "uint64", "Excess blob gas (EIP-4844)"),
  nullable(
    "parent_beacon_block_root",
    "hash",
    "Root of the parent beacon block (EIP-4788)",
  ),
  nullable("requests_hash", "hash", "Hash of the requests (EIP-7685)"),
  nullable("mix_hash", "hash", "Proof-of-work mix, or RANDAO since the merge"),
  column("uncles", "list<hash>", "Hashes of the uncles"),
  nullable("extra", "json", "Fields of the node that have no column"),
];

const transactions: Schema = [
  column("hash", "hash", "Hash of the transaction"),
  column("nonce", "uint64", "Transactions that the sender made before"),
  column("transaction_index", "uint32", "Position in the block"),
  column("from_address", "address", "Sender"),
  nullable("to_address", "address", "Receiver; null when it deploys"),
  column("value", "uint256", "Wei that it moves"),
  column("gas", "uint64", "Gas that it may use"),
  nullable("gas_price", "uint256", "Price of gas in wei"),
  column("input", "bytes", "Call data, or the code that deploys"),
  nullable("max_fee_per_gas", "uint256", "Highest fee in wei (EIP-1559)"),
  nullable(
    "max_priority_fee_per_gas",
    "uint256",
    "Highest priority fee in wei (EIP-1559)",
  ),
  column("transaction_type", "uint8", "Type (EIP-2718); 0 is legacy"),
  nullable("chain_id", "uint64", "Chain id that it was signed for"),
  nullable("v", "uint64", "Signature: recovery value"),
  nullable("r", "hash", "Signature: r, padded to 32 bytes"),
  nullable("s", "hash", "Signature: s, padded to 32 bytes"),
  nullable("y_parity", "uint8", "Signature: parity of y (EIP-2718)"),
  nullable("access_list", "json", "Access list (EIP-2930)"),
  nullable("blob_versioned_hashes", "list<hash>", "Blobs (EIP-4844)"),
  nullable(
    "max_fee_per_blob_gas",
    "uint256",
    "Highest fee for blob gas in wei (EIP-4844)",
  ),
  nullable("authorization_list", "json", "Authorizations (EIP-7702)"),
  ...inBlock,
  nullable(
    "receipt_cumulative_gas_used",
    "uint64",
    "Gas used in the block up to here",
  ),
  nullable("receipt_gas_used", "uint64", "Gas that it used"),
  nullable(
    "receipt_contract_address",
    "address",
    "Contract that it deployed; null when it did not",
  ),
  nullable(
    "receipt_root",
    "hash",
    "State root after it; null since Byzantium",
  ),
  nullable(
    "receipt_status",
    "uint8",
    "1 success, 0 failure; null before Byzantium",
  ),
  nullable(
    "receipt_effective_gas_price",
    "uint256",
    "Price of gas that it paid, in wei",
  ),
  nullable("receipt_logs_bloom", "bytes", "Bloom filter of its logs"),
  nullable("receipt_blob_gas_used", "uint64", "Blob gas that it used"),
  nullable("receipt_blob_gas_price", "uint256", "Price of blob gas in wei"),
  nullable("extra", "json", "Fields of the node that have no column"),
  nullable(
    "receipt_extra",
    "json",
    "Fields of the receipt that have no column",
  ),
];

const logs: Schema = [
  column("log_index", "uint32", "Position in the block"),
  column("transaction_hash", "hash", "Hash of the transaction"),
  column("transaction_index", "uint32", "Position of the transaction"),
  column("address", "address", "Contract that emitted it"),
  column("data", "bytes", "Arguments that are not indexed"),
  column("topics", "list<hash>", "Event and indexed arguments, 0 to 4"),
  ...inBlock,
  nullable("extra", "json", "Fields of the node that have no column"),
];

const tokenTransfers: Schema = [
  column("token_address", "address", "Contract of the token"),
  column("token_standard", "string", "erc20, erc721 or erc1155"),
  column("from_address", "address", "Sender; zero when it is minted"),
  column("to_address", "address", "Receiver; zero when it is burned"),
  column("value", "uint256", "Amount in the smallest unit; 1 for ERC-721"),
  nullable("token_id", "uint256", "Id of the token; null for ERC-20"),
  nullable("operator_address", "address", "Who moved it (ERC-1155)"),
  column("log_index", "uint32", "Position of the log in the block"),
  column("batch_index", "uint32", "Position in an ERC-1155 batch, else 0"),
  column("transaction_hash", "hash", "Hash of the transaction"),
  column("transaction_index", "uint32", "Position of the transaction"),
  ...inBlock,
];

const withdrawals: Schema = [
  column("index", "uint64", "Number of the withdrawal since the first"),
  column("validator_index", "uint64", "Index of the validator"),
  column("address", "address", "Receiver"),
  column("amount", "uint64", "Amount in gwei"),
  ...inBlock,
  nullable("extra", "json", "Fields of the node that have no column"),
];

/** The columns of every port. */
export const schemas: Readonly<Record<PortName, Schema>> = {
  blocks,
  transactions,
  logs,
  token_transfers: tokenTransfers,
  withdrawals,
};
