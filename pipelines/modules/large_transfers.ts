/**
 * Keep token transfers of a million units and more, whatever the token's
 * decimals: an example of a module transform.
 *
 * A module is a function of a row: it returns a row, several rows, or null to
 * drop the row, and the same for the same row every time. The spec names the
 * columns that it returns.
 *
 * @module
 */
import type { Context, Output } from "../../connectors/rows/module.ts";

/** The columns that the module reads; the input may have more. */
export interface Transfer {
  readonly block_number: number;
  readonly transaction_hash: string;
  readonly token_address: string;
  readonly from_address: string;
  readonly to_address: string;
  /** In the token's smallest unit. */
  readonly value: bigint;
}

/** Decimals of the tokens that are watched. */
const decimals: Readonly<Record<string, number>> = {
  "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48": 6, // USDC
  "0xdac17f958d2ee523a2206206994597c13d831ec7": 6, // USDT
  "0x6b175474e89094c44da98b954eedeac495271d0f": 18, // DAI
};

/** What most tokens have. */
const usualDecimals = 18;

/** Keep a transfer of at least a million units, with its number of digits. */
export function transform(row: Transfer, _context: Context): Output {
  const scale = 10n ** BigInt(decimals[row.token_address] ?? usualDecimals);
  if (row.value < 1_000_000n * scale) return null;

  return {
    block_number: row.block_number,
    transaction_hash: row.transaction_hash,
    token_address: row.token_address,
    from_address: row.from_address,
    to_address: row.to_address,
    value: row.value,
    digits: String(row.value / scale).length,
  };
}
