import assert from "node:assert/strict";
import { RetryableError } from "../../../runtime/errors.ts";
import { holdLease, type Lease } from "../../../runtime/run/lease.ts";
import { LeaseClock } from "../../../runtime/run/lease_clock.ts";
import { createLogger } from "../../../runtime/run/log.ts";
import { PatientState } from "../../../runtime/run/patient_state.ts";
import {
  leaseTtl,
  openSqliteState,
} from "../../../runtime/run/sqlite_state.ts";
import {
  FencedError,
  type Owner,
  type StateStore,
} from "../../../runtime/run/state.ts";
import { FakeClock, settled } from "../../fixtures/fake_clock.ts";

/** How long the lease of these tests lasts, ms. */
const lasts = 10_000;

/** A store whose server can be away, and be taken over by others. */
class ToyServer {
  readonly clock = new FakeClock();
  away = false;
  fenced = false;
  owner: Owner | undefined;
  renewals = 0;
  #end = 0;

  readonly store = {
    acquire: () => {
      this.#ask();
      if (!this.owner) this.#end = this.clock.now() + lasts;
      return Promise.resolve(this.owner);
    },
    renew: async () => {
      await Promise.resolve();
      this.#ask();
      if (this.fenced) throw new FencedError("Another process has taken over");
      this.renewals++;
      this.#end = this.clock.now() + lasts;
    },
    lasts: () => this.fenced ? 0 : this.#end - this.clock.now(),
    origin: async () => {
      await Promise.resolve();
      this.#ask();
      return 7;
    },
  } as unknown as StateStore;

  #ask(): void {
    if (this.away) throw new RetryableError("Nobody answers");
  }
}

interface Held extends AsyncDisposable {
  readonly server: ToyServer;
  readonly lease: Lease;
  readonly log: string[];
  readonly stop: AbortController;
  /** Whether a write could leave at once. */
  free(): Promise<boolean>;
}

function logTo(lines: string[]) {
  return createLogger({
    level: "info",
    secrets: [],
    write: ({ message }) => lines.push(message),
  });
}

/** A lease that is held. */
async function hold(): Promise<Held> {
  const server = new ToyServer();
  const log: string[] = [];
  const stop = new AbortController();
  const lease = await holdLease("toy", {
    state: server.store,
    clock: server.clock,
    log: logTo(log),
    drain: new AbortController().signal,
    stop: stop.signal,
    failed: (error) => stop.abort(error),
  });
  assert.ok(lease);
  return {
    server,
    lease,
    log,
    stop,
    async free() {
      let free = false;
      lease.hold().then(() => free = true, () => {});
      await settled();
      return free;
    },
    [Symbol.asyncDispose]: async () => await lease[Symbol.asyncDispose](),
  };
}

Deno.test("Lease.hold() lets a write leave while the lease is renewed", async () => {
  await using held = await hold();
  for (let second = 0; second < 60; second++) {
    await held.server.clock.advance(1000);
    assert.ok(await held.free());
  }
  assert.ok(held.server.renewals >= 15);
  assert.deepEqual(held.log, []);
});

Deno.test("Lease.hold() holds writes back from the end of the lease until its renewal", async () => {
  await using held = await hold();
  const { clock } = held.server;
  const signal = await held.lease.hold();
  held.server.away = true;
  await clock.advance(lasts - 1);
  assert.ok(await held.free());
  assert.ok(!signal.aborted);
  await clock.advance(1);
  assert.ok(signal.aborted, "what is under way is cut off");
  assert.ok(!await held.free());
  await clock.advance(60_000);
  assert.ok(!await held.free());
  held.server.away = false;
  await clock.advance(1000);
  assert.ok(await held.free());
  assert.ok(!(await held.lease.hold()).aborted);
  assert.deepEqual(held.log, [
    "Cannot renew the lease, tries again",
    "The lease has run out; writes nothing until it is renewed",
    "The lease is renewed, goes on",
  ]);
});

Deno.test("Lease.hold() asks the clock of a process that wakes up before any timer", async () => {
  await using held = await hold();
  // As after SIGCONT: time has passed, and no timer has run.
  held.server.clock.jump(60_000);
  let left = false;
  const holding = held.lease.hold().then(() => left = true);
  assert.equal(left, false);
  await settled();
  assert.equal(held.server.renewals, 1, "renewed at once");
  await holding;
});

Deno.test("Lease.hold() ends with the reason when another process has taken over", async () => {
  await using held = await hold();
  held.server.fenced = true;
  held.server.clock.jump(60_000);
  await assert.rejects(held.lease.hold(), FencedError);
  assert.ok(held.stop.signal.reason instanceof FencedError);
  await assert.rejects(held.lease.hold(), FencedError);
});

Deno.test("holdLease() waits for the holder and for the server, and says so once", async () => {
  const server = new ToyServer();
  const log: string[] = [];
  const drain = new AbortController();
  server.away = true;
  const options = {
    state: server.store,
    clock: server.clock,
    log: logTo(log),
    drain: drain.signal,
    stop: new AbortController().signal,
    failed: () => {},
  };
  const waiting = holdLease("toy", options);
  await server.clock.advance(60_000);
  server.away = false;
  server.owner = { pid: 7, host: "elsewhere", since: 0 };
  await server.clock.advance(60_000);
  server.owner = undefined;
  await server.clock.advance(1000);
  const lease = await waiting;
  assert.ok(lease);
  await lease[Symbol.asyncDispose]();
  assert.deepEqual(log, [
    "Cannot ask for the lease, tries again",
    'Pipeline "toy" is run by process 7 on elsewhere; waits until that ends',
    'Has taken over pipeline "toy"',
  ]);

  server.owner = { pid: 7, host: "elsewhere", since: 0 };
  const told = holdLease("toy", options);
  await settled();
  drain.abort();
  assert.equal(await told, undefined);
});

Deno.test("PatientState waits for its server and says so once", async () => {
  const server = new ToyServer();
  const log: string[] = [];
  const stop = new AbortController();
  const state = new PatientState(server.store, {
    clock: server.clock,
    log: logTo(log),
    stop: stop.signal,
  });
  server.away = true;
  const asked = Promise.all([state.origin("a"), state.origin("b")]);
  await server.clock.advance(120_000);
  server.away = false;
  await server.clock.advance(60_000);
  assert.deepEqual(await asked, [7, 7]);
  assert.deepEqual(log, [
    "The state store does not answer, waits",
    "The state store answers again",
  ]);
  server.away = true;
  const last = state.origin("a");
  await settled();
  stop.abort(new FencedError("Taken over"));
  await assert.rejects(last, FencedError);
});

Deno.test("LeaseClock believes the clock that says first that the lease is over", () => {
  const clock = new FakeClock();
  let elapsed = 0;
  const lease = new LeaseClock(clock, () => elapsed);
  assert.ok(lease.left() <= 0);
  lease.extend(lease.now(), 1000);
  assert.equal(lease.left(), 1000);
  clock.jump(-5000);
  elapsed += 400;
  assert.equal(lease.left(), 600, "the wall clock was set back");
  elapsed += 600;
  assert.equal(lease.left(), 0);

  lease.extend(lease.now(), 1000);
  clock.jump(3000);
  assert.ok(lease.left() <= 0, "the machine slept");
  const before = lease.now();
  elapsed += 100;
  clock.jump(100);
  lease.extend(lease.now(), 1000);
  lease.extend(before, 1000);
  assert.equal(lease.left(), 1000, "an older renewal is answered later");
  lease.end();
  assert.equal(lease.left(), 0);
});

Deno.test("SqliteState.lasts() ends before another process may begin", async () => {
  const clock = new FakeClock();
  await using state = openSqliteState(":memory:", { clock });
  assert.ok(state.lasts() <= 0);
  await state.acquire();
  assert.ok(state.lasts() > 0);
  clock.jump(leaseTtl - 1000);
  assert.ok(state.lasts() <= 0);
});
