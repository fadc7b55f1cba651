/**
 * The calls that a state will make.
 *
 * @module
 */
import type {
  PlannedCall,
  Planning,
  StandingCall,
  Used,
} from "../../../runtime/component.ts";
import { headCalls, POLL } from "../chain/following.ts";
import { LOGS } from "../chain/routes.ts";
import type { Read } from "./calls.ts";
import type { Contract } from "./contracts.ts";
import { givenOf, limitOf, type StateConfig } from "./fields.ts";
import { weightOf } from "./multicall.ts";
import { pack } from "./packing.ts";
import { StateTable, type Target } from "./table.ts";
import type { BlockTrigger, RowTrigger } from "./triggers.ts";

// To plan with, where only the chain knows.
const USUAL_SLOT_MS = 12_000;

const DAY_MS = 86_400_000;

// Blocks that are looked at to find the first one behind an instant, where
// they come evenly.
const SEARCHED = 2;

const TOGETHER = "Multicall3 is there, so that reads share calls";

const anyContract: Contract = {
  address: `0x${"0".repeat(40)}`,
  name: undefined,
  values: {},
};

// Times of a pattern that are counted to tell how often they come.
const COUNTED = 100;

/** The calls for a block, as far as the spec tells. */
export function plannedCalls(
  config: StateConfig,
  _used: Used,
  planning: Planning,
): readonly PlannedCall[] {
  const { contracts: { known, seen }, every } = config;
  if (every.kind === "rows") return [rowCall(config, every, planning)];
  // The units of a source that has few may all be those that are due.
  const { density = 1 } = planning.upstream ?? {};
  const due = Math.min(density, dueOf(every, planning));
  if (seen) {
    const most = mostReads(config);
    return [...bareHeaders(every, planning, due), {
      method: "eth_call",
      perUnit: due,
      because: `${every.text}, for the contracts seen; ` +
        `${most} reads fit into one`,
      ...assuming([
        ...evenly(every, planning),
        "contracts to read are there from the first block on, and one " +
        `eth_call takes all of their reads, ${most} at most`,
        ...density < 1 ? ["every block that is due is one of those"] : [],
      ]),
    }];
  }
  const reads = readsOf(targetsOf(config, known));
  const calls = callsFor(config, reads);
  return [
    {
      method: POLL,
      // The search for an instant brings the header as well.
      perUnit: every.kind === "times" ? SEARCHED * due : due,
      atHead: 1,
      because: "the header of what is read; at the head block by block",
    },
    {
      method: "eth_call",
      perUnit: due * calls,
      because: `${reads.length} ${reads.length === 1 ? "read" : "reads"} ` +
        `${every.text}, in ${calls} ${calls === 1 ? "call" : "calls"}`,
      ...assuming([
        ...evenly(every, planning),
        ...reads.length > calls ? [TOGETHER] : [],
      ]),
    },
  ];
}

/** Units of a number: whoever follows has those of the other source. */
export function densityOf(
  { every }: StateConfig,
  planning: Planning,
): number {
  const { upstream } = planning;
  if (upstream) return upstream.density;
  return every.kind === "rows" ? 1 : dueOf(every, planning);
}

/** What a state calls beside that. */
export function standingCalls(
  { every }: StateConfig,
  _used: Used,
  { upstream }: Planning,
): readonly StandingCall[] {
  if (upstream === undefined) return headCalls;
  // When the block before the first one was.
  return every.kind === "times" ? [{ method: POLL, times: 1 }] : [];
}

/** The call that the rows of a block cause. */
function rowCall(
  config: StateConfig,
  { contract, on, where }: RowTrigger,
  { upstream }: Planning,
): PlannedCall {
  const { contracts: { known, seen } } = config;
  const isNamed = contract !== undefined || known.length === 0 && !seen;
  const isCertain = upstream?.everyUnit.has("every") && where === undefined &&
    seen === undefined && (!isNamed || known.length === 0);
  const targets = targetsOf(config, isNamed ? [anyContract] : known);
  const reads = readsOf(targets);
  const calls = callsFor(config, reads);
  const perUnit = calls * (upstream?.density ?? 1);
  const most = mostReads(config);
  const together = reads.length > calls ? [TOGETHER] : [];
  if (isCertain) {
    const because = `for the row of ${on} in each block`;
    return { method: "eth_call", perUnit, because, ...assuming(together) };
  }
  return {
    method: "eth_call",
    perUnit,
    because: `at most, for the rows of ${on} that match in a block`,
    ...assuming([
      `every block has rows of ${on} that match, and ` +
      (calls === 1 ? "one eth_call takes" : `${calls} eth_calls take`) +
      " what they ask for" +
      (most > 0 ? `, ${calls * most} reads at most` : ""),
      ...together,
    ]),
  };
}

/** Headers of blocks of which the other source may know the number alone. */
function bareHeaders(
  every: BlockTrigger,
  { upstream }: Planning,
  due: number,
): readonly PlannedCall[] {
  const calls = upstream?.calls ?? [];
  const isWhole = calls.some(({ method, perUnit }) =>
    method === POLL && perUnit >= 1
  );
  if (isWhole || !calls.some(({ method }) => method === LOGS)) return [];
  return [{
    method: POLL,
    // Whether an instant lies in front of a block is told by its time.
    perUnit: every.kind === "times" ? upstream?.density ?? 1 : due,
    atHead: 0,
    because: "the headers of blocks without logs",
    ...assuming(["no block has logs that tell which block it is"]),
  }];
}

/** The share of blocks that are read. */
function dueOf(every: BlockTrigger, planning: Planning): number {
  if (every.kind === "times") {
    return Math.min(1, slotOf(planning) / intervalOf(every));
  }
  const { count } = every;
  const { from, to } = planning.range ?? {};
  if (from === undefined || to === undefined) return 1 / count;
  const before = Math.floor((from - 1) / count);
  return (Math.floor(to / count) - before) / (to - from + 1);
}

/** Milliseconds between two instants, on average. */
function intervalOf(
  { next }: Extract<BlockTrigger, { readonly kind: "times" }>,
): number {
  const first = next(0);
  let last = first;
  let count = 0;
  while (last !== undefined && count < COUNTED) {
    const instant = next(last);
    if (instant === undefined) return Infinity;
    last = instant;
    count++;
  }
  return first === undefined || last === undefined
    ? Infinity
    : (last - first) / count;
}

function slotOf({ unitsPerDay }: Planning): number {
  return unitsPerDay === undefined ? USUAL_SLOT_MS : DAY_MS / unitsPerDay;
}

function evenly(every: BlockTrigger, planning: Planning): readonly string[] {
  return every.kind === "times"
    ? [`a block comes every ${slotOf(planning) / 1000} s`]
    : [];
}

function assuming(all: readonly string[]): Pick<PlannedCall, "assumes"> {
  return all.length === 0 ? {} : { assumes: all.join("; ") };
}

function targetsOf(
  config: StateConfig,
  contracts: readonly Contract[],
): readonly Target[] {
  const table = new StateTable(givenOf(config));
  return contracts.flatMap((one) => table.targetsOf(one));
}

function readsOf(targets: readonly Target[]): readonly Read[] {
  return targets.flatMap(({ reads }) => reads);
}

function callsFor(config: StateConfig, reads: readonly Read[]): number {
  const parts = pack(reads, { limit: limitOf(config), weigh: weightOf });
  return Math.max(1, parts.length);
}

/** How many reads of the usual kind one call takes. */
function mostReads(config: StateConfig): number {
  const [first] = readsOf(targetsOf(config, [anyContract]));
  if (!first) return 0;
  const { bytes, gas } = weightOf(first);
  const limit = limitOf(config);
  return Math.floor(Math.min(limit.gas / gas, limit.bytes / bytes));
}
