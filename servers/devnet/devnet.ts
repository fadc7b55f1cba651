/**
 * A local chain with activity, until it is told to stop:
 * `deno task devnet [--port 8545] [--every 1500ms] [--reorg-every 20]`.
 *
 * Prints its URL on standard output as soon as it answers, then a line on
 * standard error for each block. Every run plays the same scenario; only the
 * times of the blocks are those of the clock.
 *
 * @module
 */
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { CHAIN_ID } from "./addresses.ts";
import { startAnvil } from "./anvil.ts";
import { Chain } from "./chain.ts";
import type { Played } from "./play.ts";

/** How to run the local chain. */
export interface DevnetOptions {
  /** The port; 0 takes a free one. */
  readonly port: number;
  /** Time from block to block, in milliseconds. */
  readonly every: number;
  /** Replace the last two blocks each time so many have been made; 0: never. */
  readonly reorgEvery: number;
}

const REORG_DEPTH = 2;

// One Ctrl-C reaches us twice when a task runner passes it on.
const REPEAT_MS = 300;

const USAGE =
  "Usage: deno task devnet [--port 8545] [--every 1500ms] [--reorg-every 20]";

/** Run the local chain until the signal says stop. */
export async function runDevnet(
  { port, every, reorgEvery }: DevnetOptions,
  signal: AbortSignal,
): Promise<void> {
  let last = Math.floor(Date.now() / 1000);
  await using node = await startAnvil({ port, genesis: last });
  await say(Deno.stdout, node.url);
  await say(Deno.stderr, `Chain ${CHAIN_ID}, a block every ${every} ms`);
  // This compiles the contracts, which takes seconds: not before we know that
  // there is a node to deploy them to.
  const { play, reorg } = await import("./play.ts");
  const lost = new AbortController();
  node.ended.then(() => lost.abort());
  const either = AbortSignal.any([signal, lost.signal]);
  const blocks = play(new Chain(node.url), () => {
    // Later than the block before, however short the time between them.
    last = Math.max(last + 1, Math.floor(Date.now() / 1000));
    return last;
  });
  const recent: Played[] = [];
  while (!either.aborted) {
    const { value: played } = await blocks.next();
    const height = Number(played.block.number);
    await say(Deno.stderr, describe(played));
    recent.splice(0, recent.length - REORG_DEPTH + 1);
    recent.push(played);
    if (reorgEvery > 0 && height % reorgEvery === 0) {
      await reorg(new Chain(node.url), recent);
      await say(Deno.stderr, `Blocks ${height - 1} to ${height}: reorganised`);
    }
    await delay(every, undefined, { signal: either }).catch(() => {});
  }
  if (!signal.aborted) throw new Error("Anvil has ended by itself");
}

function describe({ block, planned }: Played): string {
  const failed = planned.filter(({ draft }) => draft.fails).length;
  const count = planned.length;
  return `Block ${Number(block.number)}: ${count} transactions` +
    (failed > 0 ? `, ${failed} failed` : "");
}

function parseOptions(args: readonly string[]): DevnetOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: { type: "string", default: "8545" },
      every: { type: "string", default: "1500ms" },
      "reorg-every": { type: "string", default: "0" },
    },
  });
  const [, count, unit] = /^(\d+)(ms|s)$/.exec(values.every) ?? [];
  const every = Number(count) * (unit === "s" ? 1000 : 1);
  const port = Number(values.port);
  const reorgEvery = Number(values["reorg-every"]);
  if (![every, port, reorgEvery].every((each) => each >= 0)) {
    throw new TypeError("A number is not a number");
  }
  return { port, every, reorgEvery };
}

async function main(): Promise<void> {
  let options: DevnetOptions;
  try {
    options = parseOptions(Deno.args);
  } catch (error) {
    await say(Deno.stderr, `${(error as Error).message}. ${USAGE}`);
    Deno.exit(2);
  }
  const controller = new AbortController();
  let first = 0;
  const stop = () => {
    if (first === 0) first = performance.now();
    else if (performance.now() - first > REPEAT_MS) Deno.exit(130);
    controller.abort();
  };
  Deno.addSignalListener("SIGINT", stop);
  Deno.addSignalListener("SIGTERM", stop);
  try {
    await runDevnet(options, controller.signal);
  } catch (error) {
    await say(Deno.stderr, (error as Error).message);
    Deno.exit(1);
  }
  Deno.exit(0);
}

async function say(
  stream: typeof Deno.stdout,
  line: string,
): Promise<void> {
  await stream.write(new TextEncoder().encode(`${line}\n`));
}

if (import.meta.main) await main();
