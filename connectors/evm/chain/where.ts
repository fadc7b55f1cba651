/**
 * `where:` of a chain: which rows of a port are of use at all.
 *
 * @module
 */
import {
  type Column,
  type Config,
  type Fields,
  fields,
  type Match,
  type Needed,
  optional,
  type Row,
  type Schema,
} from "../../../runtime/component.ts";
import type { PortRows } from "./rows.ts";
import { schemas } from "./schema.ts";

// The topics of a log one by one, as nodes search for them.
const topicColumns: readonly Column[] = [0, 1, 2, 3].map((place) => ({
  name: `topic${place}`,
  type: "hash",
  nullable: true,
  doc: place === 0
    ? "First topic: the hash of the event's signature"
    : `Topic ${place}: an indexed argument`,
}));

const logColumns: Schema = [...schemas.logs, ...topicColumns];

const members = {
  logs: optional(fields.match(
    "What a log must be like; by address and topic0 to topic3 the node " +
      "itself searches",
    logColumns,
  )),
  token_transfers: optional(fields.match(
    "What a transfer must be like; by token_address the node itself searches",
    schemas.token_transfers,
  )),
} satisfies Fields;

/** Rows that a chain gives, by port. */
export const whereField = optional(fields.object(
  members,
  "Rows that the ports have; all others are left out, and not asked for " +
    "where the node can search",
));

/** A `where:` as it was read. */
export type Where = Config<{ where: typeof whereField }>["where"];

/** What the matches say of the rows that they let through. */
export function predicatesOf(where: Where): Needed {
  const ports = Object.entries(where ?? {});
  return new Map(ports.flatMap(([port, match]) => {
    const { predicate } = match ?? {};
    return predicate ? [[port, predicate] as const] : [];
  }));
}

/** Leaves out the rows that do not match. */
export function restriction(where: Where): (rows: PortRows) => PortRows {
  const { logs, token_transfers: transfers } = where ?? {};
  const fits = logs && withTopics(logs);
  return (rows) => ({
    ...rows,
    ...fits && rows.logs ? { logs: rows.logs.filter(fits) } : {},
    ...transfers && rows.token_transfers
      ? { token_transfers: rows.token_transfers.filter(transfers) }
      : {},
  });
}

/** A match that may ask for topics one by one. */
function withTopics(match: Match): (row: Row) => boolean {
  const names = new Set(topicColumns.map(({ name }) => name));
  if (!match.columns.some((name) => names.has(name))) return match;
  return (row) => {
    const topics = row["topics"] as readonly string[];
    const [topic0 = null, topic1 = null, topic2 = null, topic3 = null] = topics;
    return match({ ...row, topic0, topic1, topic2, topic3 });
  };
}
