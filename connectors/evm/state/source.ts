/**
 * The source of contract state: functions of many contracts, read at the
 * blocks of a trigger.
 *
 * @module
 */
import {
  type Config,
  defineSource,
  type Fields,
  fields,
  optional,
  type PlannedCall,
} from "../../../runtime/component.ts";
import type { EvmClient } from "../client.ts";
import { evm } from "../connection.ts";
import { startField } from "../start.ts";
import type { Given } from "./arguments.ts";
import { CallReader, weightOf } from "./calls.ts";
import { checkState } from "./check.ts";
import { contractsField } from "./contracts.ts";
import { MULTICALL3 } from "./multicall.ts";
import { pack } from "./packing.ts";
import { readField } from "./reads.ts";
import { StateReader } from "./state_reader.ts";
import { StateTable } from "./table.ts";
import { everyField } from "./triggers.ts";

// What one eth_call may take where nobody says: anvil and most providers
// allow 30,000,000 gas or more, and servers in front of a node bodies of 1 MB.
const CALL_GAS = 30_000_000;
const CALL_BYTES = "1280KiB";

// To plan with, where only the chain knows.
const USUAL_SLOT_MS = 12_000;

const members = {
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
export type StateConfig = Config<typeof members>;

/** What contracts say of themselves, at the blocks of a trigger. */
export const state = defineSource<typeof members, EvmClient>({
  type: "evm.state",
  summary: "Functions of many contracts, read together at the blocks of a " +
    "trigger",
  connection: evm,
  reorgs: true,
  fields: members,
  example: `
name: price-feeds
connections:
  eth:
    type: evm
    url: "\${ETH_RPC_URL:-http://127.0.0.1:8545}"
sources:
  feeds:
    type: evm.state
    connection: eth
    every: 10 blocks
    contracts:
      eth_usd: "0x5f4eC3Df9cbd43714FE2740f5E3616155c5b8419"
      btc_usd: "0xF4030086522a5bEEa4988F8cA5B36dbC97BeE88c"
    read:
      answer: latestAnswer() returns (int256)
      decimals: decimals() returns (uint8)
    only_changes: [answer]
    start: latest
sinks:
  answers: { type: file, from: feeds, path: data/answers.jsonl }
`,
  check({ config, place }) {
    checkState({ ...givenOf(config), onlyChanges: config.only_changes }, place);
  },
  outputs: (config) => ({ rows: new StateTable(givenOf(config)).columns }),
  calls: plannedCalls,
  open(config, { clock, connection, log, memory }) {
    const { multicall, only_changes, poll, start } = config;
    const table = new StateTable(givenOf(config));
    const calls = new CallReader({
      client: connection,
      log,
      multicall,
      limit: limitOf(config),
    });
    return new StateReader({
      ...{ calls, clock, log, memory, poll, start, table },
      client: connection,
      targets: config.contracts.flatMap((one) => table.targetsOf(one)),
      trigger: config.every,
      onlyChanges: only_changes,
      inFlight: config.in_flight,
    });
  },
});

function givenOf({ args, contracts, distinct, read }: StateConfig): Given {
  return { args, contracts, distinct, reads: read };
}

function limitOf({ call_bytes, call_gas }: StateConfig) {
  return { gas: call_gas, bytes: call_bytes };
}

function plannedCalls(config: StateConfig): readonly PlannedCall[] {
  const { contracts, every } = config;
  const table = new StateTable(givenOf(config));
  const reads = contracts.flatMap((one) => table.targetsOf(one))
    .flatMap(({ reads }) => reads);
  const calls = pack(reads, { limit: limitOf(config), weigh: weightOf }).length;
  const now = 0;
  const blocks = every.kind === "blocks"
    ? every.count
    : Math.max(1, ((every.next(now) ?? Infinity) - now) / USUAL_SLOT_MS);
  return [
    {
      method: "eth_getBlockByNumber",
      perUnit: 1,
      because: "following the head, block by block",
    },
    {
      method: "eth_call",
      perUnit: calls / blocks,
      because: `${reads.length} ${reads.length === 1 ? "read" : "reads"} ` +
        `${every.text}, in ${calls} ${calls === 1 ? "call" : "calls"}`,
    },
  ];
}
