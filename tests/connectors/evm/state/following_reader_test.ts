import assert from "node:assert/strict";
import type {
  Memory,
  OpenSource,
  ReadOptions,
  Row,
  SourceUnit,
} from "../../../../runtime/component.ts";
import { Changes } from "../../../../connectors/evm/state/changes.ts";
import { CallReader } from "../../../../connectors/evm/state/calls.ts";
import {
  FollowingReader,
} from "../../../../connectors/evm/state/following_reader.ts";
import { MULTICALL3 } from "../../../../connectors/evm/state/multicall.ts";
import { readField } from "../../../../connectors/evm/state/reads.ts";
import { StateTable } from "../../../../connectors/evm/state/table.ts";
import {
  everyField,
  type Trigger,
} from "../../../../connectors/evm/state/triggers.ts";
import type { Contracts } from "../../../../connectors/evm/state/contracts.ts";
import { Reports } from "../../../contracts/reports.ts";
import { ScriptedChain, shortMemory, word } from "./scripted_chain.ts";

const first = address(0xa1);
const second = address(0xb2);

function address(index: number): string {
  return `0x${index.toString(16).padStart(40, "0")}`;
}

/** Rows of the other source, by block. */
type Given = Readonly<Record<number, readonly Row[]>>;

interface Following {
  readonly every: string | { readonly on: string; readonly contract?: string };
  readonly contracts: Contracts;
  readonly given: Given;
  readonly onlyChanges?: readonly string[];
  readonly args?: Readonly<Record<string, unknown>>;
  readonly read?: string;
  readonly memory?: Memory;
  /** Blocks of which the other source knows the number alone. */
  readonly bare?: boolean;
}

const seenOnly: Contracts = {
  known: [],
  seen: { column: "pair", members: [], where: undefined },
};

const nothingKnown: Contracts = { known: [], seen: undefined };

function triggerOf(every: Following["every"]): Trigger {
  if (typeof every === "object") {
    const { contract, on } = every;
    return { kind: "rows", on, contract, where: undefined };
  }
  const trigger = everyField.read(every, new Reports().place);
  if (!trigger) throw new Error(every);
  return trigger;
}

/** A chain whose contracts return a hundredfold of the block. */
function chainOf(blocks: number): ScriptedChain {
  const chain = new ScriptedChain((_to, _data, { number }) => ({
    gas: 100,
    data: word(100 * number),
  }));
  chain.grow(blocks);
  return chain;
}

function open(chain: ScriptedChain, following: Following): FollowingReader {
  const { args = {}, bare = false, contracts, every, given } = following;
  const read = readField.read(
    following.read ?? "value() returns (uint256)",
    new Reports().place,
  );
  if (!read) throw new Error("No function");
  const { client, log } = chain.scripted;
  const upstream: OpenSource = {
    async *read({ after }: ReadOptions) {
      for (const block of chain.blocks) {
        if (block.number <= (after?.number ?? -1)) continue;
        const rows = given[block.number] ?? [];
        await Promise.resolve();
        yield {
          number: block.number,
          id: bare && rows.length === 0 ? "" : block.hash,
          time: bare ? 0 : block.time * 1000,
          rows: { every: rows, contracts: rows },
          bytes: 1,
          final: true,
        };
      }
    },
  };
  return new FollowingReader({
    upstream,
    client,
    changes: new Changes(
      following.onlyChanges,
      following.memory ?? shortMemory(),
    ),
    calls: new CallReader({
      client,
      log,
      multicall: MULTICALL3,
      limit: { gas: 3e7, bytes: 1e6 },
    }),
    table: new StateTable({
      args,
      contracts: contracts.known,
      distinct: [],
      reads: { value: read },
    }),
    contracts,
    trigger: triggerOf(every),
    inFlight: 4,
  });
}

async function rowsOf(
  chain: ScriptedChain,
  reader: FollowingReader,
  after?: number,
): Promise<unknown[][]> {
  const units = await chain.units(reader, {
    ...after === undefined ? {} : { after: { number: after, id: "" } },
  }) as SourceUnit[];
  return units.flatMap(({ number, rows }) =>
    (rows["rows"] ?? []).map((row) => [
      number,
      row["contract"],
      row["block_number"],
      row["value"],
    ])
  );
}

Deno.test("FollowingReader reads what rows name, in their block, once", async () => {
  const chain = chainOf(4);
  const reader = open(chain, {
    every: { on: "swaps" },
    contracts: nothingKnown,
    given: {
      1: [{ address: first }, { address: first }],
      3: [{ address: second }, { address: first }],
    },
  });
  assert.deepEqual(await rowsOf(chain, reader), [
    [1, first, 1, 100n],
    [3, second, 3, 300n],
    [3, first, 3, 300n],
  ]);
});

Deno.test("FollowingReader reads a contract from the block on that shows it", async () => {
  const chain = chainOf(7);
  const memory = shortMemory();
  const following: Following = {
    every: "2 blocks",
    contracts: seenOnly,
    given: { 1: [{ pair: first }], 4: [{ pair: second }, { pair: first }] },
    memory,
  };
  const rows = [
    [2, first, 2, 200n],
    [4, first, 4, 400n],
    [4, second, 4, 400n],
    [6, first, 6, 600n],
    [6, second, 6, 600n],
  ];
  assert.deepEqual(await rowsOf(chain, open(chain, following)), rows);
  // Another run, behind block 4, knows both; behind block 3 only the first.
  for (const after of [4, 3]) {
    assert.deepEqual(
      await rowsOf(chain, open(chain, following), after),
      rows.filter(([number]) => Number(number) > after),
    );
  }
});

Deno.test("FollowingReader takes arguments from the rows that cause a read", async () => {
  const chain = chainOf(3);
  const reader = open(chain, {
    every: { on: "listed" },
    contracts: {
      known: [{ name: "oracle", address: first, values: {} }],
      seen: undefined,
    },
    args: { asset: { column: "asset" } },
    read: "value(address asset) returns (uint256)",
    given: { 2: [{ asset: second }, { asset: null }, { asset: first }] },
  });
  const units = await chain.units(reader, {}) as SourceUnit[];
  const rows = units.flatMap(({ rows }) => rows["rows"] ?? []);
  assert.deepEqual(
    rows.map(({ asset, contract, name }) => [name, contract, asset]),
    [["oracle", first, second], ["oracle", first, first]],
  );
});

Deno.test("FollowingReader tells what is final of no unit that waits", async () => {
  const chain = chainOf(3);
  const { client, log } = chain.scripted;
  const upstream: OpenSource = {
    async *read({ onHead }: ReadOptions) {
      for (const { hash: id, number } of chain.blocks) {
        const rows = { every: [], contracts: [] };
        yield { id, number, time: 0, rows, bytes: 1, final: false };
        onHead({ latest: 2, finalized: number });
      }
    },
  };
  const reader = new FollowingReader({
    ...{ client, upstream },
    changes: new Changes(undefined, shortMemory()),
    calls: new CallReader({
      ...{ client, log },
      multicall: MULTICALL3,
      limit: { gas: 3e7, bytes: 1e6 },
    }),
    table: new StateTable({
      ...{ args: {}, contracts: [], distinct: [], reads: {} },
    }),
    contracts: nothingKnown,
    trigger: triggerOf({ on: "swaps" }),
    inFlight: 4,
  });
  const events: string[] = [];
  const units = reader.read({
    ...{ after: undefined, from: undefined, to: undefined },
    signal: new AbortController().signal,
    onHead: ({ finalized }) => events.push(`final ${finalized}`),
  });
  for await (const unit of units) {
    if (unit === "fork") continue;
    // All of them have been read ahead by then.
    for (let turns = 0; turns < 50; turns++) await Promise.resolve();
    events.push(`unit ${unit.number}`);
  }
  assert.deepEqual(events, [
    ...["unit 0", "final 0", "unit 1", "final 1", "unit 2", "final 2"],
  ]);
});

Deno.test("FollowingReader asks for blocks of which it was told a number alone", async () => {
  const chain = chainOf(12);
  const contracts: Contracts = {
    known: [{ name: undefined, address: first, values: {} }],
    seen: undefined,
  };
  const given = { 3: [{ pair: second }] };
  const reader = open(chain, {
    ...{ contracts, given },
    every: "5 blocks",
    bare: true,
  });
  const units = await chain.units(reader, {}) as SourceUnit[];
  const rows = units.flatMap(({ rows }) => rows["rows"] ?? []);
  assert.deepEqual(
    rows.map(({ block_hash, block_number }) => [block_number, block_hash]),
    [0, 5, 10].map((number) => [number, chain.blocks[number]?.hash]),
  );
  // By time as well: the blocks are twelve seconds apart.
  const timed = open(chain, {
    ...{ contracts, given },
    every: "1m",
    bare: true,
  });
  const exact = open(chain, { ...{ contracts, given }, every: "1m" });
  const numbers = (await rowsOf(chain, timed)).map(([number]) => number);
  assert.deepEqual(
    numbers,
    (await rowsOf(chain, exact)).map(([number]) => number),
  );
  assert.ok(numbers.length >= 2);
});
