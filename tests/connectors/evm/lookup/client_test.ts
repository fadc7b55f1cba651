import assert from "node:assert/strict";
import { parseAbi } from "viem";
import { AbiStore } from "../../../../connectors/evm/lookup/store.ts";
import { LookupService, type Mood } from "./lookup_service.ts";
import { openLookup, settle } from "./open_lookup.ts";

const address = (n: number) => `0x${n.toString(16).padStart(40, "0")}`;
const abi = parseAbi(["function own(uint256 amount)"]);
const troubles: Mood[] = [
  "rate",
  "said_rate",
  "error",
  "html",
  "silent",
  "cut",
  "moved",
];

Deno.test("AbiLookup keeps nothing of a service in trouble, then the ABI", async () => {
  await using service = new LookupService({ [address(1)]: abi });
  const { clock, lookup } = openLookup({ services: [service] });
  await using _ = lookup;
  service.mood = (_, times) => troubles[times] ?? "well";
  assert.equal(lookup.abi(address(1)), undefined);
  await settle(clock, lookup.askAbi(address(1)));
  assert.equal(service.asked.get(address(1)), troubles.length + 1);
  assert.equal(lookup.abi(address(1))?.functions[0]?.name, "own");
  assert.equal(service.mostAtOnce, 1);
});

for (const mood of troubles) {
  Deno.test(`AbiLookup takes "${mood}" for no answer`, async () => {
    await using service = new LookupService({});
    const { clock, lookup } = openLookup({ services: [service] });
    await using _ = lookup;
    service.mood = mood;
    await settle(clock, lookup.askAbi(address(1)));
    assert.equal(lookup.abi(address(1)), undefined);
    service.mood = "well";
    await settle(clock, lookup.askAbi(address(1)));
    assert.equal(lookup.abi(address(1)), null);
  });
}

Deno.test("AbiLookup believes that there is none for a while only", async () => {
  const store = new AbiStore(":memory:");
  await using service = new LookupService({ [address(1)]: abi });
  const { clock, lookup } = openLookup({ services: [service], store });
  await using _ = lookup;
  service.mood = "unverified";
  await lookup.askAbi(address(1));
  assert.equal(lookup.abi(address(1)), null);
  clock.jump(7 * 86_400_000);
  assert.equal(lookup.abi(address(1)), undefined);
  service.mood = "well";
  await lookup.askAbi(address(1));
  assert(lookup.abi(address(1)));
  // What there is stays.
  clock.jump(70 * 86_400_000);
  assert(lookup.abi(address(1)));
});

Deno.test("AbiLookup makes one request for a thing, however many ask", async () => {
  await using service = new LookupService({ [address(1)]: abi });
  const { clock, lookup } = openLookup({ services: [service] });
  await using _ = lookup;
  service.mood = (_, times) => times < 3 ? "error" : "well";
  const asking = Array.from(
    { length: 50 },
    (_, n) => lookup.askAbi(address(n % 5)),
  );
  await settle(clock, Promise.all(asking));
  assert.equal(service.mostAtOnce, 1);
  assert(service.requests <= 5 * 4, `${service.requests} requests`);
  assert(lookup.abi(address(1)));
  assert.equal(lookup.abi(address(2)), null);
});

Deno.test("AbiLookup asks the next service, and none is none only if all say so", async () => {
  await using first = new LookupService({});
  await using second = new LookupService({ [address(1)]: abi });
  const services = [
    { url: first.url, name: "first" },
    { url: second.url, name: "second" },
  ];
  const { clock, lookup } = openLookup({ services });
  await using _ = lookup;
  await settle(clock, lookup.askAbi(address(1)));
  assert(lookup.abi(address(1)));
  second.mood = "error";
  await settle(clock, lookup.askAbi(address(2)));
  assert.equal(lookup.abi(address(2)), undefined);
  second.mood = "well";
  await settle(clock, lookup.askAbi(address(2)));
  assert.equal(lookup.abi(address(2)), null);
});

Deno.test("AbiLookup asks for signatures", async () => {
  await using service = new LookupService({
    "0xa9059cbb": ["transfer(address,uint256)", "many_msg_babbage(bytes1)"],
  });
  const services = [{ url: service.url, dialect: "openchain" as const }];
  const { clock, lookup } = openLookup({ services });
  await using _ = lookup;
  await settle(clock, lookup.askSignatures("0xa9059cbb"));
  await settle(clock, lookup.askSignatures("0x12345678"));
  assert.deepEqual(lookup.signatures("0xa9059cbb"), [
    "transfer(address,uint256)",
    "many_msg_babbage(bytes1)",
  ]);
  assert.equal(lookup.signatures("0x12345678"), null);
});

Deno.test("AbiLookup shows its keys to nobody but the service", async () => {
  await using service = new LookupService({});
  const lines: string[] = [];
  const { clock, lookup } = openLookup({
    services: [{ url: service.url }, { url: "http://127.0.0.1:1/", name: "b" }],
    say: (line) => lines.push(line),
  });
  await using _ = lookup;
  for (const mood of troubles) {
    service.mood = mood;
    await settle(clock, lookup.askAbi(address(1)));
  }
  assert(lines.length > 0);
  assert(!lines.some((line) => line.includes("secret")), lines.join());
});

Deno.test("AbiStore keeps what was found between runs", async () => {
  const folder = await Deno.makeTempDir();
  const file = `${folder}/.sluice/abis.db`;
  try {
    await using service = new LookupService({ [address(1)]: abi });
    {
      const store = new AbiStore(file);
      const { lookup } = openLookup({ services: [service], store });
      await using _ = lookup;
      await lookup.askAbi(address(1));
      await lookup.askAbi(address(2));
    }
    const store = new AbiStore(file);
    const { lookup } = openLookup({ services: [], store });
    await using _ = lookup;
    assert(lookup.abi(address(1)));
    assert.equal(lookup.abi(address(2)), null);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("AbiStore knows which units lacked what", () => {
  using store = new AbiStore(":memory:");
  const save = (number: number, lacks: string[]) =>
    store.saveUnit({
      stage: "p/calls",
      id: `0x${number}`,
      number,
      findings: "{}",
      lacks,
    });
  for (const number of [31, 32, 63, 64]) save(number, ["a", "b"]);
  save(63, ["b"]);
  const lacks = (from: number, to: number) =>
    store.lacks("p/calls", { from, to })
      .map(({ number, what }) => `${number}${what}`);
  assert.deepEqual(lacks(0, 100), [
    ...["31a", "31b", "32a", "32b"],
    ...["63b", "64a", "64b"],
  ]);
  assert.deepEqual(lacks(32, 63), ["32a", "32b", "63b"]);
  assert.deepEqual(store.lacks("p/events", { from: 0, to: 100 }), []);
});
