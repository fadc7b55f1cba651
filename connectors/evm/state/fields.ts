/**
 * What a spec says about a state.
 *
 * @module
 */
import {
  type Config,
  type Fields,
  fields,
  optional,
} from "../../../runtime/component.ts";
import { startField } from "../chain/start.ts";
import { columnOf, type Given } from "./arguments.ts";
import { contractsField } from "./contracts.ts";
import { MULTICALL3 } from "./multicall.ts";
import type { Weight } from "./packing.ts";
import { readField } from "./reads.ts";
import { everyField } from "./triggers.ts";

// What one eth_call may take where nobody says: anvil and most providers
// allow 30,000,000 gas or more, and servers in front of a node bodies of 1 MB.
const CALL_GAS = 30_000_000;
const CALL_BYTES = "1280KiB";

/** The fields of a state. */
export const stateFields = {
  every: everyField,
  contracts: contractsField,
  read: fields.map(readField, "Functions to read, by the names of columns"),
  args: optional(
    fields.map(
      fields.any("A value, or a list that multiplies the rows"),
      "Arguments of the functions, by their names",
    ),
    {},
  ),
  distinct: optional(
    fields.list(
      fields.string("Argument"),
      "Arguments with one list of values of which every set comes once: all " +
        "pairs of a list of tokens",
    ),
    [],
  ),
  only_changes: optional(fields.list(
    fields.string("Column"),
    "Only rows in which one of these columns has changed",
  )),
  start: startField,
  multicall: optional(
    fields.address("Where Multicall3 is, when not at its usual address"),
    MULTICALL3,
  ),
  call_gas: optional(
    fields.integer("Gas that one eth_call may use", { min: 100_000 }),
    CALL_GAS,
  ),
  call_bytes: optional(
    fields.size("Size of one eth_call with its answer, as text"),
    CALL_BYTES,
  ),
  in_flight: optional(
    fields.integer("Blocks read at once at most", { min: 1, max: 1000 }),
    4,
  ),
  poll: optional(fields.duration(
    "Ask for the head this often; default: when the next block is due",
  )),
} satisfies Fields;

/** The fields of a state, typed. */
export type StateConfig = Config<typeof stateFields>;

/** What its rows are made of. */
export function givenOf(
  { args, contracts, distinct, read }: StateConfig,
): Given {
  return { args, contracts: contracts.known, distinct, reads: read };
}

/** What one `eth_call` may take. */
export function limitOf({ call_bytes, call_gas }: StateConfig): Weight {
  return { gas: call_gas, bytes: call_bytes };
}

/** The columns that it needs of the rows that a field names. */
export function columnsOf(
  { args, contracts: { known, seen }, every }: StateConfig,
  field: string,
): Iterable<string> {
  if (field === "contracts") {
    return seen ? [seen.column, ...seen.where?.columns ?? []] : [];
  }
  if (every.kind !== "rows") return [];
  const { contract = seen || known.length > 0 ? [] : "address" } = every;
  return [
    ...every.where?.columns ?? [],
    ...[contract].flat(),
    ...Object.values(args).flatMap((value) => columnOf(value) ?? []),
  ];
}
