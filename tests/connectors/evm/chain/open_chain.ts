/**
 * Opens the connection and the source of a chain as a spec would.
 *
 * @module
 */
import type {
  Memory,
  Needed,
  OpenContext,
  OpenSource,
  Row,
} from "../../../../runtime/component.ts";
import { createScheduler } from "../../../../runtime/budget/scheduler.ts";
import { readFields } from "../../../../runtime/spec/members.ts";
import type { EvmClient } from "../../../../connectors/evm/rpc/client.ts";
import { evm } from "../../../../connectors/evm/rpc/connection.ts";
import {
  type PortName,
  schemas,
} from "../../../../connectors/evm/chain/schema.ts";
import { chain } from "../../../../connectors/evm/chain/source.ts";
import { openContext } from "../../../contracts/open_context.ts";
import { Reports } from "../../../contracts/reports.ts";

/** Fields as they are written in YAML. */
export type Written = Readonly<Record<string, unknown>>;

/** Columns in use by port; "all" of a port or some of them. */
export type Uses = Partial<Record<PortName, "all" | readonly string[]>>;

/** Everything that a chain gives. */
export const everything: Uses = {
  blocks: "all",
  transactions: "all",
  logs: "all",
  token_transfers: "all",
  withdrawals: "all",
};

/** The mistakes in the fields of a connection. */
export function mistakesIn(written: Written): string[] {
  const reports = new Reports();
  const config = readFields(evm.fields, written, reports.place);
  if (config) evm.check?.({ config, place: reports.place });
  return reports.lines;
}

/** Open a connection; nothing is asked yet. */
export async function openConnection(
  written: Written,
  context: ReturnType<typeof openContext> = openContext({ name: "eth" }),
): Promise<EvmClient> {
  const reports = new Reports();
  const config = readFields(evm.fields, written, reports.place);
  if (!config) throw new Error(reports.lines.join("\n"));
  const { clock, metrics } = context;
  const scheduler = createScheduler({ clock, metrics });
  return await evm.open(config, { ...context, scheduler });
}

/** Open a source on a client. */
export async function openSource(
  client: EvmClient,
  { context = {}, needed = new Map(), uses = everything, written = {} }: {
    context?: Partial<OpenContext>;
    uses?: Uses;
    written?: Written;
    needed?: Needed;
  } = {},
): Promise<OpenSource> {
  const reports = new Reports();
  const config = readFields(chain.fields, written, reports.place);
  if (!config) throw new Error(reports.lines.join("\n"));
  const used = new Map(
    Object.entries(uses).map(([port, columns]) => [
      port,
      new Set(
        columns === "all"
          ? schemas[port as PortName].map(({ name }) => name)
          : columns,
      ),
    ]),
  );
  return await chain.open(config, {
    ...openContext(context),
    connection: client,
    used,
    memory: forgetful,
    needed,
  });
}

/** Remembers nothing. */
const forgetful: Memory = {
  recall: () => Promise.resolve(new Map()),
  remember: () => Promise.resolve(),
};

/** Values of one column. */
export function column(rows: readonly Row[], name: string): unknown[] {
  return rows.map((row) => row[name]);
}
