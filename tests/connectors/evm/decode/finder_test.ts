import assert from "node:assert/strict";
import { encodeFunctionData, parseAbi } from "viem";
import { parseAbi as readAbi } from "../../../../connectors/evm/abi/abi.ts";
import { AbiIndex } from "../../../../connectors/evm/abi/abi_index.ts";
import { AbiStore } from "../../../../connectors/evm/lookup/store.ts";
import { RowDecoder } from "../../../../connectors/evm/decode/rows.ts";
import { Finder } from "../../../../connectors/evm/decode/finder.ts";
import { SignatureDatabase } from "../../../../connectors/evm/decode/signatures.ts";
import type { Op, Row, Schema } from "../../../../runtime/component.ts";
import { openContext } from "../../../contracts/open_context.ts";
import { FakeClock } from "../../../fixtures/fake_clock.ts";
import { until } from "../../../fixtures/until.ts";
import { LookupService } from "../lookup/lookup_service.ts";
import { openLookup, settle } from "../lookup/open_lookup.ts";

const WAIT_MS = 2_000;

const input: Schema = [
  { name: "hash", type: "hash", doc: "Hash" },
  { name: "to_address", type: "address", nullable: true, doc: "To" },
  { name: "input", type: "bytes", doc: "Input" },
];
const address = (n: number) => `0x${n.toString(16).padStart(40, "0")}`;
const abi = parseAbi([
  "function own(uint256 amount)",
  "function all(bytes[] data)",
]);
const own = encodeFunctionData({ abi, functionName: "own", args: [7n] });

const call = (to: string, input: string = own): Row => ({
  hash: `0x${"ab".repeat(32)}`,
  to_address: to,
  input,
});

/** A stage that decodes, with its memory. */
function stage(
  service: LookupService,
  { clock = new FakeClock(), store = new AbiStore(":memory:") } = {},
) {
  const services = [
    { url: service.url },
    { url: service.url, dialect: "openchain" as const, name: "signatures" },
  ];
  const { lookup } = openLookup({ services, clock });
  const index = new AbiIndex();
  index.add(readAbi(["function spec(uint256 mine)"]), address(9));
  const signatures = new SignatureDatabase();
  const decoder = new RowDecoder({ index, input, signatures });
  const finder = new Finder({
    stage: "p/calls",
    index,
    signatures,
    store,
    lookup,
    proxies: undefined,
    wait: WAIT_MS,
    clock,
    log: openContext().log,
    signal: new AbortController().signal,
  });
  /** Decode a unit: port, kind and function of its rows. */
  const decode = async (
    number: number,
    ...[rows, op = "insert"]: [rows: readonly Row[], op?: Op]
  ) => {
    const out: unknown[][] = [];
    const emit = Object.assign((port: string, row: Row) => {
      out.push([port, row["decode_kind"], row["function"]]);
    }, { reject: () => assert.fail("nothing is rejected") });
    const unit = { number, id: `0x${number}`, time: 0, op, version: 0 };
    await finder.decode(rows, emit, unit, decoder);
    return out;
  };
  return {
    clock,
    decode,
    finder,
    lookup,
    async [Symbol.asyncDispose]() {
      await finder.close();
      await lookup[Symbol.asyncDispose]();
    },
  };
}

const full = [["decoded", "full", "own"]];
const missed = [["unknown", "unknown", null]];

Deno.test("Finder decodes with what services know, also inside of calls", async () => {
  await using service = new LookupService({ [address(1)]: abi });
  await using open = stage(service);
  const all = encodeFunctionData({
    abi,
    functionName: "all",
    args: [[own, own]],
  });
  const rows = [call(address(1), all), call(address(2))];
  assert.deepEqual(await open.decode(1, rows), [
    ["decoded", "full", "all"],
    ["decoded", "full", "own"],
    ["decoded", "full", "own"],
    ["unknown", "unknown", null],
  ]);
  assert.equal(service.asked.get(address(1)), 1);
});

Deno.test("Finder looks up what the spec's own ABI of a contract lacks", async () => {
  const wide = parseAbi([
    "function spec(uint256 theirs)",
    "function own(uint256 amount)",
  ]);
  await using service = new LookupService({ [address(9)]: wide });
  await using open = stage(service);
  const spec = encodeFunctionData({
    abi: wide,
    functionName: "spec",
    args: [1n],
  });
  assert.deepEqual(await open.decode(1, [call(address(9), spec)]), [
    ["decoded", "full", "spec"],
  ]);
  assert.equal(service.requests, 0);
  assert.deepEqual(await open.decode(2, [call(address(9))]), full);
});

Deno.test("Finder decodes with signatures that services know", async () => {
  await using service = new LookupService({
    [own.slice(0, 10)]: ["own(uint256)"],
  });
  await using open = stage(service);
  assert.deepEqual(
    await open.decode(1, [call(address(1))]),
    [["decoded", "signature", "own"]],
  );
});

Deno.test("Finder waits no longer than it may, and not at all in an outage", async () => {
  await using service = new LookupService({ [address(1)]: abi });
  service.mood = "silent";
  await using open = stage(service);
  const { clock } = open;
  const began = clock.now();
  let ended = false;
  const decoding = open.decode(1, [call(address(1))]);
  decoding.then(() => ended = true);
  await until(() => service.requests > 0, "the service is asked");
  await clock.advance(WAIT_MS - 1);
  assert.equal(ended, false);
  await clock.advance(1);
  assert.deepEqual(await decoding, missed);
  assert.equal(clock.now() - began, WAIT_MS);

  // It fails for good now, and pauses grow beyond what a block would wait.
  service.mood = "error";
  await until(async () => {
    await clock.advance(1_000);
    return open.lookup.restsUntil("abis") > clock.now() + WAIT_MS &&
      open.lookup.restsUntil("signatures") > clock.now() + WAIT_MS;
  }, "the service rests");
  const at = clock.now();
  for (let number = 2; number < 50; number++) {
    assert.deepEqual(
      await open.decode(number, [call(address(number))]),
      missed,
    );
  }
  assert.equal(clock.now(), at);
});

Deno.test("Finder gives a unit that comes again what it gave it first", async () => {
  await using service = new LookupService({ [address(1)]: abi });
  service.mood = (what) => what.length === 42 ? "unverified" : "well";
  const store = new AbiStore(":memory:");
  await using open = stage(service, { store });
  const { clock, decode, lookup } = open;
  const rows = [call(address(1))];
  assert.deepEqual(await decode(1, rows), missed);
  service.mood = "well";
  await lookup.askAbi(address(1));
  assert.deepEqual(await decode(2, rows), full);
  for (const op of ["retract", "insert"] as const) {
    assert.deepEqual(await decode(1, rows, op), missed);
    assert.deepEqual(await decode(2, rows, op), full);
  }
  // Another process, whose memory is the store.
  await using other = stage(service, { store, clock });
  assert.deepEqual(
    await other.decode(1, rows, "retract"),
    missed,
  );
});

Deno.test("Finder.outdated() names units that a late ABI decodes", async () => {
  await using service = new LookupService({ [address(1)]: abi });
  service.mood = "error";
  await using open = stage(service);
  const { clock, decode, finder } = open;
  const known = [call(address(1))];
  const never = [call(address(2))];
  for (const number of [1, 2, 40]) await settle(clock, decode(number, known));
  await settle(clock, decode(3, never));
  await settle(clock, decode(4, [...never, ...known]));
  service.mood = "well";
  const outdated = () => settle(clock, finder.outdated({ from: 2, to: 100 }));
  const numbers = await outdated();
  assert.deepEqual(numbers, [2, 4, 40]);
  for (const number of [2, 40]) {
    assert.deepEqual(await decode(number, known, "retract"), missed);
    assert.deepEqual(await decode(number, known), full);
  }
  assert.deepEqual(
    await decode(4, [...never, ...known]),
    [...missed, ...full],
  );
  assert.deepEqual(await outdated(), []);
  // Taken back by a reorg later: as it is stored now.
  assert.deepEqual(await decode(2, known, "retract"), full);
});
