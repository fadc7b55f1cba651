/**
 * The hash of Ethereum.
 *
 * @module
 */
import { keccak_256 } from "@noble/hashes/sha3.js";

/** The Keccak-256 hash as `0x` and 64 digits. */
export function keccak256(bytes: Uint8Array): string {
  return `0x${keccak_256(bytes).toHex()}`;
}
