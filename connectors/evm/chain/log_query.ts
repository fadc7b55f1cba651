/**
 * Which logs are asked for: what stages need of them, as parameters of
 * `eth_getLogs`.
 *
 * @module
 */
import {
  both,
  either,
  type Needed,
  type Predicate,
  type Term,
  type Used,
  type Value,
} from "../../../runtime/component.ts";
import { isFilled, mayHold } from "./bloom.ts";
import { transferTopics } from "./transfers.ts";

// Providers take some thousand parameters of a call; beyond this many
// addresses all are asked for, and the stages behind leave out the rest.
const MOST_VALUES = 1000;

/** Topics of a log at most. */
const TOPICS = 4;

/** What of a filter `eth_getLogs` takes, besides the blocks. */
export interface LogFilter {
  readonly address?: readonly string[];
  readonly topics?: readonly (readonly string[] | null)[];
}

/** Places of a log that a filter can ask for: address and four topics. */
type Places = ReadonlyMap<"address" | number, ReadonlySet<string>>;

/** What the ports of a chain need of its logs. */
export interface LogDemand {
  readonly used: Used;
  readonly needed: Needed;
  /** Rows that ports are cut down to. */
  readonly where: Needed;
}

/** A question for logs: those that fit one of its filters. */
export class LogQuery {
  /** None: no log can be of use. */
  readonly filters: readonly LogFilter[];

  constructor(filters: readonly LogFilter[]) {
    this.filters = filters;
  }

  /** Whether every log of a block is asked for. */
  get isWhole(): boolean {
    return this.filters.some(isWhole);
  }

  /** Filters that a block with this logs bloom may have logs for. */
  fitting(bloom: unknown): readonly LogFilter[] {
    // Some chains leave blooms empty: those say nothing.
    if (!isFilled(bloom)) return this.filters;
    const any = (items: readonly string[] | null | undefined) =>
      !items || items.some((item) => mayHold(bloom, item));
    return this.filters.filter(({ address, topics = [] }) =>
      any(address) && topics.every(any)
    );
  }

  /** The question in words, for `plan`. */
  get text(): string {
    if (this.filters.length === 0) return "none";
    if (this.isWhole) return "all";
    return this.filters.map(({ address, topics = [] }) =>
      [
        ...address ? [counted(address.length, "address", "addresses")] : [],
        ...topics.flatMap((values, index) => {
          if (!values) return [];
          if (index === 0) return [counted(values.length, "event", "events")];
          return [
            `${counted(values.length, "value", "values")} of topic${index}`,
          ];
        }),
      ].join(" and ")
    ).join(", or ");
  }
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

function isWhole({ address, topics }: LogFilter): boolean {
  return address === undefined && topics === undefined;
}

/** The question that what stages need leads to; undefined: no logs at all. */
export function logQuery(
  { needed, used, where }: LogDemand,
): LogQuery | undefined {
  const wanted = (port: string) => both(needed.get(port), where.get(port));
  const ports: Predicate[] = [];
  if (used.has("logs")) ports.push(wanted("logs") ?? [new Map()]);
  if (used.has("token_transfers")) {
    ports.push(ofTransfers(wanted("token_transfers")));
  }
  if (ports.length === 0) return undefined;
  const terms = ports.reduce<Predicate>((a, b) => either(a, b) ?? [], []);
  const places = terms.flatMap(placesOf);
  return new LogQuery(merged(places).map(filterOf));
}

/** The logs that rows of `token_transfers` are made of. */
function ofTransfers(rows: Predicate | undefined): Predicate {
  const topics: ReadonlySet<Value> = new Set(transferTopics);
  return (rows ?? [new Map()]).map((term) => {
    const addresses = term.get("token_address");
    return new Map([
      ["topics.0", topics],
      ...(addresses ? [["address", addresses] as const] : []),
    ]);
  });
}

/** A term as filters have it; several where a topic may stand anywhere. */
function placesOf(term: Term): readonly Places[] {
  const places = new Map<"address" | number, ReadonlySet<string>>();
  for (const [column, values] of term) {
    const [, digit] = /^(?:topics\.|topic)([0-3])$/.exec(column) ?? [];
    const place = digit === undefined
      ? column === "address" ? column : undefined
      : Number(digit);
    const texts = textsOf(values);
    if (place === undefined || texts === undefined) continue;
    const known = places.get(place);
    places.set(place, known ? known.intersection(texts) : texts);
  }
  const anywhere = textsOf(term.get("topics.*") ?? new Set());
  if (places.size > 0 || !anywhere || anywhere.size === 0) return [places];
  return Array.from({ length: TOPICS }, (_, at) => new Map([[at, anywhere]]));
}

/** Values as parameters; undefined when they are none, or too many. */
function textsOf(
  values: ReadonlySet<Value>,
): ReadonlySet<string> | undefined {
  const texts = [...values].filter((value) => typeof value === "string");
  const asked = texts.length === values.size && texts.length <= MOST_VALUES;
  return asked ? new Set(texts) : undefined;
}

/**
 * One question instead of many: those that ask for the same places become
 * one, which may bring a few logs that none of them wants.
 */
function merged(all: readonly Places[]): readonly Places[] {
  const possible = all.filter((places) =>
    [...places.values()].every(({ size }) => size > 0)
  );
  const whole = possible.find(({ size }) => size === 0);
  if (whole) return [whole];
  const groups = new Map<string, Places>();
  for (const places of possible) {
    const key = [...places.keys()].map(String).sort().join(" ");
    const known = groups.get(key);
    groups.set(
      key,
      known
        ? new Map(
          [...known].map(([place, values]) =>
            [place, values.union(places.get(place) ?? new Set())] as const
          ),
        )
        : places,
    );
  }
  return [...groups.values()];
}

function filterOf(places: Places): LogFilter {
  const address = places.get("address");
  const last = Math.max(-1, ...[...places.keys()].map(Number).filter(isFinite));
  const topics = Array.from({ length: last + 1 }, (_, index) => {
    const values = places.get(index);
    return values ? [...values] : null;
  });
  return {
    ...(address ? { address: [...address] } : {}),
    ...(topics.length > 0 ? { topics } : {}),
  };
}
