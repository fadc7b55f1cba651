/**
 * A look-up service that is down while blocks are stored, then comes back:
 * `redecode` replaces what could not be decoded, in place.
 *
 * @module
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import {
  LookupService,
  type Mood,
} from "../connectors/evm/lookup/lookup_service.ts";
import { Workplace } from "./program.ts";

const repository = new URL("../../", import.meta.url);
const router = "0x9fe46736679d2d9a65f0992f2272de9f3c7fa6e0";
const usd = "0xcf7ed3acca5a467e9e704c703e8d87f634fb0fc9";

const troubles: readonly Mood[] = [
  ...["rate", "error", "html", "silent", "cut", "moved", "said_rate"] as const,
];

// In these blocks of the recording the router and the token are called.
const range = ["--from", "30", "--to", "60"];

function path(name: string): string {
  return fileURLToPath(new URL(name, repository));
}

const spec = (url: string) => `
name: late
connections:
  eth: { type: evm, url: "recording:${path("pipelines/recordings/local")}" }
  services: { type: abi_lookup, url: "${url}", chain_id: 31337, timeout: 1s }
  warehouse: { type: clickhouse, embedded: clickhouse }
sources:
  chain: { type: evm.chain, connection: eth, emit: [transactions] }
transforms:
  calls:
    type: decode
    from: chain.transactions
    lookup: services
    wait: 100ms
    signatures: []
sinks:
  all: { type: clickhouse, connection: warehouse, from: calls, table: all_calls, order_by: [block_number, transaction_index, call_path] }
  known: { type: clickhouse, connection: warehouse, from: calls.decoded, table: known, order_by: [block_number, transaction_index, call_path] }
  others: { type: clickhouse, connection: warehouse, from: calls.unknown, table: others, order_by: [block_number, transaction_index, call_path] }
  file: { type: file, from: calls, path: calls.jsonl }
`;

Deno.test("redecode replaces rows in place once a late ABI is there", async () => {
  const abi = async (name: string) =>
    JSON.parse(await Deno.readTextFile(path(`pipelines/abis/${name}.json`)));
  await using service = new LookupService({
    [router]: await abi("uniswap_v2_router02"),
    [usd]: await abi("erc20"),
  });
  service.mood = (_, times) => troubles[times % troubles.length] ?? "error";
  await using workplace = await Workplace.make(spec(service.url));
  const verb = async (...args: string[]) => {
    const { code, stderr, stdout } = await workplace.run(...args);
    assert.equal(code, 0, stderr);
    return stdout;
  };
  await verb("run", "spec.yaml", ...range);
  const first = await workplace.read("calls.jsonl");
  const before: Record<string, unknown>[] = first.trim().split("\n")
    .map((line) => JSON.parse(line));
  assert(before.every((row) => row["decode_kind"] === "unknown"));

  service.mood = "well";
  assert.match(await verb("redecode", "spec.yaml"), /Read \d+ blocks again/);
  const [stored] = (await verb(
    ...["query", "spec.yaml", "--format", "json"],
    "SELECT toInt32(countIf(decode_kind = 'full')) AS full, " +
      "toInt32(count()) AS rows, " +
      "toInt32(uniqExact(block_number, transaction_index, call_path)) AS " +
      "places, " +
      "arraySort(groupUniqArrayIf(to_address, decode_kind = 'full')) AS to, " +
      "toInt32((SELECT count() FROM known)) AS known, " +
      "toInt32((SELECT count() FROM others)) AS others FROM all_calls",
  )).trim().split("\n").map((line) => JSON.parse(line));
  assert(stored.full > 20, JSON.stringify(stored));
  assert.deepEqual(stored, {
    full: stored.full,
    rows: before.length,
    places: before.length,
    to: [router, usd],
    // What moved from one output to the other is in one table only.
    known: stored.full,
    others: before.length - stored.full,
  });

  // There is nothing left that would be otherwise, and files stay as they are.
  assert.match(await verb("redecode", "spec.yaml"), /Read 0 blocks again/);
  assert.equal(await workplace.read("calls.jsonl"), first);
  assert.equal(service.mostAtOnce, 1);
});
