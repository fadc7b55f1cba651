/**
 * Ether from account to account.
 *
 * @module
 */
import { parseEther, stringToHex } from "viem";
import { type Activity, addressOf } from "../world.ts";

const MEMOS = [
  "rent for March",
  "gm",
  "Danke für alles 🙏",
  "invoice 2026-0117",
];

/** Plain, big, empty and annotated transfers. */
export const payments: readonly Activity[] = [
  {
    name: "ether transfer",
    weight: 150,
    draft: (world) => ({
      from: world.trader(),
      to: addressOf(world.trader()),
      value: world.random.amount(14, 17),
      gas: 60_000n,
    }),
  },
  {
    name: "ether to a new address",
    weight: 30,
    draft: (world) => ({
      from: world.trader(),
      to: world.random.bytes(20),
      value: world.random.amount(12, 14),
      gas: 60_000n,
    }),
  },
  {
    name: "whale transfer",
    weight: 8,
    draft: (world) => ({
      from: world.trader(),
      to: addressOf(world.trader()),
      value: parseEther(`${world.random.between(100, 400)}`),
      gas: 60_000n,
    }),
  },
  {
    name: "zero-value transfer",
    weight: 14,
    draft: (world) => ({
      from: world.trader(),
      to: world.receiver(),
      gas: 60_000n,
    }),
  },
  {
    name: "transfer to oneself",
    weight: 6,
    draft: (world) => {
      const from = world.trader();
      const value = world.random.amount(14, 15);
      return { from, to: addressOf(from), value, gas: 60_000n };
    },
  },
  {
    name: "transfer with a memo",
    weight: 10,
    draft: (world) => ({
      from: world.trader(),
      to: addressOf(world.trader()),
      value: world.random.amount(12, 15),
      data: stringToHex(world.random.pick(MEMOS)),
      gas: 60_000n,
    }),
  },
];
