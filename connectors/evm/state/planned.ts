/**
 * The calls that a state will make.
 *
 * @module
 */
import type { PlannedCall } from "../../../runtime/component.ts";
import { givenOf, limitOf, type StateConfig } from "./fields.ts";
import { weightOf } from "./multicall.ts";
import { pack } from "./packing.ts";
import { StateTable } from "./table.ts";
import type { BlockTrigger } from "./triggers.ts";

// To plan with, where only the chain knows.
const USUAL_SLOT_MS = 12_000;

/** The calls for a block, as far as the spec tells. */
export function plannedCalls(config: StateConfig): readonly PlannedCall[] {
  const { contracts: { known, seen }, every } = config;
  if (every.kind === "rows") {
    return [{
      method: "eth_call",
      perUnit: 1,
      because: `at most, for the rows of ${every.on} that match in a block`,
    }];
  }
  const table = new StateTable(givenOf(config));
  const reads = known.flatMap((one) => table.targetsOf(one))
    .flatMap(({ reads }) => reads);
  const parts = pack(reads, { limit: limitOf(config), weigh: weightOf });
  const calls = Math.max(1, parts.length);
  const perUnit = calls / blocksOf(every);
  if (seen) {
    return [{
      method: "eth_call",
      perUnit,
      because: `${every.text}, for the contracts seen; ` +
        `${mostReads(config)} reads fit into one`,
    }];
  }
  return [
    {
      method: "eth_getBlockByNumber",
      perUnit: 1,
      because: "following the head, block by block",
    },
    {
      method: "eth_call",
      perUnit,
      because: `${reads.length} ${reads.length === 1 ? "read" : "reads"} ` +
        `${every.text}, in ${calls} ${calls === 1 ? "call" : "calls"}`,
    },
  ];
}

function blocksOf(every: BlockTrigger): number {
  if (every.kind === "blocks") return every.count;
  const now = 0;
  const next = every.next(now) ?? Infinity;
  return Math.max(1, (next - now) / USUAL_SLOT_MS);
}

/** How many reads of the usual kind one call takes. */
function mostReads(config: StateConfig): number {
  const table = new StateTable(givenOf(config));
  const address = `0x${"0".repeat(40)}`;
  const contract = { address, name: undefined, values: {} };
  const [{ reads = [] } = {}] = table.targetsOf(contract);
  const [first] = reads;
  if (!first) return 0;
  const { bytes, gas } = weightOf(first);
  const limit = limitOf(config);
  return Math.floor(Math.min(limit.gas / gas, limit.bytes / bytes));
}
