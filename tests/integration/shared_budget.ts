/**
 * Eight processes that read one chain with twelve keys of three accounts,
 * from a node that refuses whatever is above a limit.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { KeyReport } from "../../runtime/component.ts";
import { SimulatedChain } from "../fixtures/simulated/chain.ts";
import type { Limits } from "../fixtures/simulated/limiter.ts";
import { SimulatedNode } from "../fixtures/simulated/node.ts";
import { until } from "../fixtures/until.ts";
import { Program } from "./program.ts";

/** Credits a second of each account. */
export const rate = 48;

/** How many processes there are. */
export const processes = 8;

const keysOfAccount = 4;

/** Names of the accounts. */
export const accounts = ["a", "b", "c"] as const;

/** How often it is seen whether the node is on time, ms. */
const lookEvery = 5;

/**
 * A node that was later than this, ms, takes for one burst what came one by
 * one: on a machine that has other things to do it judges wrongly.
 */
const onTime = 50;

/** An account's name. */
export type AccountName = typeof accounts[number];

const prices = { default: 1, eth_getBlockReceipts: 2 };

const minute = 60_000;

/** Where the processes run, and how their budgets are shared. */
export interface Scene {
  /** Folder of a process. */
  folder(index: number): string;
  /** Lines of the spec that say where the state is. */
  readonly state: readonly string[];
  /** Credits that each account has for the day. */
  readonly day: number;
  /** Blocks of the chain: more than anybody will read. */
  readonly blocks: number;
}

/** What a process has been let through, as the node has counted. */
export interface Use {
  /** Instant on the node's clock, ms. */
  readonly at: number;
  readonly account: AccountName;
  readonly process: number;
  readonly credits: number;
}

/** The processes and their node. */
export class Team implements AsyncDisposable {
  readonly node: SimulatedNode;
  readonly programs: readonly Program[];
  readonly #scene: Scene;
  readonly #clock: () => number;
  readonly #watch: ReturnType<typeof setInterval>;
  /** The longest time for which the node could not answer, ms. */
  #late = 0;

  private constructor(
    scene: Scene,
    { clock, node, programs }: {
      readonly node: SimulatedNode;
      readonly programs: readonly Program[];
      readonly clock: () => number;
    },
  ) {
    this.#scene = scene;
    this.node = node;
    this.programs = programs;
    this.#clock = clock;
    let last = performance.now();
    this.#watch = setInterval(() => {
      const now = performance.now();
      this.#late = Math.max(this.#late, now - last - lookEvery);
      last = now;
    }, lookEvery);
  }

  /** The longest time for which the node could not answer, ms. */
  get late(): number {
    return this.#late;
  }

  /** Start all of them; resolves when each has made a call for a block. */
  static async start(scene: Scene): Promise<Team> {
    const chain = new SimulatedChain({ seed: 5, transactionsPerBlock: 1 });
    const noon = 12 * 60 * minute;
    // At the node it is noon: no day ends in the middle of the test.
    const shift = noon - Date.now() % (2 * noon);
    const now = () => performance.timeOrigin + performance.now() + shift;
    const limits: Limits = {
      creditsPerSecond: rate,
      creditsPerDay: scene.day,
      prices,
    };
    const node = await SimulatedNode.start(chain.extend(scene.blocks), {
      latencyMs: 10,
      limits,
      now,
      accounts: Object.fromEntries(
        accounts.map((
          name,
        ) => [name, { keys: keysOf(name), limits }]),
      ),
    });
    const reset = new Date(Date.now() + noon).toISOString().slice(11, 16);
    const programs = await Promise.all(
      Array.from({ length: processes }, async (_, index) => {
        const cwd = scene.folder(index);
        const yaml = specOf(index, { ...scene, reset, url: node.url });
        await Deno.writeTextFile(`${cwd}/p${index}.yaml`, yaml);
        // The node is another machine in truth: it answers while they work.
        return Program.startBehind(["run", `p${index}.yaml`], { cwd });
      }),
    );
    const team = new Team(scene, { clock: now, node, programs });
    try {
      const begun = () =>
        new Set(
          node.calls.filter(({ method }) => method.startsWith("eth_getBlock"))
            .map(processOf),
        ).size;
      await until(() => {
        const ended = programs.find(({ over }) => over);
        if (ended) throw new Error(ended.stderr);
        return begun() === processes;
      }, "every process reads");
    } catch (error) {
      await team[Symbol.asyncDispose]();
      throw error;
    }
    return team;
  }

  /** Whether it can be judged: the machine had time for the node. */
  get isOnTime(): boolean {
    return this.#late <= onTime;
  }

  /** When the last call came, on the node's clock. */
  get now(): number {
    return this.node.calls.at(-1)?.at ?? 0;
  }

  /** Milliseconds since the last call came. */
  get silence(): number {
    return this.#clock() - this.now;
  }

  /** Milliseconds since the last call of a process came. */
  sinceCall(index: number): number {
    const last = this.node.calls.findLast((call) => processOf(call) === index);
    return this.#clock() - (last?.at ?? 0);
  }

  program(index: number): Program {
    const program = this.programs[index];
    assert.ok(program);
    return program;
  }

  /** What was let through, from an instant on. */
  uses(from = 0): Use[] {
    return this.node.calls.filter(({ at }) => at >= from).map((call) => ({
      at: call.at,
      account: call.key.slice(0, 1) as AccountName,
      process: processOf(call),
      credits: prices[call.method as keyof typeof prices] ?? prices.default,
    }));
  }

  /** The share of all rates that was used. */
  used({ from, to }: { readonly from: number; readonly to: number }): number {
    const used = this.uses(from).filter(({ at }) => at < to)
      .reduce((sum, { credits }) => sum + credits, 0);
    return used / (accounts.length * rate * (to - from) / 1000);
  }

  /** Credits of all days that are spent. */
  get spent(): number {
    return Object.values(this.node.stats().accounts)
      .reduce((sum, { creditsToday }) => sum + creditsToday, 0);
  }

  /** What the verb `keys` says, in the place of a process. */
  async keys(index: number): Promise<KeyReport[]> {
    const cwd = this.#scene.folder(index);
    const args = ["keys", `p${index}.yaml`, "--json"];
    await using program = Program.start(args, { cwd });
    const { code, stderr, stdout } = await program.ended();
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout);
  }

  /** No limit was ever reached, by the node's own count. */
  assertKept(day: number): void {
    const { accounts: read, calls, refusedCalls } = this.node.stats();
    const most = this.isOnTime ? 0 : calls / 100;
    assert.ok(refusedCalls <= most, `${refusedCalls} of ${calls} refused`);
    for (const one of Object.values(read)) {
      const { creditsToday, peakCreditsPerSecond } = one;
      assert.ok(peakCreditsPerSecond <= rate, `${peakCreditsPerSecond}/s`);
      assert.ok(creditsToday <= day, `${creditsToday} of ${day}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#watch);
    for (const program of this.programs) program.kill("SIGCONT");
    await Promise.all(
      this.programs.map((program) => program[Symbol.asyncDispose]()),
    );
    await this.node.close();
  }
}

function keysOf(name: AccountName): string[] {
  return Array.from({ length: keysOfAccount }, (_, i) => `${name}${i}`);
}

function processOf({ path }: { readonly path: string }): number {
  return Number(path.split("/").at(1)?.slice(1));
}

function specOf(
  index: number,
  { blocks, day, reset, state, url }: Scene & {
    readonly reset: string;
    readonly url: string;
  },
): string {
  const of = (name: AccountName) =>
    [
      `name: ${name}`,
      `url: "${url}/p${index}/{key}"`,
      `keys: "${keysOf(name).join(",")}"`,
      `quota_group: ${name}`,
      `rate: ${rate}/s`,
      "prices: { eth_getBlockReceipts: 2 }",
      `quota: "${day}/day from ${reset} UTC"`,
    ].join(", ");
  return [
    `name: p${index}`,
    ...state,
    "  eth:",
    "    type: evm",
    "    endpoints:",
    ...accounts.map((name) => `      - { ${of(name)} }`),
    "sources:",
    `  chain: { type: evm.chain, connection: eth, start: ${1 + index} }`,
    "sinks:",
    "  blocks: { type: blackhole, from: chain.blocks }",
    "  transactions: { type: blackhole, from: chain.transactions }",
    `# ${blocks} blocks`,
  ].join("\n");
}
