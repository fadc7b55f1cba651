/**
 * How providers say no, over real HTTP: each way is told for what it is, laid
 * at the endpoint and key that said it, and answered by another endpoint.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createLogger } from "../../../../runtime/run/log.ts";
import { openContext } from "../../../contracts/open_context.ts";
import { SimulatedChain } from "../../../fixtures/simulated/chain.ts";
import {
  alchemyQuota,
  alchemyRate,
  badGateway,
  envelope,
  infuraRate,
  quicknodeRate,
  quotaSpent,
  tooManyRequests,
} from "../../../fixtures/simulated/dialect.ts";
import type { Fault } from "../../../fixtures/simulated/fault.ts";
import { SimulatedNode } from "../../../fixtures/simulated/node.ts";
import { openConnection } from "../chain/open_chain.ts";

interface Dialect {
  readonly fault: Fault;
  readonly kind: "rate" | "quota" | "other";
  /** Seconds that the endpoint then pauses, at least and at most. */
  readonly pause?: readonly [number, number];
  /** Requests that it takes: Deno repeats one whose connection breaks. */
  readonly times?: number;
}

const day = 86_400;

const dialects: Readonly<Record<string, Dialect>> = {
  "429 without Retry-After": {
    ...{ fault: tooManyRequests(), kind: "rate", pause: [0.5, 1.3] },
  },
  "429 with Retry-After": {
    ...{ fault: tooManyRequests(7), kind: "rate", pause: [6.5, 7] },
  },
  "402": { fault: quotaSpent(), kind: "quota", pause: [0, day + 10] },
  "403 of a month that is spent": {
    ...{ fault: alchemyQuota(), kind: "quota", pause: [0, day + 10] },
  },
  "-32005 with data.rate": {
    fault: infuraRate({ backoffSeconds: 30 }),
    ...{ kind: "rate", pause: [29, 30] },
  },
  "-32012": { fault: quicknodeRate(), kind: "rate", pause: [0.5, 1.3] },
  "-32016": {
    fault: { kind: "error", code: -32016, message: "over limit" },
    ...{ kind: "rate", pause: [0.5, 1.3] },
  },
  "-33000": {
    fault: { kind: "error", code: -33000, message: "spent" },
    ...{ kind: "quota", pause: [0, 3610] },
  },
  "200 with an error of code 429": {
    ...{ fault: alchemyRate(), kind: "rate", pause: [0.5, 1.3] },
  },
  "200 with nothing but {code: 429}": {
    fault: { kind: "status", status: 200, body: { code: 429, message: "no" } },
    ...{ kind: "rate", pause: [0.5, 1.3] },
  },
  "a page of HTML": { fault: badGateway(), kind: "other" },
  "429 as a page of HTML": {
    fault: { kind: "status", status: 429, body: "<html>Slow down</html>" },
    ...{ kind: "rate", pause: [0.5, 1.3] },
  },
  "an error that nobody knows": {
    fault: { kind: "status", status: 500, body: envelope(-1, "flux is low") },
    kind: "other",
  },
  "a closed socket": { fault: { kind: "hang_up" }, kind: "other", times: 2 },
  "a body that is cut off": { fault: { kind: "truncate" }, kind: "other" },
  "a connection that breaks": {
    ...{ fault: { kind: "break_off" }, kind: "other", times: 2 },
  },
  "a body that never ends": {
    fault: {
      kind: "hold",
      after: "half",
      until: new Promise(() => {}),
    },
    kind: "other",
  },
};

for (const [name, dialect] of Object.entries(dialects)) {
  Deno.test(`EvmClient.call() lays ${name} at the key that said it`, async () => {
    const { fault, kind, pause, times = 1 } = dialect;
    const chain = new SimulatedChain({ seed: 1 }).extend(5);
    await using node = await SimulatedNode.start(chain);
    const lines: string[] = [];
    const context = openContext({
      name: "eth",
      log: createLogger({
        level: "debug",
        secrets: [],
        write: ({ fields, message }) =>
          lines.push(`${message} ${JSON.stringify(fields)}`),
      }),
    });
    const client = await openConnection({
      timeout: "300ms",
      endpoints: [
        { name: "bad", url: `${node.url}/{key}`, keys: "one-key,two-key" },
        { name: "good", url: `${node.url}/good` },
      ],
    }, context);
    await client.health();
    const method = "eth_blockNumber";
    const bad = client.endpoints[0]!;
    node.fail({ fault, key: "one-key", method, times });
    assert.equal(await client.call(method, []), "0x5");

    const { metrics } = context;
    const errors = (endpoint: string) =>
      metrics.total("sluice_rpc_errors_total", { endpoint, kind });
    assert.equal(errors("eth/bad#1"), 1);
    assert.equal(metrics.total("sluice_rpc_errors_total"), 1);
    assert.equal(
      metrics.total("sluice_rpc_refused_total", { endpoint: "eth/bad#1" }),
      kind === "other" ? 0 : 1,
    );
    const paused = (bad.coolUntil - context.clock.now()) / 1000;
    if (pause === undefined) assert.ok(paused <= 0, `${paused} s`);
    else {
      const [least, most] = pause;
      assert.ok(paused > least && paused <= most, `${paused} s`);
      const told = lines.filter((line) => line.includes("endpoint pauses"));
      assert.equal(told.length, 1, lines.join("\n"));
      assert.match(told[0]!, /"endpoint":"bad#1"/);
    }
    const asked = node.calls.filter((call) => call.method === method);
    assert.notEqual(asked.at(-1)?.key, "one-key", "it was not the next choice");
    assert.doesNotMatch(lines.join("\n"), /one-key|two-key/);
  });
}
