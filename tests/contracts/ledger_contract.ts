/**
 * What every store of shared budgets has to do, as tests that a store passes
 * by being opened.
 *
 * @module
 */
import assert from "node:assert/strict";
import type {
  Book,
  Fact,
  HourOfKey,
  LedgerPlace,
  LedgerStore,
  Seen,
} from "../../runtime/component.ts";

/** A fresh place for one test. */
export interface LedgerBench extends AsyncDisposable {
  /** An account that is new; so is every name that begins with it. */
  readonly account: string;
  /** What another process would open. */
  open(options?: { readonly readOnly?: boolean }): Promise<LedgerStore>;
  /** The time that facts are over by, ms since 1970. */
  now(): number;
  /** A time passes in which `short` ends and twice `long` does not. */
  pass(): Promise<void>;
  /** How long places last, ms. */
  readonly short: number;
  readonly long: number;
}

/** A store and how to try it. */
export interface LedgerCase {
  /** What the tests are called. */
  readonly name: string;
  arrange(): Promise<LedgerBench>;
  /** Registers a test; by default Deno's. */
  test?(name: string, run: () => Promise<void>): void;
}

/** Processes that change one book at the same time, and how often each. */
const contenders = 4;
const changes = 6;

const empty: Book = {
  time: 0,
  wall: 0,
  closedUntil: 0,
  spent: {},
  holders: {},
};

/** Register the tests of a store. */
export function ledgerContract(options: LedgerCase): void {
  const { name, test = Deno.test } = options;

  /** A test with a store, in which nothing is yet. */
  const opened = (
    title: string,
    run: (store: LedgerStore, bench: LedgerBench) => Promise<void>,
  ) =>
    test(`${name} ledger: ${title}`, async () => {
      await using bench = await options.arrange();
      await using store = await bench.open();
      await run(store, bench);
    });

  const place = (
    { account, long }: LedgerBench,
    some: Partial<LedgerPlace> = {},
  ): LedgerPlace => ({
    account,
    id: "one",
    lasts: long,
    lingers: 0,
    ...some,
  });

  opened("it is empty before the first change", async (store, { account }) => {
    const { book, live, time, wall } = await store.look(account);
    assert.equal(book, undefined);
    assert.equal(live.size, 0);
    assert.ok(time > 0 && wall > 0);
    assert.deepEqual(await store.counted(account, 0), []);
    assert.deepEqual(await store.learned(account), []);
  });

  opened("who only looks sees what others write first", async (_, bench) => {
    const { account } = bench;
    await using looking = await bench.open();
    assert.equal((await looking.look(account)).book, undefined);
    await using writing = await bench.open();
    await writing.change(place(bench), () => empty);
    assert.deepEqual((await looking.look(account)).book, empty);
    assert.equal((await looking.look(account)).live.size, 1);
  });

  opened("it gives back each account's book", async (store, bench) => {
    const full: Book = {
      time: 1.5,
      wall: 2.5,
      closedUntil: Date.UTC(2026, 0, 2),
      spent: { "credits 60000": { "600": 2 ** 40, "1200": 0.5 } },
      holders: { "é": {} },
    };
    const { account } = bench;
    const other = `${account} other`;
    await store.change(place(bench), () => full);
    await store.change(place(bench, { account: other }), () => empty);
    await using looking = await bench.open({ readOnly: true });
    assert.deepEqual((await looking.look(account)).book, full);
    assert.deepEqual((await looking.look(other)).book, empty);
    assert.equal((await looking.look(`${account} none`)).book, undefined);
  });

  opened("a change sees what the last one has left", async (store, bench) => {
    const stores = await Promise.all(
      Array.from({ length: contenders }, () => bench.open()),
    );
    await Promise.all(stores.map(async (each, index) => {
      await using _ = each;
      for (let i = 0; i < changes; i++) {
        const own = place(bench, { id: `process ${index}` });
        await each.change(own, ({ book = empty }) => ({
          ...book,
          time: book.time + 1,
        }));
      }
    }));
    const { book, live } = await store.look(bench.account);
    assert.equal(book?.time, contenders * changes);
    assert.equal(live.size, contenders);
  });

  opened("who renews lives, who does not is gone", async (store, bench) => {
    const { account, short } = bench;
    const change = (id: string, lasts: number) =>
      store.change(place(bench, { id, lasts }), ({ book = empty }) => book);
    await change("stays", bench.long);
    await change("goes", short);
    await change("renewed", short);
    await change("renewed", bench.long);
    const ids = ({ live }: Seen) => [...live].sort();
    assert.deepEqual(ids(await store.look(account)), [
      ...["goes", "renewed", "stays"],
    ]);
    await bench.pass();
    assert.deepEqual(ids(await store.look(account)), ["renewed", "stays"]);
    let seen: Seen | undefined;
    await store.change(place(bench, { id: "new" }), (now) => {
      seen = now;
      return empty;
    });
    assert.deepEqual(seen && ids(seen), ["renewed", "stays"]);
    assert.equal((await store.look(`${account} other`)).live.size, 0);
  });

  opened("a book stays when nobody lives", async (store, bench) => {
    const { account, short } = bench;
    await store.change(place(bench, { lasts: short }), () => empty);
    const before = await store.look(account);
    await bench.pass();
    const { book, live, time, wall } = await store.look(account);
    assert.deepEqual([book, live.size], [empty, 0]);
    assert.ok(time - before.time >= short);
    assert.ok(wall - before.wall >= short);
  });

  opened("the last word on an hour counts", async (store, bench) => {
    const { account } = bench;
    const hour = Math.floor(Date.now() / 3_600_000) * 3_600_000;
    const one: HourOfKey = {
      account,
      key: "00ff",
      process: "a",
      hour,
      calls: 3,
      credits: 240,
    };
    await store.count([one, { ...one, hour: hour - 3_600_000 }]);
    const later = { ...one, calls: 5, credits: 2 ** 40 };
    await store.count([later, { ...one, process: "b" }]);
    await store.count([{ ...one, account: `${account} other` }]);
    await using looking = await bench.open({ readOnly: true });
    const now = await looking.counted(account, hour);
    const sorted = now.toSorted((a, b) => a.process < b.process ? -1 : 1);
    assert.deepEqual(sorted, [later, { ...one, process: "b" }]);
    assert.equal((await looking.counted(account, 0)).length, 3);
  });

  opened("the last word on a fact counts", async (store, bench) => {
    const { account: endpoint } = bench;
    const until = bench.now() + bench.long;
    const one: Fact = { endpoint, name: "range é", value: 10, until };
    const two: Fact = { endpoint, name: "oldest", value: 2 ** 52, until };
    await store.learn([]);
    await store.learn([one, two, { ...one, endpoint: `${endpoint} other` }]);
    const later = { ...one, value: 0.5, until: until + 1 };
    await using other = await bench.open();
    await other.learn([later]);
    await using looking = await bench.open({ readOnly: true });
    const known = async () =>
      (await looking.learned(endpoint))
        .toSorted((a, b) => a.name < b.name ? -1 : 1);
    assert.deepEqual(await known(), [two, later]);
    await store.learn([{ ...later, value: 0, until: 0 }]);
    assert.deepEqual(await known(), [two]);
    assert.equal((await looking.learned(`${endpoint} other`)).length, 1);
    assert.deepEqual(await looking.learned(`${endpoint} none`), []);
  });

  opened("a fact ends", async (store, bench) => {
    const { account: endpoint, long, short } = bench;
    const fact = (name: string, lasts: number): Fact => ({
      ...{ endpoint, name, value: 1, until: bench.now() + lasts },
    });
    await store.learn([fact("stays", 2 * long), fact("goes", short)]);
    assert.equal((await store.learned(endpoint)).length, 2);
    await bench.pass();
    const left = await store.learned(endpoint);
    assert.deepEqual(left.map(({ name }) => name), ["stays"]);
  });

  test(`${name} ledger: a change that fails changes nothing`, async () => {
    await using bench = await options.arrange();
    await using store = await bench.open();
    await store.change(place(bench), () => empty);
    const fails = store.change(place(bench, { id: "two" }), () => {
      throw new RangeError("No");
    });
    await assert.rejects(fails, RangeError);
    const { book, live } = await store.look(bench.account);
    assert.deepEqual([book, [...live]], [empty, ["one"]]);
  });
}
