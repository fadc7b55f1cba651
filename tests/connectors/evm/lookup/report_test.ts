import assert from "node:assert/strict";
import { abiLookup } from "../../../../connectors/evm/lookup/connection.ts";
import { AbiStore } from "../../../../connectors/evm/lookup/store.ts";
import { readFields } from "../../../../runtime/spec/members.ts";
import { createScheduler } from "../../../../runtime/budget/scheduler.ts";
import { openContext } from "../../../contracts/open_context.ts";
import { Reports } from "../../../contracts/reports.ts";
import { LookupService, type Mood } from "./lookup_service.ts";

const signal = new AbortController().signal;

/** A client of services, and what their keys say. */
async function keysOf(
  services: readonly Readonly<Record<string, unknown>>[],
  test = false,
) {
  const config = readFields(abiLookup.fields, {
    services,
    timeout: "300ms",
  }, new Reports().place);
  assert.ok(config);
  const context = openContext({ name: "names" });
  const { clock, metrics } = context;
  const client = await abiLookup.open(config, {
    ...context,
    scheduler: createScheduler({ clock, metrics }),
  });
  await using _ = {
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
  return await client.keys({ test, signal });
}

Deno.test("AbiLookup.keys() tells of every key, and asks nobody", async () => {
  const limits = [
    { limit: "5 requests/s", used: 0, left: 5 },
    { limit: "100 requests/day", used: 0, left: 100 },
  ];
  const one = { plan: undefined, state: "not asked", limits };
  assert.deepEqual(
    await keysOf([
      {
        url: "https://api.etherscan.io/v2/api",
        keys: "0123456789ab1111,0123456789ab2222",
        rate: "5/s",
        quota: "100/day",
      },
      { url: "https://sourcify.dev/server" },
      { url: "" },
    ]),
    [
      {
        ...one,
        name: "api.etherscan.io#1",
        key: "…1111",
        group: "names/api.etherscan.io#1",
      },
      {
        ...one,
        name: "api.etherscan.io#2",
        key: "…2222",
        group: "names/api.etherscan.io#2",
      },
      {
        ...one,
        name: "sourcify.dev",
        key: "none",
        group: "names/sourcify.dev",
        limits: [],
      },
    ],
  );
});

Deno.test("AbiStore makes no file for those who only look at keys", async () => {
  const folder = await Deno.makeTempDir({ prefix: "sluice-abis-" });
  try {
    const path = `${folder}/abis.db`;
    new AbiStore(path)[Symbol.dispose]();
    await assert.rejects(Deno.stat(path), Deno.errors.NotFound);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

for (
  const [mood, state] of [
    ["unverified", /^open$/],
    ["error", /^cooling until 20/],
    ["rate", /^cooling until 20/],
  ] satisfies [Mood, RegExp][]
) {
  Deno.test(`AbiLookup.keys() tests a key at a service that answers ${mood}`, async () => {
    await using service = new LookupService({});
    service.mood = mood;
    const [key] = await keysOf([{ url: service.url, rate: "5/s" }], true);
    assert.match(key?.state ?? "", state);
    assert.equal(key?.test === undefined, mood !== "unverified");
    assert.equal(key?.limits[0]?.used, 1);
    assert.equal(service.asked.size, 1);
  });
}

Deno.test("abi_lookup has an account for each key, whatever its name is", async () => {
  const tariffsOf = (keys: string) => {
    const config = readFields(abiLookup.fields, {
      services: [
        { url: "https://api.etherscan.io/v2/api", keys, rate: "5/s" },
        { url: "https://api.4byte.sourcify.dev" },
      ],
    }, new Reports().place);
    assert.ok(config);
    return abiLookup.tariffs?.(config) ?? [];
  };
  const [abis, signatures] = tariffsOf("a,b");
  assert.equal(abis?.accounts, 2);
  assert.deepEqual(abis?.windows.map(({ text }) => text), ["5 requests/s"]);
  assert.deepEqual(abis?.cost("abi"), { calls: 1, credits: 1, weight: 1 });
  assert.equal(abis?.cost("signatures"), undefined);
  assert.equal(signatures?.cost("abi"), undefined);
  const [first] = await abis?.identities?.() ?? [];
  assert.match(`${first}`, /^[0-9a-f]{16}$/);
  const [again] = tariffsOf("b,a");
  assert.deepEqual([...await again?.identities?.() ?? []].reverse()[0], first);
});
