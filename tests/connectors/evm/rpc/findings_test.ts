/**
 * What one process finds out about an endpoint, as others know it.
 *
 * @module
 */
import assert from "node:assert/strict";
import * as fc from "fast-check";
import { Capabilities } from "../../../../connectors/evm/rpc/capabilities.ts";
import { classify, RpcError } from "../../../../connectors/evm/rpc/errors.ts";
import { Findings } from "../../../../connectors/evm/rpc/findings.ts";
import { Tariff } from "../../../../connectors/evm/rpc/plan.ts";
import type { Facts } from "../../../../runtime/component.ts";
import { FakeClock } from "../../../fixtures/fake_clock.ts";
import { Fleet } from "../../../runtime/budget/fleet.ts";
import { balance, hex, logs } from "./calls.ts";
import { ScriptedClient } from "./scripted_client.ts";

const endpoint = "00ff00ff00ff00ff";
const minute = 60_000;
const hour = 60 * minute;
const RECEIPTS = "eth_getBlockReceipts";

const receipts = { method: RECEIPTS, params: [hex(7)] };

function refusal(code: number, message: string): RpcError {
  return classify({ status: 200, body: { error: { code, message } } })!;
}
const unknown = () => refusal(-32601, "the method does not exist");

/** What a process that starts now thinks of the endpoint. */
async function start(fleet: Fleet): Promise<Capabilities> {
  const facts = fleet.start().ledger.facts(endpoint);
  const can = new Capabilities(new Tariff({}), fleet.clock, facts);
  await facts.known;
  return can;
}

Deno.test("Capabilities knows what earlier processes have found out, until its time is over", async () => {
  await using fleet = await Fleet.make();
  const { clock } = fleet;
  const first = await start(fleet);
  const range = "eth_getLogs is limited to a 1,000 range";
  first.failed(logs(1, 5000), refusal(-32614, range));
  const results = "query returned more than 300 results";
  first.failed(logs(1, 1000), refusal(-32005, results));
  first.failed(receipts, unknown());
  first.failed(receipts, unknown());
  first.succeeded({ method: "eth_blockNumber", params: [] }, hex(1000));
  first.failed(balance(500), refusal(-32000, "missing trie node 12ab"));
  first.refusedBatch(100, "batch larger than 10");
  await clock.advance(30 * minute);

  const next = await start(fleet);
  assert.deepEqual(next.logs, { range: 1000, results: 300 });
  assert.equal(next.inability(logs(1, 1001)), "size");
  assert.equal(next.inability(receipts), "method");
  assert.equal(next.inability(balance(500)), "pruned");
  assert.equal(next.inability(balance(501)), undefined);
  assert.equal(next.batch, 10);
  const until = new Date(clock.now() + 30 * minute).toISOString();
  assert.deepEqual(next.shortcomings.map(({ what }) => what).sort(), [
    "batches of more than 10 calls",
    "eth_getBalance before block 501",
    RECEIPTS,
    "eth_getLogs of more than 1000 blocks",
    "eth_getLogs with more than 300 results",
  ]);
  assert.ok(next.shortcomings.every((one) => one.until === until));

  await clock.advance(30 * minute);
  for (const can of [next, await start(fleet)]) {
    assert.deepEqual(can.shortcomings, []);
    assert.deepEqual(can.logs, {});
    assert.equal(can.inability(receipts), undefined);
    assert.equal(can.inability(balance(5)), undefined);
    assert.equal(can.batch, undefined);
  }
});

Deno.test("Capabilities counts refusals of a method in all processes", async () => {
  await using fleet = await Fleet.make();
  const first = await start(fleet);
  first.failed(receipts, unknown());
  assert.deepEqual(first.shortcomings, []);
  await fleet.clock.advance(1000);
  const next = await start(fleet);
  assert.equal(next.inability(receipts), undefined);
  next.failed(receipts, unknown());
  assert.equal(next.inability(receipts), "method");
});

Deno.test("Capabilities forgets for all what a success contradicts", async () => {
  await using fleet = await Fleet.make();
  const first = await start(fleet);
  first.failed(receipts, unknown());
  first.failed(receipts, unknown());
  first.succeeded({ method: "eth_blockNumber", params: [] }, hex(1000));
  first.failed(balance(500), refusal(-32000, "missing trie node 12ab"));
  assert.ok(!first.doubt(receipts), "it has seen that itself");
  await fleet.clock.advance(1000);

  const next = await start(fleet);
  for (const call of [receipts, balance(500)]) {
    assert.ok(next.doubt(call));
    assert.equal(next.inability(call), undefined);
    assert.ok(!next.doubt(call), "once");
  }
  next.succeeded(receipts, []);
  next.succeeded(balance(500), null);
  await fleet.clock.advance(1000);
  assert.equal((await start(fleet)).inability(balance(500)), "pruned");
  next.succeeded(balance(500), "0x0");
  await fleet.clock.advance(1000);
  const last = await start(fleet);
  assert.deepEqual(last.shortcomings, []);
});

Deno.test("Capabilities doubts no more than what stands against a call alone", async () => {
  await using fleet = await Fleet.make();
  const first = await start(fleet);
  first.failed(logs(1, 500), refusal(-32614, "limited to a 100 range"));
  first.failed(receipts, unknown());
  first.failed(receipts, unknown());
  await fleet.clock.advance(1000);
  const facts = fleet.start().ledger.facts(endpoint);
  const without = new Tariff({ lacks: [RECEIPTS] });
  const next = new Capabilities(without, fleet.clock, facts);
  await facts.known;
  assert.ok(!next.doubt(logs(1, 101)), "a smaller question will do");
  assert.ok(!next.doubt(receipts), "the plan says so as well");
  assert.ok(!next.doubt(balance(1)), "nothing stands against it");
});

/** What a process of a fleet knows: that the method is lacking. */
async function lacking(fleet: Fleet): Promise<Facts> {
  const first = await start(fleet);
  first.failed(receipts, unknown());
  first.failed(receipts, unknown());
  await fleet.clock.advance(1000);
  const facts = fleet.start().ledger.facts(endpoint);
  await facts.known;
  return facts;
}

Deno.test("EvmClient.ask() believes others as long as somebody else can be asked", async () => {
  await using fleet = await Fleet.make();
  const bench = new ScriptedClient({
    old: { script: unknown, facts: await lacking(fleet) },
    able: () => [],
  });
  for (let i = 0; i < 3; i++) {
    await bench.settle(bench.client.ask(receipts));
  }
  assert.deepEqual(bench.order, Array(3).fill(`able ${RECEIPTS}`));
});

Deno.test("EvmClient.ask() asks before it fails for what only others know", async () => {
  await using fleet = await Fleet.make();
  const bench = new ScriptedClient({
    upgraded: { script: () => [], facts: await lacking(fleet) },
  });
  await bench.settle(bench.client.ask(receipts));
  assert.deepEqual(bench.order, [`upgraded ${RECEIPTS}`]);
  await fleet.clock.advance(1000);
  assert.deepEqual((await start(fleet)).shortcomings, []);

  const old = new ScriptedClient({
    old: { script: unknown, facts: await lacking(fleet) },
  });
  for (let i = 0; i < 3; i++) {
    const error = await old.failure(old.client.ask(receipts));
    assert.match(error.message, /^No endpoint of "eth" offers/);
  }
  assert.equal(old.order.length, 2, "as in a process that knows nothing");
});

Deno.test("Findings believes no other process for longer than itself", async () => {
  await using fleet = await Fleet.make();
  const wrong = fleet.start();
  wrong.clock.set(1000 * hour);
  const facts = wrong.ledger.facts(endpoint);
  new Findings(wrong.clock, facts).set("range", "eth_getLogs", 5);
  await fleet.clock.advance(1000);
  const can = await start(fleet);
  assert.deepEqual(can.logs, { range: 5 });
  await fleet.clock.advance(hour);
  assert.deepEqual(can.logs, {});
});

Deno.test("Findings prefers what it has seen itself to what others knew", async () => {
  const clock = new FakeClock();
  const until = clock.now() + hour;
  const known = Promise.resolve([{ endpoint, name: "batch", value: 9, until }]);
  const findings = new Findings(clock, { known, learn() {} });
  findings.set("batch", "", 3);
  await known;
  assert.equal(findings.get("batch"), 3);
  assert.ok(!findings.doubt("batch", ""));
});

Deno.test("Capabilities leaves alone what it does not understand", async () => {
  await using fleet = await Fleet.make();
  const { clock, ledger } = fleet.start();
  const until = clock.now() + hour;
  ledger.facts(endpoint).learn({ name: "colour eth_call", value: 7, until });
  await fleet.clock.advance(1000);
  const can = await start(fleet);
  assert.deepEqual(can.shortcomings, []);
  assert.equal(can.inability({ method: "eth_call", params: [] }), undefined);
});

/** What is known, as it should be. */
type Model = Map<string, { value: number; until: number; isOwn: boolean }>;

const names = ["lacks a", "lacks b", "oldest a", "batch"] as const;

const event = fc.oneof(
  { weight: 2, arbitrary: fc.constant({ do: "start" } as const) },
  fc.record({
    do: fc.constantFrom("set", "set", "delete", "doubt", "end", "kill"),
    who: fc.nat({ max: 7 }),
    name: fc.constantFrom(...names),
    value: fc.integer({ min: 1, max: 5 }),
  }),
  fc.record({
    do: fc.constant("wait" as const),
    ms: fc.constantFrom(5 * minute, 29 * minute, 31 * minute, hour),
  }),
);

Deno.test("Findings of processes that come and go are what was found last, for an hour", async () => {
  const property = fc.asyncProperty(
    fc.array(event, { maxLength: 40 }),
    async (events) => {
      await using fleet = await Fleet.make();
      const { clock } = fleet;
      const stored: Model = new Map();
      const holds = (one?: { until: number }) =>
        one !== undefined && clock.now() < one.until;
      const start = async () => {
        const member = fleet.start();
        const facts = member.ledger.facts(endpoint);
        const findings = new Findings(clock, facts);
        await facts.known;
        const known: Model = new Map(
          [...stored].filter(([, one]) => holds(one))
            .map(([name, one]) => [name, { ...one, isOwn: false }]),
        );
        return { member, findings, known };
      };
      const running = [await start()];
      for (const one of events) {
        if (one.do === "start") running.push(await start());
        else if (one.do === "wait") await clock.advance(one.ms);
        else {
          const index = one.who % running.length;
          const { findings, known, member } = running[index]!;
          const [kind, method = ""] = one.name.split(" ") as ["lacks", "a"?];
          const now = clock.now();
          const { name, value } = one;
          if (one.do === "set") {
            findings.set(kind, method, value);
            const found = { value, until: now + hour, isOwn: true };
            known.set(name, found);
            stored.set(name, found);
          } else if (one.do === "delete") {
            findings.delete(kind, method);
            if (known.delete(name)) stored.delete(name);
          } else if (one.do === "doubt") {
            const found = known.get(name);
            const doubts = found !== undefined && holds(found) && !found.isOwn;
            assert.equal(findings.doubt(kind, method), doubts);
            if (doubts) known.set(name, { ...found, until: 0 });
          } else {
            if (one.do === "end") await member.ledger[Symbol.asyncDispose]();
            else fleet.kill(member);
            running[index] = await start();
          }
        }
        // What is not saved after a second is lost with a killed process.
        await clock.advance(1000);
        for (const { findings, known } of running) {
          for (const name of names) {
            const [kind, method = ""] = name.split(" ") as ["lacks", "a"?];
            const found = known.get(name);
            const right = found && holds(found) ? found.value : undefined;
            assert.equal(findings.get(kind, method), right);
            assert.equal(
              findings.isDue(kind, method),
              found !== undefined && right === undefined,
            );
          }
        }
      }
    },
  );
  const numRuns = Number(Deno.env.get("SLUICE_RUNS") ?? 25);
  await fc.assert(property, { numRuns });
});
