/**
 * What a provider's plan costs and allows: a table of its own, or fields of
 * an endpoint, which replace the table's.
 *
 * @module
 */
import {
  type Config,
  type Cost,
  type Field,
  fields,
  optional,
  type Window,
} from "../../../runtime/component.ts";
import { PUSH } from "../chain/following.ts";
import { type Limit, limitField } from "./limit.ts";

/** Plans that come with the program, in `pipelines/plans`. */
export const shippedPlans = [
  "alchemy/free",
  "alchemy/payg",
  "ankr/payg",
  "ankr/public",
  "drpc/free",
  "infura/developer",
  "infura/free",
  "infura/team",
  "own/node",
  "quicknode/free",
] as const;

// A window at least this long is a quota: bills are counted there, and the
// throughput weight elsewhere.
const QUOTA_MS = 3_600_000;

/** Fields that a plan and an endpoint share; those of the endpoint win. */
export const priceFields = {
  price: optional(
    fields.integer("Price of a call of a method that `prices` does not list"),
  ),
  prices: optional(fields.map(
    fields.integer("Price of a call"),
    "Prices by method; a name may end in *, the longest that fits counts",
  )),
  weights: optional(fields.map(
    fields.integer("Weight of a call"),
    "What a method counts in `rate` where that is not its price",
  )),
  rate: optional(list(
    limitField("Limit of throughput, in any stretch of time: 25/s"),
    "What one account may spend: 25/s, 15 requests/s; of a plan in credits " +
      "a number is credits",
  )),
  quota: optional(list(
    limitField("Limit of a day or a month"),
    "What one account may spend: 100000/day in any 24 hours, 3000000/day " +
      "from 00:00 UTC, 10000000/month from day 15 00:00 UTC",
  )),
  logs: optional(fields.object({
    range: optional(fields.integer("Most blocks of one eth_getLogs")),
    results: optional(fields.integer("Most logs that one answers")),
  }, "Limits of eth_getLogs")),
  lacks: optional(fields.list(
    fields.string("A method; the name may end in *"),
    "Methods that the plan does not include",
  )),
};

const date: Field<string> = {
  doc: "Day on which it was last compared with its sources: 2026-05-08",
  required: true,
  noun: "date",
  schema: { type: "string", pattern: "^\\d{4}-\\d{2}-\\d{2}$" },
  read(value, place) {
    const right = typeof value === "string" &&
      /^\d{4}-\d{2}-\d{2}$/.test(value) && !Number.isNaN(Date.parse(value));
    return right ? value : place.report("Expected a date", "write 2026-05-08");
  },
};

const planFields = {
  summary: fields.string("One sentence: whose plan it is"),
  sources: fields.list(
    fields.string("An address"),
    "Where the provider says so, or whoever else does",
  ),
  date,
  unit: fields.choice(
    ["credits", "requests"],
    "What the plan sells and its limits count",
  ),
  ...priceFields,
  batch: optional(fields.object({
    max: optional(
      fields.integer("Most calls of one batch; 1: none", { min: 1 }),
    ),
    bill: optional(
      fields.choice(["n", "n+1"], "Calls billed for a batch of n"),
      "n",
    ),
  }, "How batches are billed; a batch costs what its calls cost at least")),
};

/** A plan's table. */
export type Plan = Config<typeof planFields>;

/** The name of a plan: a price table beside the spec, or one of ours. */
export const planField = optional(fields.table(
  planFields,
  "Price table: plans/NAME.yaml beside the spec, or one that comes with " +
    "Sluice; fields of the endpoint replace those of the table",
  {
    folder: "plans",
    shipped: new URL("../../../pipelines/plans/", import.meta.url),
    names: shippedPlans,
    noun: "plan",
  },
));

/** A plan and its name. */
export interface NamedPlan {
  readonly name: string;
  readonly table: Plan;
  /** The provider's other plans. */
  others(): readonly NamedPlan[];
}

/** What an endpoint says of its plan itself. */
export type PriceSettings =
  & Partial<Config<typeof priceFields>>
  & {
    readonly plan?: NamedPlan | undefined;
  };

/** Prices and limits of an endpoint: of its plan and its own fields. */
export class Tariff {
  /** The plan's name. */
  readonly plan: string | undefined;
  /** What prices are in. */
  readonly unit: "credits" | "requests";
  readonly windows: readonly Window[];
  /** Most calls of a batch; undefined: nobody says. */
  readonly maxBatch: number | undefined;
  /** Limits of eth_getLogs. */
  readonly logs: { readonly range?: number; readonly results?: number };
  readonly #price: number;
  readonly #prices: Readonly<Record<string, number>>;
  readonly #weights: Readonly<Record<string, number>>;
  readonly #lacks: readonly string[];
  readonly #batchBill: number;

  constructor(own: PriceSettings) {
    const { plan } = own;
    const table = plan?.table;
    this.plan = plan?.name;
    this.unit = table?.unit ?? "requests";
    this.windows = [
      ...windowsOf(own.rate ?? table?.rate ?? [], "rate"),
      ...windowsOf(own.quota ?? table?.quota ?? [], "quota"),
    ];
    this.maxBatch = table?.batch?.max;
    this.logs = defined({ ...table?.logs, ...defined({ ...own.logs }) });
    this.#price = own.price ?? table?.price ?? 1;
    this.#prices = { ...table?.prices, ...own.prices };
    this.#weights = { ...table?.weights, ...own.weights };
    this.#lacks = own.lacks ?? table?.lacks ?? [];
    this.#batchBill = table?.batch?.bill === "n+1" ? 1 : 0;
  }

  /** All of it as text: other prices and limits are another text. */
  get terms(): string {
    const { logs, maxBatch, plan, unit, windows } = this;
    return JSON.stringify([
      ...[plan, unit, windows, maxBatch, logs, this.#price, this.#prices],
      ...[this.#weights, this.#lacks, this.#batchBill],
    ]);
  }

  /** Whether prices are known that differ from one a call. */
  get isPriced(): boolean {
    return this.plan !== undefined || this.#price !== 1 ||
      Object.keys(this.#prices).length + Object.keys(this.#weights).length > 0;
  }

  /** What a head costs that is pushed; undefined: nobody says. */
  get push(): Cost | undefined {
    const price = this.#prices[PUSH] ??
      (this.windows.length === 0 ? 0 : undefined);
    return price === undefined
      ? undefined
      : { calls: 0, credits: price, weight: price };
  }

  /** Whether the plan includes a method. */
  includes(method: string): boolean {
    return !this.#lacks.some((pattern) => fits(pattern, method));
  }

  /** What is billed for a call. */
  price(method: string): number {
    return lookUp(this.#prices, method) ?? this.#price;
  }

  /** What calls cost that share one request. */
  cost(methods: readonly string[]): Cost {
    const extra = methods.length > 1 ? this.#batchBill : 0;
    const base = this.#price * extra;
    return methods.reduce((sum, method) => {
      const price = this.price(method);
      return {
        calls: sum.calls + 1,
        credits: sum.credits + price,
        weight: sum.weight + (lookUp(this.#weights, method) ?? price),
      };
    }, { calls: extra, credits: base, weight: base });
  }
}

function windowsOf(
  limits: readonly Limit[],
  kind: "rate" | "quota",
): readonly Window[] {
  return limits.map(({ count, per, reset, unit }) => ({
    count,
    per,
    unit: unit === "requests"
      ? "calls"
      : kind === "quota" || per >= QUOTA_MS
      ? "credits"
      : "weight",
    ...(reset ? { reset } : {}),
  }));
}

/** The value of the longest name or pattern that fits. */
function lookUp(
  table: Readonly<Record<string, number>>,
  method: string,
): number | undefined {
  if (Object.hasOwn(table, method)) return table[method];
  const [best] = Object.keys(table).filter((pattern) => fits(pattern, method))
    .sort((a, b) => b.length - a.length);
  return best === undefined ? undefined : table[best];
}

function fits(pattern: string, method: string): boolean {
  return pattern.endsWith("*")
    ? method.startsWith(pattern.slice(0, -1))
    : pattern === method;
}

/** One limit needs no brackets, and is shown without. */
function list(item: Field<Limit>, doc: string): Field<readonly Limit[]> {
  return fields.list(item, doc);
}

function defined<T extends object>(
  record: T,
): { readonly [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(
    Object.entries(record).filter(([, value]) => value !== undefined),
  ) as { readonly [K in keyof T]?: NonNullable<T[K]> };
}
