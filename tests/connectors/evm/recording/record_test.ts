/** @module */
import assert from "node:assert/strict";
import {
  type Answerer,
  recordRange,
} from "../../../../connectors/evm/recording/record.ts";
import { RpcError } from "../../../../connectors/evm/rpc/errors.ts";
import { openRecording } from "../../../../connectors/evm/recording/recording.ts";
import { type Recorded, UserError } from "../../../../runtime/component.ts";

const head = 20;

function hex(number: number): string {
  return `0x${number.toString(16)}`;
}

function hash(number: number, fork = 0): string {
  return `0x${`${fork}`.padStart(32, "f")}${`${number}`.padStart(32, "0")}`;
}

function block(number: number, fork = 0) {
  return {
    number: hex(number),
    hash: hash(number, fork),
    parentHash: hash(number - 1, fork),
    unheardOf: "0x01",
    transactions: [{ hash: hash(number + 100) }],
  };
}

function receipts(number: number, fork = 0) {
  return [{
    transactionHash: hash(number + 100),
    blockHash: hash(number, fork),
  }];
}

interface Node extends Answerer {
  /** Calls that were under way at once at most. */
  readonly most: number;
  readonly methods: readonly string[];
}

/** A node that may give another answer than a good one. */
function node(
  instead: (method: string, number: number) => unknown = () => undefined,
): Node {
  let [underWay, most] = [0, 0];
  const methods: string[] = [];
  return {
    inFlight: 4,
    methods,
    get most() {
      return most;
    },
    async ask({ method, params: [height] }, { signal, validate } = {}) {
      methods.push(method);
      most = Math.max(most, ++underWay);
      // Later blocks answer first.
      const number = Number(height);
      for (let turn = 0; turn < 2 * (head - number); turn++) {
        await Promise.resolve();
      }
      underWay--;
      signal?.throwIfAborted();
      const result = instead(method, number) ?? answer(method, number);
      const wrong = validate?.(result);
      if (wrong !== undefined) throw new RpcError("missing", wrong);
      return { result, bytes: JSON.stringify(result).length };
    },
  };
}

function answer(method: string, number: number): unknown {
  switch (method) {
    case "eth_chainId":
      return "0x7a69";
    case "eth_blockNumber":
      return hex(head);
    case "web3_clientVersion":
      return "toy/v1";
    case "eth_getBlockByNumber":
      return block(number);
    case "eth_getBlockReceipts":
      return receipts(number);
    default:
      throw new RpcError("other", `no ${method}`);
  }
}

async function record(
  client: Answerer,
  options: { from?: number; to?: number; out: string; overwrite?: boolean },
) {
  const progress: Recorded[] = [];
  const result = await recordRange(client, {
    from: 1,
    to: 10,
    overwrite: false,
    signal: new AbortController().signal,
    progress: (recorded) => void progress.push(recorded),
    ...options,
  });
  return { ...result, progress };
}

async function folder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await Deno.makeTempDir({ prefix: "sluice_record_" });
  return {
    path,
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

async function files(path: string): Promise<string[]> {
  const names = await Array.fromAsync(Deno.readDir(path));
  return names.map(({ name }) => name);
}

Deno.test("recordRange() writes what the node said, in order", async () => {
  await using place = await folder();
  const client = node();
  const result = await record(client, { out: `${place.path}/rec` });
  assert.equal(result.file, `${place.path}/rec.jsonl.gz`);
  assert.equal(result.blocks, 10);
  assert.equal(result.calls, 20);
  assert.deepEqual(
    result.progress.map(({ blocks }) => blocks),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
  );
  const { blocks, bytes, calls } = result;
  assert.deepEqual(result.progress.at(-1), { blocks, bytes, calls });
  const recording = await openRecording(result.file);
  assert.deepEqual(recording.header, {
    chain_id: 31337,
    client: "toy/v1",
    from: 1,
    to: 10,
  });
  for (let number = 1; number <= 10; number++) {
    assert.deepEqual(
      recording.answer("eth_getBlockByNumber", [hex(number), true]),
      block(number),
    );
    assert.deepEqual(
      recording.answer("eth_getBlockReceipts", [hex(number)]),
      receipts(number),
    );
  }
});

Deno.test("recordRange() gives the same bytes again", async () => {
  await using place = await folder();
  const [first, second] = [`${place.path}/a`, `${place.path}/b`];
  await record(node(), { out: first });
  await record(node(), { out: second });
  assert.deepEqual(
    await Deno.readFile(`${first}.jsonl.gz`),
    await Deno.readFile(`${second}.jsonl.gz`),
  );
});

Deno.test("recordRange() keeps to the calls that may be under way", async () => {
  await using place = await folder();
  const client = node();
  await record(client, { to: head, out: `${place.path}/rec` });
  assert.equal(client.most, 4);
});

Deno.test("recordRange() replaces a file only when it is told to", async () => {
  await using place = await folder();
  const out = `${place.path}/rec`;
  await record(node(), { out });
  const client = node();
  await assert.rejects(record(client, { to: 3, out }), (error) => {
    assert.ok(error instanceof UserError);
    assert.match(error.message, /rec\.jsonl\.gz": it exists; add --force/);
    return true;
  });
  assert.deepEqual(client.methods, []);
  await record(node(), { to: 3, out, overwrite: true });
  assert.equal((await openRecording(out)).header.to, 3);
});

Deno.test("recordRange() refuses what the chain has not reached", async () => {
  await using place = await folder();
  await assert.rejects(
    record(node(), { to: head + 1, out: `${place.path}/rec` }),
    new UserError("Cannot record up to block 21: the chain is at block 20"),
  );
  assert.deepEqual(await files(place.path), []);
});

Deno.test("recordRange() notices a reorg and leaves nothing behind", async () => {
  await using place = await folder();
  const forked = node((method, number) => {
    if (number < 5) return undefined;
    if (method === "eth_getBlockByNumber") return block(number, 1);
    return method === "eth_getBlockReceipts" ? receipts(number, 1) : undefined;
  });
  await assert.rejects(
    record(forked, { out: `${place.path}/rec` }),
    /Cannot record block 5: the chain was reorganised below it/,
  );
  assert.deepEqual(await files(place.path), []);
});

Deno.test("recordRange() refuses receipts of another block", async () => {
  await using place = await folder();
  const out = `${place.path}/rec`;
  const other = node((method, number) =>
    method === "eth_getBlockReceipts" && number === 7
      ? receipts(7, 1)
      : undefined
  );
  await assert.rejects(
    record(other, { out }),
    /Cannot record block 7: eth_getBlockReceipts says "the receipts are of/,
  );
  const short = node((method, number) =>
    method === "eth_getBlockReceipts" && number === 7 ? [] : undefined
  );
  await assert.rejects(record(short, { out }), /0 receipts for 1 transactions/);
  assert.deepEqual(await files(place.path), []);
});

Deno.test("recordRange() does without the name of the client", async () => {
  await using place = await folder();
  const shy = node((method) => {
    if (method !== "web3_clientVersion") return undefined;
    throw new RpcError("other", "not offered", { unsupported: true });
  });
  const { file } = await record(shy, { out: `${place.path}/rec` });
  assert.equal((await openRecording(file)).header.client, "unknown");
});

Deno.test("recordRange() stops when it is not wanted any more", async () => {
  await using place = await folder();
  const stop = new AbortController();
  await assert.rejects(
    recordRange(node(), {
      from: 1,
      to: 20,
      out: `${place.path}/rec`,
      overwrite: false,
      signal: stop.signal,
      progress: ({ blocks }) => {
        if (blocks === 3) stop.abort(new Error("Enough"));
      },
    }),
    /Enough/,
  );
  assert.deepEqual(await files(place.path), []);
});
