/**
 * Where contracts forward calls to, block by block.
 *
 * A contract's code says how it forwards, its storage where to. What was read
 * once holds until an event says otherwise: the upgrades of every block are
 * asked for in one call, so that the history is whole.
 *
 * @module
 */
import type { Logger, UnitInfo } from "../../../runtime/component.ts";
import type { EvmClient } from "../rpc/client.ts";
import { RpcError } from "../rpc/errors.ts";
import { quantity } from "../hex.ts";
import {
  type Forwarding,
  forwardingsOf,
  selectorsIn,
  upgradeTopics,
} from "./proxy_code.ts";
import { compileParameters } from "../abi/decoder.ts";
import { DecodeError } from "../abi/input.ts";
import { parseParameters } from "../abi/types.ts";

// Contracts in memory: some 5 kB each.
const MOST_CONTRACTS = 10_000;

// Blocks whose upgrades are kept, so that a stage behind finds them.
const MOST_BLOCKS = 256;

// implementation() of a beacon, and facets() of a diamond.
const IMPLEMENTATION_CALL = "0x5c60da1b";
const FACETS_CALL = "0x7a0ed627";

const facets = compileParameters(parseParameters([{
  type: "tuple[]",
  name: "facets",
  components: [
    { type: "address", name: "address" },
    { type: "bytes4[]", name: "selectors" },
  ],
}], { label: "facets()", depth: 0 }));

/** Where a contract forwards calls to. */
export interface Target {
  readonly address: string;
  /** Only these functions; undefined: all. */
  readonly selectors: ReadonlySet<string> | undefined;
}

/** A contract at the end of a block. */
export interface ContractState {
  readonly targets: readonly Target[];
  /** Contracts whose events change the targets: itself, its beacon. */
  readonly watched: readonly string[];
  /** Whether no event would tell of a change: then it is read every block. */
  readonly unsteady: boolean;
  /** The block at whose end it was read. */
  readonly readAt: number;
  /** Selectors in its code; none where there is no code. */
  readonly selectors: ReadonlySet<string>;
  readonly hasCode: boolean;
}

/** An upgrade within a block. */
export interface Upgrade {
  readonly address: string;
  readonly transactionIndex: number;
  readonly logIndex: number;
}

/** A contract throughout a block. */
export interface ContractHistory {
  /** Before the first upgrade; undefined when there is none in the block. */
  readonly before: ContractState | undefined;
  readonly after: ContractState;
  readonly upgrade: Upgrade | undefined;
}

type Block = Pick<UnitInfo, "id" | "number">;

type Upgrades = Promise<readonly Upgrade[]>;

/** A block whose upgrades are asked for. */
interface Entered extends Block {
  readonly upgrades: Upgrades;
}

/** Reads where contracts forward to, for one stage. */
export class Proxies {
  readonly #client: EvmClient;
  readonly #log: Logger;
  readonly #contracts = new Map<string, ContractState>();
  /** The last block whose upgrades are known, and what was before it. */
  #block: Entered | undefined;
  #reported = false;

  constructor(client: EvmClient, log: Logger) {
    this.#client = client;
    this.#log = log;
  }

  /** The chain that is read, once it is known. */
  get chainId(): number | undefined {
    return this.#client.chainId;
  }

  /**
   * What a contract was throughout a block; undefined when no node says.
   *
   * @throws {RetryableError} when no node answers.
   */
  async history(
    address: string,
    block: Block,
    signal: AbortSignal,
  ): Promise<ContractHistory | undefined> {
    try {
      const upgrades = await this.#enter(block, signal);
      return await this.#history(address, { block, signal, upgrades });
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      if (!this.#reported) {
        this.#reported = true;
        this.#log.warn("Cannot read where proxies forward to", {
          block: block.number,
          reason: error.message,
        });
      }
      return undefined;
    }
  }

  /** A block comes: its upgrades count even if nothing in it is a proxy's. */
  see(block: Block, signal: AbortSignal): void {
    // Whoever needs them is told why they are not there.
    this.#enter(block, signal).catch(() => {});
  }

  /** A block was abandoned: what was read behind it may be of its branch. */
  forget(): void {
    this.#contracts.clear();
    this.#block = undefined;
  }

  async #history(
    address: string,
    { block, signal, upgrades }: {
      readonly block: Block;
      readonly signal: AbortSignal;
      readonly upgrades: readonly Upgrade[];
    },
  ): Promise<ContractHistory> {
    const { number } = block;
    const known = this.#contracts.get(address);
    const upgradeOf = ({ watched }: ContractState) =>
      upgrades.find((one) => watched.includes(one.address));
    if (known && !upgradeOf(known)) {
      return { before: undefined, after: known, upgrade: undefined };
    }
    const after = await this.#read(address, number, signal);
    if (!after.unsteady) this.#keep(address, after);
    const upgrade = upgradeOf(after) ?? (known && upgradeOf(known));
    if (!upgrade) return { before: undefined, after, upgrade };
    const before = known && known.readAt < number
      ? known
      : await this.#read(address, number - 1, signal);
    return { before, after, upgrade };
  }

  /** Take note of a block's upgrades; a gap makes all that is known old. */
  #enter(block: Block, signal: AbortSignal): Promise<readonly Upgrade[]> {
    const last = this.#block;
    if (last?.id === block.id) return last.upgrades;
    if (last && last.number + 1 !== block.number) this.forget();
    const upgrades = this.#advance(last, block, signal);
    const entry = { ...block, upgrades };
    this.#block = entry;
    // Without them nobody knows what has changed in between.
    upgrades.catch(() => {
      if (this.#block === entry) this.forget();
    });
    return upgrades;
  }

  async #advance(
    last: Entered | undefined,
    ...[block, signal]: readonly [Block, AbortSignal]
  ): Promise<readonly Upgrade[]> {
    if (last) this.#drop(await last.upgrades, last.number);
    return await upgradesIn(this.#client, block, signal);
  }

  /** Forget what a block's upgrades have changed, unless it was read since. */
  #drop(upgrades: readonly Upgrade[], number: number): void {
    if (upgrades.length === 0) return;
    const changed = new Set(upgrades.map(({ address }) => address));
    for (const [address, { readAt, watched }] of this.#contracts) {
      if (readAt < number && watched.some((one) => changed.has(one))) {
        this.#contracts.delete(address);
      }
    }
  }

  async #read(
    address: string,
    number: number,
    signal: AbortSignal,
  ): Promise<ContractState> {
    const at = { number, signal };
    const code = (await this.#ask("eth_getCode", [address], at)).toLowerCase();
    const targets: Target[] = [];
    const watched = [address];
    let unsteady = code === "0x";
    for (const forwarding of forwardingsOf(code)) {
      const found = await this.#follow(address, forwarding, at);
      if (found.length === 0) continue;
      targets.push(...found);
      const { kind } = forwarding;
      if (kind === "code") unsteady ||= !forwarding.fixed;
      if (kind === "slot") unsteady ||= !forwarding.events;
      if (kind === "beacon") watched.push(...found.map(({ beacon }) => beacon));
      break;
    }
    const selectors = selectorsIn(code);
    return {
      targets,
      watched,
      unsteady,
      readAt: number,
      selectors,
      hasCode: code !== "0x",
    };
  }

  async #follow(
    address: string,
    forwarding: Forwarding,
    at: At,
  ): Promise<(Target & { readonly beacon: string })[]> {
    const whole = (target: string | undefined, beacon = "") =>
      target === undefined
        ? []
        : [{ address: target, selectors: undefined, beacon }];
    switch (forwarding.kind) {
      case "code":
        return whole(forwarding.target);
      case "slot":
        return whole(await this.#slot(address, forwarding.slot, at));
      case "beacon": {
        const beacon = await this.#slot(address, forwarding.slot, at);
        if (beacon === undefined) return [];
        const data = await this.#call(beacon, IMPLEMENTATION_CALL, at);
        return whole(addressIn(data), beacon);
      }
      case "facets":
        return facetsIn(await this.#call(address, FACETS_CALL, at));
    }
  }

  async #slot(
    address: string,
    slot: string,
    at: At,
  ): Promise<string | undefined> {
    return addressIn(await this.#ask("eth_getStorageAt", [address, slot], at));
  }

  /** What a contract answers; nothing where it reverts. */
  async #call(to: string, data: string, at: At): Promise<string> {
    try {
      return await this.#ask("eth_call", [{ to, data }], at);
    } catch (error) {
      if (error instanceof RpcError && error.certain) return "0x";
      throw error;
    }
  }

  #ask(
    method: string,
    params: readonly unknown[],
    { number, signal }: At,
  ): Promise<string> {
    return this.#client.call(method, [...params, quantity(number)], {
      priority: "lookup",
      signal,
      // A state that is gone does not come back.
      patience: 0,
    });
  }

  #keep(address: string, state: ContractState): void {
    this.#contracts.set(address, state);
    if (this.#contracts.size <= MOST_CONTRACTS) return;
    const [oldest] = this.#contracts.keys();
    if (oldest !== undefined) this.#contracts.delete(oldest);
  }
}

interface At {
  readonly number: number;
  readonly signal: AbortSignal;
}

/** Upgrades by block: the stages of a pipeline ask for the same ones. */
const asked = new WeakMap<EvmClient, Map<string, Upgrades>>();

/** The upgrades in a block, asked for once. */
function upgradesIn(
  client: EvmClient,
  ...[{ id }, signal]: readonly [Block, AbortSignal]
): Upgrades {
  const blocks = asked.get(client) ?? new Map<string, Upgrades>();
  asked.set(client, blocks);
  const known = blocks.get(id);
  if (known) return known;
  const upgrades = askUpgrades(client, id, signal);
  blocks.set(id, upgrades);
  upgrades.catch(() => blocks.delete(id));
  const [oldest] = blocks.keys();
  if (blocks.size > MOST_BLOCKS && oldest !== undefined) blocks.delete(oldest);
  return upgrades;
}

async function askUpgrades(
  client: EvmClient,
  ...[id, signal]: readonly [string, AbortSignal]
): Promise<readonly Upgrade[]> {
  type Log = Readonly<Record<string, unknown>>;
  const logs = await client.call<readonly Log[]>("eth_getLogs", [{
    blockHash: id,
    topics: [upgradeTopics],
  }], { priority: "lookup", signal, patience: 0 });
  return logs.map((log) => ({
    address: String(log["address"]).toLowerCase(),
    transactionIndex: Number(log["transactionIndex"]),
    logIndex: Number(log["logIndex"]),
  }));
}

/** The address in a word; undefined for none. */
function addressIn(word: string): string | undefined {
  if (word.length !== 66) return undefined;
  const address = `0x${word.slice(26).toLowerCase()}`;
  return /^0x0{40}$/.test(address) ? undefined : address;
}

function facetsIn(data: string): (Target & { readonly beacon: string })[] {
  try {
    const list = facets.decode(data)["facets"] as unknown as readonly {
      readonly address: string;
      readonly selectors: readonly string[];
    }[];
    return list.map(({ address, selectors }) => ({
      address,
      selectors: new Set(selectors),
      beacon: "",
    }));
  } catch (error) {
    if (error instanceof DecodeError) return [];
    throw error;
  }
}
