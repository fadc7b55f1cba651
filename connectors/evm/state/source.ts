/**
 * The source of contract state: functions of many contracts, read at the
 * blocks of a trigger.
 *
 * @module
 */
import { defineSource } from "../../../runtime/component.ts";
import type { EvmClient } from "../rpc/client.ts";
import { evm } from "../rpc/connection.ts";
import { checkState } from "./check.ts";
import { columnsOf, givenOf, limitOf, stateFields } from "./fields.ts";
import { planFollowing } from "../chain/following.ts";
import { densityOf, plannedCalls, standingCalls } from "./planned.ts";
import { StateTable } from "./table.ts";

/** What contracts say of themselves, at the blocks of a trigger. */
export const state = defineSource<typeof stateFields, EvmClient>({
  type: "evm.state",
  summary: "Functions of many contracts, read together at the blocks of a " +
    "trigger",
  connection: evm,
  reorgs: true,
  shaping: [
    ...["every", "contracts", "read", "args", "distinct", "only_changes"],
    "call_gas",
  ],
  fields: stateFields,
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
  inputs: [
    { path: ["every", "on"] },
    { path: ["contracts", "from"], column: true },
  ],
  uses: columnsOf,
  needs: ({ contracts: { seen }, every }, field) =>
    field === "contracts"
      ? seen?.where?.predicate
      : every.kind === "rows"
      ? every.where?.predicate
      : undefined,
  check: ({ config, place }) => checkState(config, place),
  outputs: (config) => ({ rows: new StateTable(givenOf(config)).columns }),
  calls: plannedCalls,
  density: densityOf,
  follow: planFollowing,
  standing: standingCalls,
  async open(config, { clock, connection, log, memory, upstream }) {
    const { CallReader } = await import("./calls.ts");
    const { Changes } = await import("./changes.ts");
    const { contracts, every, multicall, poll, start } = config;
    const table = new StateTable(givenOf(config));
    const calls = new CallReader({
      client: connection,
      log,
      multicall,
      limit: limitOf(config),
    });
    const common = {
      ...{ calls, clock, log, poll, start, table },
      changes: new Changes(config.only_changes, memory),
      client: connection,
      inFlight: config.in_flight,
    };
    if (upstream) {
      const { FollowingReader } = await import("./following_reader.ts");
      return new FollowingReader({
        ...common,
        contracts,
        trigger: every,
        upstream,
      });
    }
    if (every.kind === "rows") throw new Error("Nothing to follow");
    const { StateReader } = await import("./state_reader.ts");
    return new StateReader({
      ...common,
      targets: contracts.known.flatMap((one) => table.targetsOf(one)),
      trigger: every,
    });
  },
});
