/**
 * The source of a chain's blocks with everything in them.
 *
 * @module
 */
import {
  defineSource,
  type Fields,
  fields,
  type Needed,
  optional,
  type PlannedCall,
  type Planning,
  type Used,
} from "../../../runtime/component.ts";
import type { EvmClient } from "../rpc/client.ts";
import { evm } from "../rpc/connection.ts";
import { headCalls, planFollowing, POLL } from "./following.ts";
import { type LogQuery, logQuery } from "./log_query.ts";
import { planRoutes, type RouteDemand } from "./routes.ts";
import { MOST_WHOLE_BLOCKS } from "./range_size.ts";
import { type PortName, portNames, schemas } from "./schema.ts";
import { startField } from "./start.ts";
import { predicatesOf, restriction, type Where, whereField } from "./where.ts";

// Blocks that one `eth_getLogs` will cover, before anything is known: all
// logs of so many blocks of mainnet are what providers answer, and those of a
// busy contract in so many.
const WHOLE_RANGE = 25;
const SOUGHT_RANGE = 1000;

const members = {
  emit: optional(
    fields.list(
      fields.choice(portNames, "A port"),
      "Ports that this source has; only what a stage reads is fetched",
    ),
    portNames,
  ),
  where: whereField,
  start: startField,
  in_flight: optional(fields.integer(
    "Blocks fetched at once at most; default: as many as the keys allow",
    { min: 1, max: 1000 },
  )),
  poll: optional(fields.duration(
    "Ask for the head this often; default: when the next block is due",
  )),
} satisfies Fields;

/** Every block of a chain with its transactions, logs, transfers. */
export const chain = defineSource<typeof members, EvmClient>({
  type: "evm.chain",
  summary: "Every block of a chain with its transactions, logs and transfers",
  connection: evm,
  reorgs: true,
  shaping: ["where"],
  fields: members,
  example: `
name: mainnet
connections:
  eth:
    type: evm
    url: "\${ETH_RPC_URL:-recording:pipelines/recordings/local}"
    rate: 5/s
sources:
  chain:
    type: evm.chain
    connection: eth
    emit: [blocks, transactions, logs, token_transfers, withdrawals]
    start: latest - 100
sinks:
  transfers: { type: file, from: chain.token_transfers, path: data/transfers.jsonl }
`,
  check({ config: { emit, where }, place }) {
    for (const [port, match] of Object.entries(where ?? {})) {
      if (match === undefined || emit.some((one) => one === port)) continue;
      place.at("where").at(port).report(
        `This source has no port "${port}"`,
        `add ${port} to emit`,
        { key: true },
      );
    }
  },
  outputs({ emit }) {
    return Object.fromEntries(emit.map((port) => [port, schemas[port]]));
  },
  calls: ({ where }, used, planning) => callsFor(where, used, planning),
  everyUnit: ({ emit }) => emit.filter((port) => port === "blocks"),
  follow: planFollowing,
  // The last block of a range is asked for first, whole.
  identifies: (used) => used.has("transactions"),
  standing({ where }, used, planning) {
    const isRead = callsFor(where, used, planning)
      .some(({ method, perUnit }) => method === POLL && perUnit >= 1);
    return [
      // Where blocks are not read it is of no other use.
      { method: POLL, times: isRead ? 0 : 1 },
      ...planning.range?.isSettled ? [] : headCalls,
    ];
  },
  async open({ emit, in_flight, poll, start, where }, context) {
    const { ChainReader } = await import("./chain_reader.ts");
    const { clock, connection, log, needed = new Map(), used } = context;
    const query = queryOf(used, { needed, where });
    const demand = demandOf(used, query);
    const parts = [demand.blocks, demand.receipts ?? demand.logs];
    const calls = parts.filter((part) => part !== undefined).length;
    return new ChainReader({
      client: connection,
      clock,
      log,
      ports: emit.filter((port) => used.has(port)),
      used,
      needs: {
        transactions: used.has("transactions"),
        receipts: demand.receipts !== undefined,
        logs: query,
      },
      demand,
      restrict: restriction(where),
      start,
      inFlight: in_flight ??
        Math.max(1, Math.ceil(connection.inFlight / Math.max(1, calls))),
      poll,
    });
  },
});

function callsFor(
  where: Where,
  used: Used,
  { needed, range, tariffs }: Planning,
): readonly PlannedCall[] {
  const query = queryOf(used, { needed, where });
  const blocksInRange = range && range.to - range.from + 1;
  return planRoutes({ ...demandOf(used, query), blocksInRange }, tariffs).calls;
}

/** The logs that are needed; undefined: no port is made of them. */
function queryOf(
  used: Used,
  { needed, where }: { readonly needed: Needed; readonly where: Where },
): LogQuery | undefined {
  return logQuery({ needed, used, where: predicatesOf(where) });
}

function demandOf(used: Used, query: LogQuery | undefined): RouteDemand {
  const columns = Array.from(used.get("transactions") ?? [])
    .filter((name) => name.startsWith("receipt_"));
  const ofBlock: readonly PortName[] = [
    "blocks",
    "transactions",
    "withdrawals",
  ];
  const blocks = ofBlock.filter((port) => used.has(port));
  const logs = (["logs", "token_transfers"] satisfies PortName[])
    .filter((port) => used.has(port)).join(", ");
  const receipts = "receipt_* of transactions";
  return {
    blocks: blocks.length > 0 ? "every block is read once" : undefined,
    receipts: columns.length === 0
      ? undefined
      : query
      ? `${receipts}, ${logs}`
      : receipts,
    logs: query && logs,
    query: query?.text ?? "none",
    questions: query?.filters.length ?? 0,
    range: Math.min(
      query?.isWhole ? WHOLE_RANGE : SOUGHT_RANGE,
      blocks.length > 0 ? MOST_WHOLE_BLOCKS : Infinity,
    ),
    transactions: undefined,
  };
}
