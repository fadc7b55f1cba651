/**
 * What an endpoint has shown that it cannot do: remembered, so that it is not
 * asked again, and asked once more after a while, because nodes are upgraded
 * and plans change.
 *
 * @module
 */
import type { Clock, Facts, Shortcoming } from "../../../runtime/component.ts";
import {
  type BlockRange,
  calledBlocks,
  lengthOf,
} from "../chain/called_blocks.ts";
import type { RpcError } from "./errors.ts";
import { Findings } from "./findings.ts";
import { limitsIn, type LogLimits } from "../chain/log_limits.ts";
import type { Tariff } from "./plan.ts";
import type { Call } from "./rpc.ts";

// Behind a load balancer one node may lack a method that the next one has.
const UNSUPPORTED_TIMES = 2;

// A node drops the state of blocks that are so far below its head, and not
// before: nearer to the head it is only behind.
const KEPT_BLOCKS = 100;

const LOGS = "eth_getLogs";

const pruned =
  /missing trie node|prun(ed|ing)|older than \d+ blocks|archive|historical (state|data)|history .*unavailable|ancient/i;

// A node that lags is asked for its head again after so long.
const BEHIND_MS = 10_000;

/**
 * Why an endpoint is not asked: it lacks the method, the question is too
 * large, or it has dropped the blocks or does not have them yet.
 */
export type Inability = "method" | "size" | "pruned" | "behind";

/** What one endpoint can do, as far as is known. */
export class Capabilities {
  readonly #clock: Clock;
  readonly #tariff: Tariff;
  readonly #found: Findings;
  #head = -1;
  #headAt = -Infinity;

  /** @param facts What is known of it already, and who is told more. */
  constructor(tariff: Tariff, clock: Clock, facts?: Facts) {
    this.#tariff = tariff;
    this.#clock = clock;
    this.#found = new Findings(clock, facts);
  }

  /** The highest block that it is known to have; -1: it was not asked. */
  get head(): number {
    return this.#head;
  }

  /** Limits of one `eth_getLogs`: of the plan, and learned. */
  get logs(): LogLimits {
    const { range, results } = this.#tariff.logs;
    return {
      ...least("range", range, this.#found.get("range", LOGS)),
      ...least("results", results, this.#found.get("results", LOGS)),
    };
  }

  /** Most calls of one batch, as learned; undefined: nothing is known. */
  get batch(): number | undefined {
    return this.#found.get("batch");
  }

  /** What it was found unable to do, in words. */
  get shortcomings(): readonly Shortcoming[] {
    return [...this.#found.all()].flatMap((found) => {
      const what = wordsFor(found);
      const until = new Date(found.until).toISOString();
      return what === undefined ? [] : [{ what, until }];
    });
  }

  /** Whether it offers a method. */
  offers(method: string): boolean {
    return (this.#found.get("lacks", method) ?? 0) < UNSUPPORTED_TIMES &&
      this.#tariff.includes(method);
  }

  /** Why it is of no use to ask it; undefined: it may answer. */
  inability(call: Call): Inability | undefined {
    const { method } = call;
    if (!this.offers(method)) return "method";
    const blocks = calledBlocks(call);
    if (blocks === undefined) return undefined;
    if (blocks.from < (this.#found.get("oldest", method) ?? 0)) return "pruned";
    if (method !== LOGS) return undefined;
    if (lengthOf(blocks) > (this.logs.range ?? Infinity)) return "size";
    const known = this.#clock.now() - this.#headAt < BEHIND_MS;
    return known && this.#head < blocks.to ? "behind" : undefined;
  }

  /**
   * Try again what only others have found and what alone stands against a
   * call; whether there is such.
   */
  doubt(call: Call): boolean {
    const { method } = call;
    const inability = this.inability(call);
    const doubted = inability === "method"
      ? this.#found.doubt("lacks", method)
      : inability === "pruned" && this.#found.doubt("oldest", method);
    return doubted && this.inability(call) === undefined;
  }

  /** Take note of a call that it has answered. */
  succeeded(call: Call, result: unknown): void {
    const { method } = call;
    this.#found.delete("lacks", method);
    // While it holds, that was another node behind the same address.
    if (result !== null && this.#found.isDue("oldest", method)) {
      this.#found.delete("oldest", method);
    }
    const head = method === "eth_blockNumber"
      ? result
      : method === "eth_getBlockByNumber"
      ? (result as { readonly number?: unknown } | null)?.number
      : undefined;
    if (typeof head === "string" && /^0x[0-9a-f]{1,13}$/i.test(head)) {
      this.#head = Math.max(this.#head, Number(head));
      if (method === "eth_blockNumber") this.#headAt = this.#clock.now();
    }
  }

  /** Take note of a call that it has not answered. */
  failed(call: Call, error: RpcError): void {
    const { method } = call;
    if (error.unsupported) {
      // A plan that lacks the method says so reliably, a node may not.
      const times = error.kind === "auth" ? UNSUPPORTED_TIMES : 1;
      const known = this.#found.get("lacks", method) ?? 0;
      this.#found.set("lacks", method, known + times);
      return;
    }
    const blocks = calledBlocks(call);
    if (blocks === undefined) return;
    if (error.kind === "size" && method === LOGS) {
      this.#tooLarge(blocks, error.message);
    } else if (pruned.test(error.message) && error.kind !== "rate") {
      this.#lost(blocks, method);
    }
  }

  /** Take note of a batch that it has refused as a whole. */
  refusedBatch(length: number, message: string): void {
    const [, most] =
      /(?:(?:more|larger) than|max(?:imum)?\D{0,20}|limit\D{0,20}) ?(\d+)/i
        .exec(message) ?? [];
    const known = Number(most ?? 1);
    this.#found.set("batch", "", known >= 1 && known < length ? known : 1);
  }

  #tooLarge(blocks: BlockRange, message: string): void {
    const { range, results } = limitsIn(message);
    if (results !== undefined) this.#found.set("results", LOGS, results);
    // A limit that the question has kept is not the one that it broke.
    if (range !== undefined && range < lengthOf(blocks)) {
      this.#found.set("range", LOGS, range);
    }
  }

  #lost({ from }: BlockRange, method: string): void {
    if (this.#head < from + KEPT_BLOCKS) return;
    const oldest = this.#found.get("oldest", method) ?? 0;
    this.#found.set("oldest", method, Math.max(from + 1, oldest));
  }
}

/** What a finding says; undefined: nothing for sure. */
function wordsFor(
  { kind, method, value }: {
    readonly kind: string;
    readonly method: string;
    readonly value: number;
  },
): string | undefined {
  switch (kind) {
    case "lacks":
      return value < UNSUPPORTED_TIMES ? undefined : method;
    case "oldest":
      return `${method} before block ${value}`;
    case "range":
      return `${method} of more than ${value} blocks`;
    case "results":
      return `${method} with more than ${value} results`;
    case "batch":
      return value === 1 ? "batches" : `batches of more than ${value} calls`;
    default:
      return undefined;
  }
}

function least<K extends string>(
  name: K,
  ...values: readonly (number | undefined)[]
): { readonly [name in K]?: number } {
  const known = values.filter((value) => value !== undefined);
  const limit = known.length === 0 ? {} : { [name]: Math.min(...known) };
  return limit as { readonly [name in K]?: number };
}
