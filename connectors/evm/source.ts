/**
 * The source of a chain's blocks with everything in them.
 *
 * @module
 */
import {
  defineSource,
  type Fields,
  fields,
  optional,
  type PlannedCall,
  type Used,
} from "../../runtime/component.ts";
import { ChainReader } from "./chain_reader.ts";
import type { EvmClient } from "./client.ts";
import { evm } from "./connection.ts";
import { type PortName, portNames, schemas } from "./schema.ts";
import { startField } from "./start.ts";

const members = {
  emit: optional(
    fields.list(
      fields.choice(portNames, "A port"),
      "Ports that this source has; only what a stage reads is fetched",
    ),
    portNames,
  ),
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
  outputs({ emit }) {
    return Object.fromEntries(emit.map((port) => [port, schemas[port]]));
  },
  calls(_config, used) {
    return plannedCalls(used);
  },
  open({ emit, in_flight, poll, start }, context) {
    const { clock, connection, log, used } = context;
    const calls = plannedCalls(used).length;
    return new ChainReader({
      client: connection,
      clock,
      log,
      ports: emit.filter((port) => used.has(port)),
      needs: {
        transactions: used.has("transactions"),
        receipts: calls > 1,
      },
      start,
      inFlight: in_flight ??
        Math.max(1, Math.ceil(connection.inFlight / calls)),
      poll,
    });
  },
});

function plannedCalls(used: Used): readonly PlannedCall[] {
  const needy = receiptUsers(used);
  return [
    {
      method: "eth_getBlockByNumber",
      perUnit: 1,
      because: "every block is read once",
    },
    ...(needy.length === 0 ? [] : [{
      method: "eth_getBlockReceipts",
      perUnit: 1,
      because: needy.join(", "),
    }]),
  ];
}

/** What needs receipts, in words. */
function receiptUsers(used: Used): readonly string[] {
  const columns = Array.from(used.get("transactions") ?? [])
    .filter((name) => name.startsWith("receipt_"));
  const ports = (["logs", "token_transfers"] satisfies PortName[])
    .filter((port) => used.has(port));
  return [
    ...(columns.length > 0 ? ["receipt_* of transactions"] : []),
    ...ports,
  ];
}
