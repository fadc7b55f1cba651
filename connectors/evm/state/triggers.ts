/**
 * When a state is read: every so many blocks, every so often, at times of the
 * clock, or when rows of another stage say so.
 *
 * @module
 */
import { Cron } from "croner";
import {
  type Field,
  fields,
  type Match,
  optional,
  type Place,
} from "../../../runtime/component.ts";
import { isObject } from "../abi/types.ts";

/** Rows of another stage that cause a read of their block. */
export interface RowTrigger {
  readonly kind: "rows";
  /** The output that is watched. */
  readonly on: string;
  /** Which rows count; undefined: all. */
  readonly where: Match | undefined;
  /** The column with the contract to read; undefined: see `contracts`. */
  readonly contract: string | undefined;
}

/** When a state is read. */
export type Trigger = BlockTrigger | RowTrigger;

/** Blocks at which a state is read. */
export type BlockTrigger =
  | { readonly kind: "blocks"; readonly count: number; readonly text: string }
  | {
    readonly kind: "times";
    readonly text: string;
    /** The first instant after another one, ms; undefined: there is none. */
    next(after: number): number | undefined;
  };

const duration = fields.duration("Duration");

const HOW =
  "write it like 10 blocks, 30s, { cron: 0 * * * * } or { on: chain.logs }";

const rowMembers = {
  on: fields.string("Output whose rows are watched"),
  where: optional(fields.match("Which rows count; absent: all of them")),
  contract: optional(fields.column(
    "Column with the contract to read; absent: all contracts, or the column " +
      "address where there are none",
  )),
};

const rows = fields.object(rowMembers, "Rows of another stage");

/** `10 blocks`, `30s`, `{ cron: "0 * * * *" }`, `{ on: chain.logs }`. */
export const everyField: Field<Trigger> = {
  doc: "When to read: 10 blocks, 30s of block time, " +
    '{ cron: "0 * * * *" } in UTC, or rows of another stage: ' +
    "{ on: chain.logs, where: { … } }",
  required: true,
  noun: "trigger",
  schema: {
    anyOf: [
      { type: "string", examples: ["1 block", "10 blocks", "30s"] },
      {
        type: "object",
        properties: { cron: { type: "string" } },
        required: ["cron"],
        additionalProperties: false,
      },
      rows.schema,
    ],
  },
  read(value, place) {
    if (isObject(value) && "cron" in value) return readCron(value, place);
    if (isObject(value)) {
      const read = rows.read(value, place);
      return read && { kind: "rows", ...read };
    }
    const [, count] = /^(\d+)\s*blocks?$/.exec(String(value)) ?? [];
    if (count !== undefined && Number(count) > 0) {
      const number = Number(count);
      const text = number === 1 ? "every block" : `every ${number} blocks`;
      return { kind: "blocks", count: number, text };
    }
    const quiet = { ...place, report: () => undefined };
    const every = duration.read(value, quiet);
    if (every === undefined || every < 1) {
      return place.report(
        `Expected a number of blocks or a duration, found "${value}"`,
        HOW,
      );
    }
    return {
      kind: "times",
      text: `every ${value}`,
      // Counted from 1970, so that a restart does not move the instants.
      next: (after) => (Math.floor(after / every) + 1) * every,
    };
  },
};

function readCron(
  { cron, ...others }: Readonly<Record<string, unknown>>,
  place: Place,
): Trigger | undefined {
  const [other] = Object.keys(others);
  if (other !== undefined) {
    return place.at(other).report(
      `Unknown field "${other}" beside "cron"`,
      HOW,
      { key: true },
    );
  }
  try {
    return cronTrigger(String(cron));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return place.at("cron").report(
      `Cannot read the times "${cron}": ${reason.replace(/^Cron\w*: /, "")}`,
      "minute, hour, day of month, month, day of week: 0 * * * *",
    );
  }
}

function cronTrigger(pattern: string): Trigger {
  const cron = new Cron(pattern, { timezone: "UTC", paused: true });
  return {
    kind: "times",
    text: `at ${pattern}`,
    next: (after) => cron.nextRun(new Date(after))?.getTime(),
  };
}
