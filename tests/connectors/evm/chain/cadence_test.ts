import assert from "node:assert/strict";
import { Cadence } from "../../../../connectors/evm/chain/cadence.ts";

interface Chain {
  /** Milliseconds between two blocks. */
  readonly slot: number;
  /** Milliseconds until a block can be seen, for block n. */
  readonly delay: (number: number) => number;
  /** Whether the slot of block n stays empty. */
  readonly missed?: (slot: number) => boolean;
  /** What the timestamps are off by. */
  readonly shift?: number;
}

/** Follow a chain for a while; how many polls and how late, per block. */
function follow(chain: Chain, duration: number) {
  const { delay, missed = () => false, shift = 0, slot } = chain;
  const blocks: { seen: number; timestamp: number }[] = [];
  for (let at = 0; at < duration; at += slot) {
    if (missed(at / slot)) continue;
    blocks.push({ seen: at + delay(at / slot), timestamp: at + shift });
  }
  const cadence = new Cadence();
  let now = 5 * slot;
  let [polls, last] = [0, -1];
  const lateness: number[] = [];
  while (now < duration) {
    const number = blocks.findLastIndex(({ seen }) => seen <= now);
    const { timestamp } = blocks[number]!;
    polls++;
    if (last >= 0) {
      for (let n = last + 1; n <= number; n++) {
        lateness.push(now - blocks[n]!.seen);
      }
    }
    last = number;
    cadence.observe({ number, timestamp }, now);
    now = Math.max(now + 1, cadence.due());
  }
  const sorted = lateness.toSorted((a, b) => a - b);
  return {
    polls: polls / lateness.length,
    median: sorted[Math.floor(sorted.length / 2)]!,
    worst: sorted.at(-1)!,
  };
}

Deno.test("Cadence finds mainnet's blocks with less than two polls each, within a second", () => {
  const noise = (number: number) => 1500 + 700 * Math.sin(number * 12.9898);
  const { median, polls, worst } = follow({
    slot: 12_000,
    delay: noise,
    missed: (slot) => slot % 97 === 13,
  }, 12_000 * 600);
  assert.ok(polls < 1.9, `${polls} polls a block`);
  assert.ok(median < 1000, `median ${median} ms late`);
  assert.ok(worst < 13_000, `worst ${worst} ms late`);
});

Deno.test("Cadence learns a chain whose timestamps are of another time", () => {
  const { median, polls } = follow({
    slot: 2000,
    delay: () => 100,
    shift: -1e11,
  }, 2000 * 500);
  assert.ok(polls < 1.9, `${polls}`);
  assert.ok(median < 250, `${median}`);
});

Deno.test("Cadence keeps up with four blocks a second", () => {
  const { median, polls } = follow({ slot: 250, delay: () => 50 }, 250 * 2000);
  assert.ok(polls < 1.9, `${polls}`);
  assert.ok(median < 130, `${median}`);
});

Deno.test("Cadence asks ever more rarely while a chain stands still", () => {
  const cadence = new Cadence();
  cadence.observe({ number: 1, timestamp: 0 }, 0);
  cadence.observe({ number: 2, timestamp: 2000 }, 2000);
  let now = 4000;
  let polls = 0;
  while (now < 604_000) {
    cadence.observe({ number: 2, timestamp: 2000 }, now);
    polls++;
    now = cadence.due();
  }
  assert.ok(polls < 200, `${polls} polls in ten minutes`);
});

Deno.test("Cadence asks as often as it is told", () => {
  const cadence = new Cadence(5000);
  cadence.observe({ number: 1, timestamp: 0 }, 1000);
  assert.ok(Math.abs(cadence.due() - 6000) < 200);
  cadence.observe({ number: 1, timestamp: 0 }, 6000);
  assert.ok(Math.abs(cadence.due() - 11_000) < 200);
});

Deno.test("Cadence asks at once before it has asked", () => {
  assert.ok(new Cadence().due() <= 0);
});
