import assert from "node:assert/strict";
import { Ledger } from "../../../runtime/budget/ledger.ts";
import type { LedgerStore } from "../../../runtime/budget/ledger_store.ts";
import { FakeClock } from "../../fixtures/fake_clock.ts";
import { Fleet, type Member } from "./fleet.ts";

const endpoint = "00ff00ff00ff00ff";
const hour = 3_600_000;
const warning = "Cannot share what endpoints were found unable to do";

/** What a process has found out, for an hour. */
function learn({ clock, ledger }: Member, name: string, value = 1): void {
  ledger.facts(endpoint).learn({ name, value, until: clock.now() + hour });
}

/** What a process that starts now knows, as `name value`. */
async function knownTo({ ledger }: Member): Promise<string[]> {
  const known = await ledger.facts(endpoint).known;
  return known.map(({ name, value }) => `${name} ${value}`).sort();
}

Deno.test("Ledger.facts() are known to processes that start later, within a second", async () => {
  await using fleet = await Fleet.make();
  const one = fleet.start();
  assert.deepEqual(await knownTo(one), []);
  learn(one, "range", 50);
  learn(one, "batch", 10);
  learn(one, "batch", 5);
  await fleet.clock.advance(900);
  assert.deepEqual(await knownTo(fleet.start()), []);
  await fleet.clock.advance(200);
  fleet.kill(one);
  assert.deepEqual(await knownTo(fleet.start()), ["batch 5", "range 50"]);
  const other = await fleet.start().ledger.facts("another endpoint").known;
  assert.deepEqual(other, []);
});

Deno.test("Ledger.facts() are kept when a process ends", async () => {
  await using fleet = await Fleet.make();
  const one = fleet.start();
  learn(one, "range", 50);
  await one.ledger[Symbol.asyncDispose]();
  const [, two] = [learn(fleet.start(), "batch"), fleet.start()];
  assert.deepEqual(await knownTo(two), ["range 50"]);
});

Deno.test("Ledger.facts() that are over are forgotten by all", async () => {
  await using fleet = await Fleet.make();
  const [one, two] = [fleet.start(), fleet.start()];
  learn(one, "range");
  learn(one, "batch");
  await fleet.clock.advance(1000);
  two.ledger.facts(endpoint).learn({ name: "range", value: 0, until: 0 });
  await fleet.clock.advance(1000);
  assert.deepEqual(await knownTo(fleet.start()), ["batch 1"]);
  await fleet.clock.advance(hour);
  assert.deepEqual(await knownTo(fleet.start()), []);
});

Deno.test("Ledger.facts() wait for a store that is away, and say so once", async () => {
  await using fleet = await Fleet.make();
  const one = fleet.start();
  one.store.isAway = true;
  assert.deepEqual(await knownTo(one), []);
  await one.ledger.recalled();
  learn(one, "range");
  await fleet.clock.advance(5000);
  learn(one, "batch");
  await fleet.clock.advance(5000);
  assert.deepEqual(one.lines, [warning]);
  one.store.isAway = false;
  await fleet.clock.advance(1000);
  assert.deepEqual(await knownTo(fleet.start()), ["batch 1", "range 1"]);
  assert.deepEqual(one.lines, [warning]);
});

Deno.test("Ledger.facts() keeps the last word where an earlier one was not stored", async () => {
  await using fleet = await Fleet.make();
  const one = fleet.start();
  const failing = Promise.withResolvers<void>();
  const { learn: store } = one.store;
  one.store.learn = () => failing.promise;
  learn(one, "range", 50);
  await fleet.clock.advance(1000);
  learn(one, "range", 10);
  one.store.learn = store;
  failing.reject(new Error("Gone"));
  await fleet.clock.advance(1000);
  assert.deepEqual(await knownTo(fleet.start()), ["range 10"]);
});

Deno.test("Ledger.recalled() does not wait long for a store that hangs", async () => {
  const clock = new FakeClock();
  const opening = Promise.withResolvers<LedgerStore>();
  await using cleanup = new AsyncDisposableStack();
  const ledger = new Ledger({ clock, open: () => opening.promise });
  cleanup.use(ledger);
  cleanup.defer(() => opening.reject(new Error("Gone")));
  await ledger.recalled();
  const { known } = ledger.facts(endpoint);
  let waits = true;
  const recalled = ledger.recalled().then(() => waits = false);
  await clock.advance(900);
  assert.ok(waits);
  await clock.advance(100);
  await recalled;
  opening.reject(new Error("Gone"));
  assert.deepEqual(await known, []);
});

Deno.test("Ledger.facts() of a ledger that only looks are not kept", async () => {
  await using fleet = await Fleet.make();
  const one = fleet.start();
  const { clock, store } = one;
  await using looking = new Ledger({
    clock,
    readOnly: true,
    open: () => Promise.resolve(store),
  });
  const facts = looking.facts(endpoint);
  facts.learn({ name: "range", value: 1, until: clock.now() + hour });
  await fleet.clock.advance(2000);
  assert.deepEqual(await knownTo(one), []);
});
