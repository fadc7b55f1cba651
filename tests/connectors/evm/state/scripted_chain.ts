/**
 * A chain in a script: blocks with times, forks, and contracts whose answers
 * depend on the block.
 *
 * @module
 */
import { readFields } from "../../../../runtime/spec/members.ts";
import type {
  Memory,
  OpenSource,
  SourceUnit,
} from "../../../../runtime/component.ts";
import { RpcError } from "../../../../connectors/evm/rpc/errors.ts";
import type { Call } from "../../../../connectors/evm/rpc/rpc.ts";
import { state } from "../../../../connectors/evm/state/source.ts";
// What `open` imports is there already: the clock of a script does not wait
// while a file is read.
import "../../../../connectors/evm/state/calls.ts";
import "../../../../connectors/evm/state/changes.ts";
import "../../../../connectors/evm/state/following_reader.ts";
import "../../../../connectors/evm/state/state_reader.ts";
import { openContext } from "../../../contracts/open_context.ts";
import { Reports } from "../../../contracts/reports.ts";
import { ScriptedClient } from "../rpc/scripted_client.ts";
import { type Behaviour, execute } from "./machine.ts";

/** A block of the script. */
export interface ScriptedBlock {
  readonly number: number;
  readonly hash: string;
  readonly parent: string;
  /** Seconds. */
  readonly time: number;
}

/** What contracts answer at a block. */
export type Behave = (
  to: string,
  data: string,
  block: ScriptedBlock,
) => Behaviour | undefined;

/** A chain that a test grows and forks. */
export class ScriptedChain {
  readonly blocks: ScriptedBlock[] = [];
  finalized = -1;
  readonly behave: Behave;
  readonly scripted: ScriptedClient;
  /** Every block there ever was, by hash. */
  readonly #known = new Map<string, ScriptedBlock>();
  #fork = 0;

  constructor(behave: Behave) {
    this.behave = behave;
    this.scripted = new ScriptedClient({ a: (call) => this.#answer(call) });
  }

  /** Add blocks at these times, or twelve seconds apart. */
  grow(count: number, times: readonly number[] = []): void {
    for (let index = 0; index < count; index++) {
      const number = this.blocks.length;
      const before = this.blocks.at(-1);
      const block = {
        number,
        hash: `0x${hex(this.#fork, 8)}${hex(number, 56)}`,
        parent: before?.hash ?? `0x${"0".repeat(64)}`,
        // Forks differ in their times too, and so in what a duration means.
        time: times[index] ??
          (before ? before.time + 12 + this.#fork % 4 : 1_700_000_000),
      };
      this.blocks.push(block);
      this.#known.set(block.hash, block);
    }
  }

  /** Replace the last blocks by as many and some more. */
  reorg(depth: number, more = 1): void {
    this.blocks.splice(-depth);
    this.#fork++;
    this.grow(depth + more);
  }

  /** Open a source of states on it; fields as written in YAML. */
  async open(
    written: Readonly<Record<string, unknown>>,
    memory: Memory,
  ): Promise<OpenSource> {
    const reports = new Reports();
    const config = readFields(state.fields, written, reports.place);
    if (!config) throw new Error(reports.lines.join("\n"));
    state.check?.({ config, place: reports.place });
    if (reports.lines.length > 0) throw new Error(reports.lines.join("\n"));
    const { client, clock, log } = this.scripted;
    return await state.open(config, {
      ...openContext({ clock, log }),
      connection: client,
      used: new Map([["rows", new Set()]]),
      memory,
    });
  }

  /** The units of a read that comes to its end. */
  units(
    source: OpenSource,
    options: { after?: { number: number; id: string }; to?: number },
  ): Promise<(SourceUnit | "fork")[]> {
    return this.scripted.settle(Array.fromAsync(source.read({
      after: options.after,
      from: undefined,
      to: options.to,
      signal: new AbortController().signal,
      onHead: () => {},
    })));
  }

  /** Calls of a method. */
  count(method: string): number {
    return this.scripted.made.filter((one) => one.method === method).length;
  }

  #answer({ method, params }: Call): unknown {
    const [first, second] = params;
    switch (method) {
      case "eth_getBlockByNumber":
        return this.#block(first as string);
      case "eth_blockNumber":
        return `0x${(this.blocks.length - 1).toString(16)}`;
      case "eth_getCode":
        return "0x60";
      case "eth_call": {
        const { blockHash } = second as { blockHash: string };
        const block = this.#known.get(blockHash);
        if (!block) return new RpcError("missing", "header not found");
        return execute(first as { to: string; data: string }, {
          gas: 30_000_000,
          behave: (to, data) => this.behave(to, data, block),
        });
      }
      default:
        throw new Error(`Nobody asks for ${method}`);
    }
  }

  #block(tag: string): unknown {
    const number = tag === "latest"
      ? this.blocks.length - 1
      : tag === "finalized" || tag === "safe"
      ? this.finalized
      : Number(tag);
    const block = this.blocks[number];
    return block
      ? {
        number: `0x${block.number.toString(16)}`,
        hash: block.hash,
        parentHash: block.parent,
        timestamp: `0x${block.time.toString(16)}`,
        transactions: [],
      }
      : new RpcError("missing", "the result is null");
  }
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}

/** A memory of one run. */
export function shortMemory(): Memory {
  const known: { number: number; entries: ReadonlyMap<string, string> }[] = [];
  return {
    recall: (number) =>
      Promise.resolve(
        new Map(
          known.filter((one) => one.number <= number)
            .flatMap(({ entries }) => [...entries]),
        ),
      ),
    remember: ({ after, number }, entries) => {
      const kept = known.filter((one) =>
        one.number <= after || one.number > number
      );
      known.splice(0, known.length, ...kept, { number, entries });
      return Promise.resolve();
    },
  };
}

/** A word as a contract returns it. */
export function word(value: number | bigint): string {
  return `0x${value.toString(16).padStart(64, "0")}`;
}
