import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { RetryableError } from "../../../runtime/errors.ts";
import type { Book } from "../../../runtime/budget/book.ts";
import { openSqliteLedger } from "../../../runtime/budget/sqlite_ledger.ts";
import { ledgerContract } from "../../contracts/ledger_contract.ts";
import { FakeClock } from "../../fixtures/fake_clock.ts";

const empty: Book = {
  time: 0,
  wall: 0,
  closedUntil: 0,
  spent: {},
  holders: {},
};

ledgerContract({
  name: "SQLite",
  async arrange() {
    const folder = await Deno.makeTempDir({ prefix: "sluice-ledger-" });
    const clock = new FakeClock(Date.now());
    const path = join(folder, "usage.db");
    const elapsed = () => clock.now();
    const open = (options: { readonly readOnly?: boolean } = {}) =>
      openSqliteLedger(path, { clock, elapsed, ...options });
    return {
      account: "team",
      open: (options) => Promise.resolve(open(options)),
      now: () => clock.now(),
      pass: () => clock.advance(2500),
      short: 1000,
      long: 9000,
      [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
    };
  },
});

/** A file, and a process's view of it on clocks of its own. */
async function arrange() {
  const folder = await Deno.makeTempDir({ prefix: "sluice-ledger-" });
  const path = join(folder, "usage.db");
  const clock = new FakeClock();
  let elapsed = 0;
  return {
    path,
    clock,
    run: (ms: number) => elapsed += ms,
    open: () => openSqliteLedger(path, { clock, elapsed: () => elapsed }),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

const place = { account: "team", lasts: 9000, lingers: 1500 };

Deno.test("openSqliteLedger() goes on with its clock when the machine's is set", async () => {
  await using bench = await arrange();
  const { clock } = bench;
  await using one = bench.open();
  await using two = bench.open();
  const began = clock.now();
  const time = async (id: "one" | "two") => {
    let seen = 0;
    await { one, two }[id].change({ ...place, id }, (now) => {
      seen = now.time;
      return empty;
    });
    return seen - began;
  };
  assert.equal(await time("one"), 0);
  clock.jump(3_600_000);
  bench.run(1000);
  assert.equal(await time("one"), 1000);
  assert.equal(await time("two"), 1000, "also who comes later");
  clock.jump(-7_200_000);
  bench.run(1000);
  assert.equal(await time("two"), 2000);
  assert.equal(await time("one"), 2000);
  bench.run(60_000);
  assert.equal(
    await time("one"),
    -3_600_000,
    "nobody was there: the machine's",
  );
});

Deno.test("openSqliteLedger() frees the place of a killed process soon", async () => {
  await using bench = await arrange();
  const child = new Deno.Command(Deno.execPath(), { args: ["--version"] })
    .spawn();
  const { pid } = child;
  await using store = bench.open();
  await store.change({ ...place, id: "killed" }, () => empty);
  {
    // As the process itself has written it.
    using db = new DatabaseSync(bench.path);
    db.prepare("UPDATE places SET pid = ?, started = 'long ago'").run(pid);
  }
  await child.status;
  const live = async () => {
    let ids: string[] = [];
    await store.change({ ...place, id: "other" }, ({ live }) => {
      ids = [...live].sort();
      return empty;
    });
    return ids;
  };
  assert.deepEqual(await live(), ["killed"], "its last calls may still count");
  bench.run(1400);
  assert.deepEqual(await live(), ["killed", "other"]);
  bench.run(200);
  assert.deepEqual(await live(), ["other"]);
});

Deno.test("openSqliteLedger() makes no file for who only asks", async () => {
  await using bench = await arrange();
  await using store = bench.open();
  assert.deepEqual(await store.learned("0f"), []);
  await assert.rejects(Deno.stat(bench.path), Deno.errors.NotFound);
  const until = bench.clock.now() + 1000;
  const fact = { endpoint: "0f", name: "batch", value: 1, until };
  await store.learn([fact]);
  assert.deepEqual(await store.learned("0f"), [fact]);
});

Deno.test("openSqliteLedger() can be asked again when the file is busy", async () => {
  await using bench = await arrange();
  await using store = bench.open();
  using other = new DatabaseSync(bench.path);
  other.exec("BEGIN IMMEDIATE");
  await assert.rejects(
    store.change({ ...place, id: "one" }, () => empty),
    RetryableError,
  );
  other.exec("COMMIT");
  await store.change({ ...place, id: "one" }, () => empty);
});
