/**
 * When a state is read: every so many blocks, every so often, at times of the
 * clock.
 *
 * @module
 */
import { Cron } from "croner";
import { type Field, fields } from "../../../runtime/component.ts";
import { isObject } from "../abi_types.ts";

/** When a state is read. */
export type Trigger =
  | { readonly kind: "blocks"; readonly count: number; readonly text: string }
  | {
    readonly kind: "times";
    readonly text: string;
    /** The first instant after another one, ms; undefined: there is none. */
    next(after: number): number | undefined;
  };

const duration = fields.duration("Duration");

const HOW = "write it like 10 blocks, 30s or { cron: 0 * * * * }";

/** `10 blocks`, `30s`, `{ cron: "0 * * * *" }`. */
export const everyField: Field<Trigger> = {
  doc: "When to read: 10 blocks, 30s of block time, " +
    '{ cron: "0 * * * *" } in UTC',
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
    ],
  },
  read(value, place) {
    if (isObject(value)) {
      const { cron, ...others } = value;
      const [other] = Object.keys(others);
      if (other !== undefined) {
        return place.at(other).report(
          `Unknown field "${other}" in every`,
          HOW,
          {
            key: true,
          },
        );
      }
      if (typeof cron !== "string") return place.report("Expected a time", HOW);
      try {
        return cronTrigger(cron);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        return place.at("cron").report(
          `Cannot read the times "${cron}": ${
            reason.replace(/^Cron\w*: /, "")
          }`,
          "minute, hour, day of month, month, day of week: 0 * * * *",
        );
      }
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

function cronTrigger(pattern: string): Trigger {
  const cron = new Cron(pattern, { timezone: "UTC", paused: true });
  return {
    kind: "times",
    text: `at ${pattern}`,
    next: (after) => cron.nextRun(new Date(after))?.getTime(),
  };
}
