/**
 * Decode the recorded mainnet calls and logs with our decoders and with viem,
 * side by side: `deno run -A tests/bench/abi_bench.ts`.
 *
 * Ours includes the look-up by address and selector. viem is measured twice:
 * given the one entry that fits (its best case), and given the contract's ABI,
 * as its users do.
 *
 * @module
 */
import { decodeEventLog, decodeFunctionData } from "viem/utils";
import type { Hex } from "viem";
import {
  type JsonEntry,
  readRecorded,
  type RecordedCall,
  type RecordedLog,
} from "../connectors/evm/abi/recorded.ts";

/** Rounds of each contender, in turn; the best one counts. */
const ROUNDS = 5;

/** Time of one round: long enough for the timer and the collector to even out. */
const ROUND_MS = 400;

interface Sample {
  readonly ours: () => unknown;
  readonly viem: (abi: readonly JsonEntry[]) => unknown;
  readonly entry: JsonEntry;
  readonly abi: readonly JsonEntry[];
}

const recorded = readRecorded();
if (recorded) {
  const { calls, logs } = recorded;
  print("calls", calls.flatMap(sampleCall));
  print("logs", logs.flatMap(sampleLog));
  print("ERC-20 transfer calls", pick(calls.flatMap(sampleCall), "transfer"));
  print("Transfer logs", pick(logs.flatMap(sampleLog), "Transfer"));
  print("Swap logs", pick(logs.flatMap(sampleLog), "Swap"));
  print("multicall calls", pick(calls.flatMap(sampleCall), "multicall"));
}

function sampleCall({ to, input }: RecordedCall): Sample[] {
  const { entries, index, files } = recorded!;
  const decoder = to ? index.function(to, input.slice(0, 10))[0] : undefined;
  if (!to || !decoder) return [];
  return [{
    ours: () => index.function(to, input.slice(0, 10))[0]!.decode(input),
    viem: (abi) => decodeFunctionData({ abi, data: input as Hex }),
    entry: entries.get(decoder.abi)!,
    abi: files.get(decoder.abi)!,
  }];
}

function sampleLog({ address, topics, data }: RecordedLog): Sample[] {
  const { entries, index, files } = recorded!;
  const find = () => index.event(address, topics[0] ?? "", topics.length)[0];
  const decoder = find();
  if (!decoder) return [];
  const log = { topics: topics as [Hex, ...Hex[]], data: data as Hex };
  return [{
    ours: () => find()!.decode(topics, data),
    viem: (abi) => decodeEventLog({ abi, ...log }),
    entry: entries.get(decoder.abi)!,
    abi: files.get(decoder.abi)!,
  }];
}

function pick(samples: readonly Sample[], name: string): Sample[] {
  return samples.filter(({ entry }) => entry.name === name);
}

function print(title: string, samples: readonly Sample[]): void {
  const contenders = [
    samples.map(({ ours }) => ours),
    samples.map(({ viem, entry }) => () => viem([entry])),
    samples.map(({ viem, abi }) => () => viem(abi)),
  ];
  const best = contenders.map(() => 0);
  for (let round = 0; round < ROUNDS; round++) {
    contenders.forEach((runs, i) => {
      best[i] = Math.max(best[i]!, rate(runs));
    });
  }
  const [ours = 0, entry = 0, abi = 0] = best;
  const show = (value: number) => Math.round(value).toLocaleString("en");
  // deno-lint-ignore no-console -- the figures are what it is run for
  console.log(
    `${title}: ${samples.length} samples, ours ${show(ours)}/s, ` +
      `viem with the entry ${show(entry)}/s (${(ours / entry).toFixed(1)}x), ` +
      `with the ABI ${show(abi)}/s (${(ours / abi).toFixed(1)}x)`,
  );
}

/** Operations a second, over whole passes where a pass fits into the time. */
function rate(runs: readonly (() => unknown)[]): number {
  const start = performance.now();
  let done = 0;
  let elapsed = 0;
  while (elapsed < ROUND_MS) {
    for (const run of runs) {
      run();
      if (++done % 64 === 0 && performance.now() - start > ROUND_MS) break;
    }
    elapsed = performance.now() - start;
  }
  return done / elapsed * 1000;
}
