/**
 * The tables of pipelines' state.
 *
 * A lightweight transaction reaches one partition, so the fence and all that
 * it protects are in one: cursors, origins and journal events of a pipeline,
 * with its lease in columns that the partition's rows share. The rows of
 * journaled units are large and are stored beside it, by plain writes: nobody
 * finds them without their event, which the fence protects.
 *
 * @module
 */
import { keptDays, UserError } from "../../runtime/component.ts";
import type { ScyllaClient } from "./client.ts";

/** What a pipeline remembers. */
export const stateTable = "sluice_state";

/** The rows of journaled units. */
export const rowsTable = "sluice_journal";

/** Statements that create what is missing. */
export const stateTables: Readonly<Record<string, string>> = {
  [stateTable]: `CREATE TABLE IF NOT EXISTS ${stateTable} (
  pipeline text,
  kind text,
  name text,
  seq bigint,
  record text,
  epoch bigint static,
  owner text static,
  PRIMARY KEY (pipeline, kind, name, seq)
) WITH comment = 'Cursors, journal and lease of Sluice pipelines'`,
  [rowsTable]: `CREATE TABLE IF NOT EXISTS ${rowsTable} (
  pipeline text,
  journal text,
  seq bigint,
  epoch bigint,
  part int,
  data blob,
  PRIMARY KEY ((pipeline, journal), seq, epoch, part)
) WITH comment = 'Rows of blocks that Sluice may have to take back'`,
};

/** Books of accounts, and processes that share them. */
export const ledgerTable = "sluice_ledger";

/** What each key was used for, by the hour. */
export const hoursTable = "sluice_usage";

/** What was found out about endpoints, until it is tried again. */
export const factsTable = "sluice_facts";

/** Statements that create what is missing, for shared budgets. */
export const ledgerTables: Readonly<Record<string, string>> = {
  [ledgerTable]: `CREATE TABLE IF NOT EXISTS ${ledgerTable} (
  account text,
  process text,
  host text,
  book text static,
  version bigint static,
  PRIMARY KEY (account, process)
) WITH comment = 'Budgets that Sluice processes share'`,
  [hoursTable]: `CREATE TABLE IF NOT EXISTS ${hoursTable} (
  account text,
  hour timestamp,
  key text,
  process text,
  calls bigint,
  credits bigint,
  PRIMARY KEY (account, hour, key, process)
) WITH default_time_to_live = ${keptDays * 86_400}
  AND comment = 'Calls and credits of each key by the hour'`,
  [factsTable]: `CREATE TABLE IF NOT EXISTS ${factsTable} (
  endpoint text,
  name text,
  value double,
  until timestamp,
  PRIMARY KEY (endpoint, name)
) WITH comment = 'What endpoints were found unable to do'`,
};

/** Whether all tables are there. */
export async function hasTables(
  client: ScyllaClient,
  tables: Readonly<Record<string, string>>,
): Promise<boolean> {
  return (await missingTables(client, tables)).length === 0;
}

/** Create what is missing; the keyspace is the connection's. */
export async function createTables(
  client: ScyllaClient,
  tables: Readonly<Record<string, string>>,
): Promise<void> {
  // Asked first: the user of a pipeline may lack the right to create, and
  // Cassandra dislikes that two processes create one table at once.
  for (const statement of await missingTables(client, tables)) {
    try {
      await client.execute(statement, [], { prepare: false });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      // Another process has created it at the same time.
      const missing = await missingTables(client, tables);
      if (!missing.includes(statement)) continue;
      throw new UserError(
        `Cannot create the tables of the state: ${error.message}; have them ` +
          `created in keyspace "${client.keyspace}" by ${statement}`,
        { cause: error },
      );
    }
  }
}

async function missingTables(
  client: ScyllaClient,
  tables: Readonly<Record<string, string>>,
): Promise<string[]> {
  const { rows } = await client.execute(
    "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?",
    [client.keyspace],
    { consistency: "one", idempotent: true },
  );
  const known = new Set(rows.map((row) => row["table_name"]));
  return Object.entries(tables)
    .flatMap(([name, statement]) => known.has(name) ? [] : [statement]);
}
