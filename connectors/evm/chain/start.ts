/**
 * Where a chain is read from on a first run: a number, the head, a date.
 *
 * @module
 */
import type { Field } from "../../../runtime/component.ts";
import type { EvmClient } from "../rpc/client.ts";
import { blockFlaw } from "./consistency.ts";
import type { Raw } from "./extra.ts";
import { whole } from "../hex.ts";

/**
 * A block number, so many blocks behind the head, or the first block at or
 * after an instant.
 */
export type Start =
  | number
  | { readonly behind: number }
  | { readonly instant: number };

/** Where to start: `19000000`, `latest`, `latest - 300`, `2024-01-01`. */
export const startField: Field<Start> = {
  doc: "Block to start at on a first run: a number, latest, latest - 300, " +
    "or a date",
  required: false,
  fallback: 0,
  schema: {
    anyOf: [{ type: "integer", minimum: 0 }, { type: "string" }],
    examples: [19_000_000, "latest", "latest - 300", "2024-01-01"],
  },
  read(value, place) {
    const [head, behind] = /^latest(?:\s*-\s*(\d+))?$/.exec(String(value)) ??
      [];
    if (head !== undefined) return { behind: Number(behind ?? 0) };
    if (typeof value === "number" && Number.isSafeInteger(value)) {
      if (value >= 0) return value;
      return place.report("A chain starts at block 0");
    }
    const text = String(value);
    if (place.interpolated && /^\d+$/.test(text)) return Number(text);
    const date = /^\d{4}-\d{2}-\d{2}($|[T ])/.test(text)
      ? Date.parse(
        text.includes(":") && !/(Z|[+-]\d\d:\d\d)$/i.test(text)
          ? `${text.replace(" ", "T")}Z`
          : text,
      )
      : NaN;
    if (!Number.isNaN(date)) return { instant: date };
    return place.report(
      `Expected a block number, latest or a date, found "${text}"`,
      "write it like 19000000, latest or 2024-01-31T12:00:00Z",
    );
  },
};

/** Where a first run starts; a recording has nothing before its first. */
export async function firstOf(
  start: Start,
  { client, latest }: {
    readonly client: EvmClient;
    readonly latest: number;
  },
): Promise<number> {
  const first = client.range?.from ?? 0;
  if (typeof start === "number") return Math.max(first, start);
  if ("behind" in start) return Math.max(first, latest - start.behind);
  const { instant } = start;
  return await firstBlockAt(client, { instant, first, last: latest });
}

/** The first block at or after an instant; the one after `last` if none is. */
export async function firstBlockAt(
  client: EvmClient,
  { first = 0, instant, last }: {
    /** The first block that there is. */
    first?: number;
    instant: number;
    last: number;
  },
): Promise<number> {
  let low = first;
  let high = last + 1;
  while (low < high) {
    const middle = low + Math.floor((high - low) / 2);
    if (await timeOf(client, middle) >= instant) high = middle;
    else low = middle + 1;
  }
  return low;
}

async function timeOf(client: EvmClient, number: number): Promise<number> {
  const { result } = await client.ask({
    method: "eth_getBlockByNumber",
    params: [`0x${number.toString(16)}`, false],
  }, {
    priority: "lookup",
    validate: (block) => blockFlaw(block, number),
  });
  return whole((result as Raw)["timestamp"], "timestamp") * 1000;
}
