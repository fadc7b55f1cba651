/**
 * Which calls bring what is used of a block, and which of several ways to it
 * is the cheapest at the endpoints that are open.
 *
 * @module
 */
import {
  type AccountTariff,
  divideCalls,
  type PlannedCall,
} from "../../../runtime/component.ts";
import { FIRST_BLOCKS } from "./range_size.ts";

/** Where the logs or receipts of a block come from. */
export type Route = "logs" | "receipts" | "transactions";

/** A way to read a chain. */
export interface RoutePlan {
  /** The cheapest first; the others are for when it is refused. */
  readonly routes: readonly Route[];
  /** Those of them that the endpoints can go now. */
  readonly open: readonly Route[];
  /** Blocks that one `eth_getLogs` may ask for; Infinity: nobody says. */
  readonly range: number;
  /** The calls of the first route. */
  readonly calls: readonly PlannedCall[];
}

/** What decides. */
export interface RouteDemand {
  /** Why every block is fetched, in words; undefined: it need not be. */
  readonly blocks: string | undefined;
  /** What receipts alone can tell, in words; undefined: nothing that is used. */
  readonly receipts: string | undefined;
  /** What logs are needed for, in words; undefined: for nothing. */
  readonly logs: string | undefined;
  /** Which logs that are, in words. */
  readonly query: string;
  /** Calls that ask for them once. */
  readonly questions: number;
  /** Blocks that one `eth_getLogs` would cover if nothing limited it. */
  readonly range: number;
  /** Transactions of a block, as far as is known. */
  readonly transactions: number | undefined;
  /** Blocks that will be read; undefined: nobody knows. */
  readonly blocksInRange?: number | undefined;
}

const BLOCK = "eth_getBlockByNumber";
const RECEIPTS = "eth_getBlockReceipts";
const RECEIPT = "eth_getTransactionReceipt";

/** The method that finds logs. */
export const LOGS = "eth_getLogs";

/** The methods that a plan can do with or without. */
export const methods: readonly string[] = [BLOCK, LOGS, RECEIPTS, RECEIPT];

// A block of mainnet has some more than that; where none has been seen, this
// is so many that receipts one by one are hardly ever cheaper.
const TRANSACTIONS = 150;

/** Plan the calls of a unit. */
export function planRoutes(
  demand: RouteDemand,
  tariffs: readonly AccountTariff[],
): RoutePlan {
  const block = {
    method: BLOCK,
    perUnit: 1,
    because: demand.blocks ?? "every block is read once",
  };
  if (demand.logs === undefined && demand.receipts === undefined) {
    return { routes: [], open: [], range: 0, calls: [block] };
  }
  const because = demand.receipts ?? demand.logs ?? "";
  const perUnit = demand.transactions ?? TRANSACTIONS;
  const options: Option[] = [
    ...demand.receipts === undefined ? logOptions(demand, tariffs) : [],
    {
      route: "receipts",
      calls: [block, { method: RECEIPTS, perUnit: 1, because }],
    },
    {
      route: "transactions",
      calls: [block, {
        method: RECEIPT,
        perUnit,
        because,
        ...demand.transactions === undefined && {
          assumes: `a block has ${perUnit} transactions`,
        },
      }],
    },
  ];
  const priced = options.map((option) => ({
    ...option,
    price: priceOf(option, tariffs),
  }))
    .sort((a, b) => a.price - b.price);
  const [best] = priced;
  return {
    routes: [...new Set(priced.map(({ route }) => route))],
    open: priced.filter(({ price }) => price < Infinity)
      .map(({ route }) => route),
    range: priced.find(({ route }) => route === "logs")?.range ?? 0,
    calls: best?.calls ?? [],
  };
}

/** A way, and what it takes. */
interface Option {
  readonly route: Route;
  readonly calls: readonly PlannedCall[];
  readonly range?: number;
}

/** Logs by ranges as wide as some of the endpoints take. */
function logOptions(
  { blocks, blocksInRange, logs = "", query, questions, range }: RouteDemand,
  tariffs: readonly AccountTariff[],
): readonly Option[] {
  const spanOf = (one: AccountTariff) => one.span?.(LOGS) ?? Infinity;
  const spans = tariffs.filter((one) => one.cost(LOGS) !== undefined)
    .map(spanOf);
  // One that takes more than is asked for is as good as any other such.
  const narrow = spans.filter((span) => span < range);
  const wide = spans.filter((span) => span >= range);
  const most = tariffs.length === 0 ? [Infinity] : [
    ...new Set(narrow),
    ...wide.length > 0 ? [Math.min(...wide)] : [],
  ];
  return most.map((span) => ({
    route: "logs",
    range: span,
    calls: [
      {
        method: LOGS,
        perUnit: questions / coveredBy(Math.min(range, span), blocksInRange),
        atHead: questions,
        because:
          `${logs}: ${query}; of about ${Math.min(range, span)} blocks, ` +
          "at the head of each block whose bloom filter fits",
        assumes: `one ${LOGS} covers ${Math.min(range, span)} blocks`,
      },
      blocks === undefined
        ? {
          method: BLOCK,
          perUnit: 0,
          atHead: 1,
          because: "at the head, and for blocks with logs that do not tell " +
            "their time",
        }
        : { method: BLOCK, perUnit: 1, because: blocks },
    ],
  }));
}

/**
 * Blocks that one question covers on average: the first one asks for fewer,
 * and the last one for what is left.
 */
function coveredBy(most: number, blocks: number | undefined): number {
  if (blocks === undefined) return most;
  const first = Math.min(most, FIRST_BLOCKS);
  const others = Math.max(0, blocks - first);
  return blocks / (1 + Math.ceil(others / most));
}

/** Seconds of the scarcest budget that a unit takes; without budgets, calls. */
function priceOf(
  { calls }: Option,
  tariffs: readonly AccountTariff[],
): number {
  const made = calls.filter(({ perUnit }) => perUnit > 0);
  if (tariffs.length > 0) return divideCalls(made, tariffs).seconds;
  return made.reduce((sum, { perUnit }) => sum + perUnit, 0);
}

/** A tariff as if its plan lacked a method. */
export function without(tariff: AccountTariff, lacking: string): AccountTariff {
  return {
    ...tariff,
    cost: (method) => method === lacking ? undefined : tariff.cost(method),
  };
}
