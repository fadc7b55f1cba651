/**
 * Transactions before they are signed.
 *
 * @module
 */
import {
  type Abi,
  type Address,
  encodeDeployData,
  encodeFunctionData,
  type Hex,
} from "viem";
import type { Contract } from "./contracts.ts";

/** How a transaction is wrapped; "unprotected" is legacy without EIP-155. */
export type Envelope =
  | "unprotected"
  | "legacy"
  | "access list"
  | "dynamic fee"
  | "blob"
  | "delegation";

/** An authorization of EIP-7702, before it is signed. */
export interface Delegation {
  /** The account whose code it sets. */
  readonly authority: number;
  /** The code; the zero address takes it away. */
  readonly to: Address;
  /** A nonce that is too high: the authorization is then ignored. */
  readonly stale?: boolean;
}

/** What somebody wants to send; the scenario chooses the envelope if it may. */
export interface Draft {
  /** Number of the sending account. */
  readonly from: number;
  /** The receiver; `null` creates a contract. */
  readonly to: Address | null;
  readonly data?: Hex;
  /** Wei. */
  readonly value?: bigint;
  /** The gas limit, if it is not the usual one. */
  readonly gas?: bigint;
  readonly envelope?: Envelope;
  /** The versioned hashes of its blobs; the blobs themselves do not exist. */
  readonly blobs?: readonly Hex[];
  readonly delegations?: readonly Delegation[];
  /** It is meant to fail: status 0. */
  readonly fails?: boolean;
}

/** What is called, with what. */
export interface Invocation {
  readonly to: Address;
  readonly abi: Abi;
  readonly name: string;
  readonly args: readonly unknown[];
}

/** Draft a call of a contract. */
export function invoke(
  from: number,
  { to, abi, name, args, ...rest }:
    & Invocation
    & Omit<Draft, "from" | "to" | "data">,
): Draft {
  return { from, to, data: encode(abi, name, args), ...rest };
}

/** Encode the calldata of a function. */
export function encode(
  abi: Abi,
  functionName: string,
  args: readonly unknown[],
): Hex {
  return encodeFunctionData({ abi, functionName, args });
}

// The biggest of them, the router, takes 5 million.
const DEPLOY_GAS = 6_000_000n;

/** Draft the creation of a contract. */
export function deploy(
  from: number,
  { abi, bytecode }: Contract,
  args: readonly unknown[] = [],
): Draft {
  const data = encodeDeployData({ abi, bytecode, args });
  return { from, to: null, data, gas: DEPLOY_GAS };
}
