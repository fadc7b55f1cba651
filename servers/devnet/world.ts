/**
 * What the scenario knows of its own chain, and what an activity is.
 *
 * @module
 */
import type { Address } from "viem";
import type { Draft } from "./draft.ts";
import { Random } from "./random.ts";
import { accounts } from "./signer.ts";

/** Deploys everything, and owns what has an owner. */
export const DEPLOYER = 0;
/** Those who trade, pay and collect. */
export const TRADERS: readonly number[] = Array.from(
  { length: 16 },
  (_, index) => index + 1,
);
/** Posts blobs, and uses up gas. */
export const BATCHER = 17;
/** Pays for another account's delegation. */
export const SPONSOR = 18;
/** Delegates to the wallet's code; sends one transaction a block at most. */
export const DELEGATOR = 19;

/** Something that people do on a chain. */
export interface Activity {
  /** What it is, for the summary of a recording. */
  readonly name: string;
  /** How often, against the others. */
  readonly weight: number;
  /** Draft it; the world is told what it will have changed. */
  draft(world: World): Draft;
}

/** Randomness and bookkeeping of one scenario. */
export class World {
  /** Every choice comes from here. */
  readonly random: Random;
  /** The time of the block in the making, in seconds. */
  now = 0;
  /** What the block before asked for a unit of gas, in wei (EIP-1559). */
  baseFee = 0n;
  /** Owners of the collectibles; the first is number 1. */
  readonly collectibles: number[] = [];
  /** Ether in the vault, by account. */
  readonly vault = new Map<number, bigint>();
  /** Whether the vault's second code is in force. */
  upgraded = false;

  /** A world is its seed. */
  constructor(seed: number) {
    this.random = new Random(seed);
  }

  /** One of the traders. */
  trader(): number {
    return this.random.pick(TRADERS);
  }

  /** A trader's address or, now and then, one that nobody ever used. */
  receiver(): Address {
    if (this.random.chance(15)) return this.random.bytes(20);
    return addressOf(this.trader());
  }

  /** A time that a transaction in this block is in time for. */
  deadline(): bigint {
    return BigInt(this.now + 1200);
  }
}

/** The address of an account. */
export function addressOf(account: number): Address {
  const found = accounts[account];
  if (!found) throw new RangeError(`There is no account ${account}`);
  return found.address;
}
