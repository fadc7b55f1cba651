import assert from "node:assert/strict";
import {
  type LogFilter,
  logQuery,
} from "../../../../connectors/evm/chain/log_query.ts";
import { bloomOf, mayHold } from "../../../../connectors/evm/chain/bloom.ts";
import { transferTopics } from "../../../../connectors/evm/chain/transfers.ts";
import { Bloom } from "../../../fixtures/simulated/bloom.ts";
import type { Predicate, Used } from "../../../../runtime/component.ts";

type Written = Readonly<Record<string, readonly string[]>>;

const hex = (digit: string, length: number) => `0x${digit.repeat(length)}`;
const [a, b] = [hex("a", 40), hex("b", 40)];
const [x, y] = [hex("1", 64), hex("2", 64)];

function predicate(written: readonly Written[]): Predicate {
  return written.map((term) =>
    new Map(
      Object.entries(term).map(([column, values]) => [column, new Set(values)]),
    )
  );
}

/** The filters for needs by port; `null` is a port without any. */
function filters(
  ports: Readonly<Record<string, readonly Written[] | null>>,
  where: Readonly<Record<string, readonly Written[]>> = {},
): readonly LogFilter[] | undefined {
  const used: Used = new Map(
    Object.keys(ports).map((port) => [port, new Set<string>()]),
  );
  const needed = new Map(
    Object.entries(ports).flatMap(([port, terms]) =>
      terms ? [[port, predicate(terms)] as const] : []
    ),
  );
  const cut = new Map(
    Object.entries(where).map(([port, terms]) =>
      [port, predicate(terms)] as const
    ),
  );
  return logQuery({ used, needed, where: cut })?.filters;
}

Deno.test("logQuery() asks for nothing when no port is made of logs", () => {
  assert.equal(filters({ blocks: null }), undefined);
});

Deno.test("logQuery() asks for every log when one reader needs them all", () => {
  assert.deepEqual(filters({ logs: null }), [{}]);
  assert.deepEqual(
    filters({ logs: null, token_transfers: [{ token_address: [a] }] }),
    [{}],
  );
  assert.deepEqual(filters({ logs: [{ data: [a] }] }), [{}]);
});

Deno.test("logQuery() asks by address and topics", () => {
  assert.deepEqual(
    filters({ logs: [{ address: [a], "topics.0": [x], topic2: [y] }] }),
    [{ address: [a], topics: [[x], null, [y]] }],
  );
});

Deno.test("logQuery() makes one question of those that ask for the same places", () => {
  assert.deepEqual(
    filters({
      logs: [
        { address: [a], "topics.0": [x] },
        { address: [b], "topics.0": [y] },
        { "topics.0": [y] },
      ],
    }),
    [{ address: [a, b], topics: [[x, y]] }, { topics: [[y]] }],
  );
});

Deno.test("logQuery() looks for a topic in every place when it may be anywhere", () => {
  assert.deepEqual(filters({ logs: [{ "topics.*": [x] }] }), [
    { topics: [[x]] },
    { topics: [null, [x]] },
    { topics: [null, null, [x]] },
    { topics: [null, null, null, [x]] },
  ]);
  assert.deepEqual(
    filters({ logs: [{ "topics.*": [x], address: [a] }] }),
    [{ address: [a] }],
  );
});

Deno.test("logQuery() finds the logs that transfers are made of", () => {
  assert.deepEqual(filters({ token_transfers: [{ token_address: [a] }] }), [
    { address: [a], topics: [transferTopics] },
  ]);
  assert.deepEqual(filters({ token_transfers: null }), [
    { topics: [transferTopics] },
  ]);
});

Deno.test("logQuery() needs what where and readers both let through", () => {
  assert.deepEqual(
    filters({ logs: [{ "topics.0": [x] }] }, { logs: [{ address: [a] }] }),
    [{ address: [a], topics: [[x]] }],
  );
  assert.deepEqual(
    filters({ logs: [{ address: [b] }] }, { logs: [{ address: [a] }] }),
    [],
  );
});

Deno.test("logQuery() leaves out a list that is too long for a provider", () => {
  const many = Array.from(
    { length: 1001 },
    (_, index) => `0x${index.toString(16).padStart(40, "0")}`,
  );
  assert.deepEqual(
    filters({ logs: [{ address: many, "topics.0": [x] }] }),
    [{ topics: [[x]] }],
  );
});

Deno.test("bloomOf() makes the bloom of a block's logs, mayHold() finds them", () => {
  const bloom = new Bloom();
  const log = { address: a, topics: [x, y] } as const;
  bloom.addLog(log as unknown as Parameters<Bloom["addLog"]>[0]);
  const text = bloom.toHex();
  assert.equal(bloomOf([a, x, y]), text);
  for (const item of [a, x, y]) assert.ok(mayHold(text, item));
  assert.equal(mayHold(text, b), false);
});

Deno.test("LogQuery.fitting() leaves out what a bloom does not hold", () => {
  const used: Used = new Map([["logs", new Set(["data"])]]);
  const query = logQuery({
    used,
    needed: new Map([[
      "logs",
      predicate([{ address: [a], "topics.0": [x] }, { "topics.0": [y] }]),
    ]]),
    where: new Map(),
  });
  const fitting = (...items: string[]) => query?.fitting(bloomOf(items)).length;
  assert.equal(fitting(a, x), 1);
  assert.equal(fitting(a, x, y), 2);
  assert.equal(fitting(b, x), 0);
  // A chain that leaves blooms empty says nothing.
  assert.equal(fitting(), 2);
});
