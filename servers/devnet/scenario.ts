/**
 * The scenario: which transactions each block of the local chain holds.
 *
 * @module
 */
import { exchange } from "./activity/exchange.ts";
import { failures } from "./activity/failures.ts";
import { delegations, oddities, postBlobs } from "./activity/oddities.ts";
import { payments } from "./activity/payments.ts";
import { grind, programs, upgradeVault } from "./activity/programs.ts";
import { tokens } from "./activity/tokens.ts";
import type { Draft, Envelope } from "./draft.ts";
import { setup } from "./setup.ts";
import type { Terms } from "./signer.ts";
import { DEPLOYER, type World } from "./world.ts";

/** A draft, what it pays, and which activity it came from. */
export interface Planned {
  readonly activity: string;
  readonly draft: Draft;
  readonly terms: Terms;
}

/** The seed of the committed recording. */
export const SEED = 31337;

const ACTIVITIES = [
  ...payments,
  ...tokens,
  ...exchange,
  ...programs,
  ...oddities,
  ...failures,
];

const RUSH_ACTIVITIES = [...payments, ...tokens];

// Blocks of the kinds that must not be left to chance.
const UPGRADE_BLOCK = 150;
const RUSH_EVERY = 120;
const RUSH_TRANSACTIONS = 180;
const EMPTY_EVERY = 10;
const BLOBS_EVERY = 6;
const DELEGATION_EVERY = 8;

// Gas that somebody buys up whenever it is cheap, so that the base fee moves
// as it does on mainnet instead of falling to nothing. The price at which they
// stop goes up and down.
const GRIND_BYTES = 3_350_000n;
const GRIND_GAS = 24_000_000n;
const CHEAP_GAS: readonly bigint[] = [10n, 14n, 25n, 32n, 18n, 8n];
const CHEAP_GAS_UNIT = 10n ** 8n;
const CHEAP_GAS_BLOCKS = 20;

const SETUP_TIP = 2n * 10n ** 9n;

/** Blocks without end: the setup, then everyday life, no two days alike. */
export function* scenario(world: World): Generator<readonly Planned[], never> {
  let height = 1;
  for (const drafts of setup(world)) {
    yield drafts.map((draft) =>
      plan(world, { activity: "setup", draft, tip: SETUP_TIP })
    );
    height++;
  }
  for (;; height++) yield [...everyday(world, height)];
}

function* everyday(world: World, height: number): Generator<Planned> {
  const { random } = world;
  if (height % EMPTY_EVERY === 9) return;
  if (height === UPGRADE_BLOCK) {
    world.upgraded = true;
    const draft = upgradeVault(DEPLOYER);
    yield plan(world, { activity: "vault upgrade", draft });
  }
  if (height % BLOBS_EVERY === 2) {
    yield plan(world, { activity: "blobs", draft: postBlobs(world) });
  }
  if (height % DELEGATION_EVERY === 4) {
    const step = Math.floor(height / DELEGATION_EVERY) % delegations.length;
    const draft = delegations[step]?.(world);
    if (draft) yield plan(world, { activity: "delegation", draft });
  }
  const rush = height % RUSH_EVERY === 0;
  if (!rush && world.baseFee < cheapGas(height)) {
    const draft = { ...grind(GRIND_BYTES), gas: GRIND_GAS };
    yield plan(world, { activity: "grind", draft, tip: 1n });
  }
  const count = rush ? RUSH_TRANSACTIONS : random.between(1, 16);
  const activities = rush ? RUSH_ACTIVITIES : ACTIVITIES;
  for (let index = 0; index < count; index++) {
    const { name, draft } = random.weighted(activities);
    yield plan(world, { activity: name, draft: draft(world) });
  }
}

function cheapGas(height: number): bigint {
  const phase = Math.floor(height / CHEAP_GAS_BLOCKS) % CHEAP_GAS.length;
  return (CHEAP_GAS[phase] ?? 0n) * CHEAP_GAS_UNIT;
}

function plan(
  world: World,
  { activity, draft, tip }: {
    readonly activity: string;
    readonly draft: Draft;
    readonly tip?: bigint;
  },
): Planned {
  const { random } = world;
  const envelope = draft.envelope ?? chooseEnvelope(world);
  // Anvil leaves an empty list out of a blob transaction's JSON.
  const listed = envelope === "access list" || envelope === "blob" ||
    envelope === "dynamic fee" && random.chance(3);
  const accessList = listed && draft.to !== null
    ? [{
      address: draft.to,
      storageKeys: Array.from(
        { length: random.below(4) },
        (_, slot) => `0x${`${slot}`.padStart(64, "0")}` as const,
      ),
    }]
    : [];
  return {
    activity,
    draft,
    terms: { envelope, tip: tip ?? random.amount(7, 7), accessList },
  };
}

function chooseEnvelope({ random }: World): Envelope {
  if (random.chance(70)) return "dynamic fee";
  if (random.chance(60)) return "legacy";
  return random.chance(75) ? "access list" : "unprotected";
}
