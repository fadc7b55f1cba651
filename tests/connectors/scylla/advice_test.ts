import assert from "node:assert/strict";
import { components } from "../../../connectors/mod.ts";
import { checkSpec } from "../../../runtime/spec/check.ts";

/** What the check says about a key of a port's table, and how severe. */
function advice(port: string, key: string, transforms = ""): string[] {
  const from = transforms === "" ? `chain.${port}` : "kind";
  const spec = `
name: keys
connections:
  eth: { type: evm, url: "http://127.0.0.1:1" }
  hot: { type: scylla, hosts: [localhost], keyspace: mainnet }
sources:
  chain: { type: evm.chain, connection: eth, emit: [${port}] }
${transforms}
sinks:
  out: { type: scylla, connection: hot, from: ${from}, table: t, primary_key: ${key} }
`;
  const { diagnostics } = checkSpec("keys.yaml", {
    registry: components,
    read: () => spec,
  });
  return diagnostics.map(({ hint, message, severity }) =>
    `${severity}: ${message} (${hint})`
  );
}

Deno.test("checkKey() has nothing to say about good keys", () => {
  for (
    const [port, key] of [
      ["blocks", "[number]"],
      ["blocks", "[hash]"],
      ["transactions", "[hash]"],
      ["transactions", "[[block_number], transaction_index]"],
      ["transactions", "[from_address, block_number, transaction_index]"],
      ["transactions", "[[block_number], hash]"],
      ["logs", "[[block_number], log_index]"],
      ["logs", "[transaction_hash, log_index]"],
      ["logs", "[[address, block_number], log_index]"],
      [
        "token_transfers",
        "[token_address, block_number, log_index, batch_index]",
      ],
      ["withdrawals", "[index]"],
      ["withdrawals", "[address, index]"],
    ] as const
  ) {
    assert.deepEqual(advice(port, key), [], `${port} by ${key}`);
  }
});

Deno.test("checkKey() lets a row be the latest of its key", () => {
  assert.deepEqual(advice("logs", "[address]"), []);
  assert.deepEqual(
    advice("token_transfers", "[token_address, to_address]"),
    [],
  );
});

Deno.test("checkKey() warns of hot partitions", () => {
  for (
    const column of ["block_timestamp", "transaction_type", "receipt_status"]
  ) {
    const [first = ""] = advice("transactions", `[[${column}], hash]`);
    // What may be null cannot be a key at all.
    if (column === "receipt_status") assert.match(first, /^error: .*null/);
    else {
      assert.equal(
        first,
        "warning: Hot partitions: every row of the moment has one of few " +
          `"${column}", so one node takes the load, and partitions grow ` +
          "without end (add a column with many values to the partition key: " +
          `[[${column}, hash], …])`,
      );
    }
  }
  assert.deepEqual(
    advice("transactions", "[[transaction_type, from_address], hash]"),
    [],
  );
});

Deno.test("checkKey() warns of a partition for each case", () => {
  const transforms = `
transforms:
  kind:
    type: classify
    from: chain.transactions
    cases: { deploy: { to_address: null }, call: {} }
`;
  const [only, ...more] = advice("transactions", "[[case], hash]", transforms);
  assert.match(only ?? "", /^warning: Hot partitions: .*"case"/);
  assert.deepEqual(more, []);
});

Deno.test("checkKey() warns of rows that overwrite each other", () => {
  const missing = (port: string, key: string) =>
    advice(port, key).map((one) => {
      assert.match(one, /^warning: Rows overwrite each other/);
      return /\(add "(\w+)" to/.exec(one)?.[1];
    });
  assert.deepEqual(missing("transactions", "[block_number]"), [
    "transaction_index",
  ]);
  assert.deepEqual(missing("logs", "[transaction_hash]"), ["log_index"]);
  assert.deepEqual(missing("logs", "[block_number, transaction_index]"), [
    "log_index",
  ]);
  assert.deepEqual(missing("logs", "[[address], block_number]"), ["log_index"]);
  assert.deepEqual(missing("token_transfers", "[block_number, log_index]"), [
    "batch_index",
  ]);
  assert.deepEqual(missing("withdrawals", "[block_number]"), ["index"]);
});

Deno.test("checkKey() refuses what cannot be a key", () => {
  assert.deepEqual(advice("logs", "[topics]"), [
    'error: Cannot key by "topics": it is list<hash> ' +
    "(key by columns that every row has, such as hash or block_number)",
  ]);
  assert.match(
    advice("transactions", "[to_address]").join(),
    /^error: Cannot key by "to_address": it may be null/,
  );
  assert.deepEqual(advice("blocks", "[[hash], number, hash]"), [
    'error: Column "hash" is twice in the primary key (leave one out)',
  ]);
  assert.match(advice("blocks", "[]").join(), /^error: No partition key/);
  assert.match(advice("blocks", "[hsah]").join(), /did you mean "hash"/);
  assert.match(advice("blocks", "[[hsah]]").join(), /did you mean "hash"/);
});
