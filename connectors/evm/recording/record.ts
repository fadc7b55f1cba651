/**
 * Save what a node answers for a range of blocks.
 *
 * @module
 */
import {
  type Recorded,
  type RecordOptions,
  UserError,
} from "../../../runtime/component.ts";
import type { Answered, CallOptions } from "../rpc/client.ts";
import { RpcError } from "../rpc/errors.ts";
import { RecordingWriter } from "./recording.ts";
import { fileOf } from "./recording_file.ts";
import type { Call } from "../rpc/rpc.ts";

// Blocks wait for the one before them: more would only fill the memory.
const MOST_AHEAD = 16;

/** What a recording needs of a client. */
export interface Answerer {
  /** Calls that may be under way at once. */
  readonly inFlight: number;
  ask(
    call: Call,
    options?: CallOptions,
  ): Promise<Pick<Answered, "result" | "bytes">>;
}

interface Block {
  readonly hash: string;
  readonly number: string;
  readonly parentHash: string;
  readonly transactions: readonly unknown[];
}

interface Kept extends Call {
  readonly result: unknown;
  readonly bytes: number;
}

interface RecordedBlock {
  readonly number: number;
  readonly block: Block;
  readonly kept: readonly Kept[];
}

/**
 * Record every block of a range with its receipts, as the node gave them.
 *
 * @throws {UserError} The file exists, the chain does not reach the range, or
 * a reorg went through it.
 */
export async function recordRange(
  client: Answerer,
  options: RecordOptions,
): Promise<Recorded & { readonly file: string }> {
  const { from, out, overwrite, progress, signal, to } = options;
  const file = fileOf(out);
  if (!overwrite && await exists(file)) {
    throw new UserError(
      `Cannot record to "${file}": it exists; add --force to replace it`,
    );
  }
  const head = Number(await result(client, "eth_blockNumber", signal));
  if (to > head) {
    throw new UserError(
      `Cannot record up to block ${to}: the chain is at block ${head}`,
    );
  }
  await using writer = await RecordingWriter.create(out, {
    chain_id: Number(await result(client, "eth_chainId", signal)),
    client: await clientVersion(client, signal),
    from,
    to,
  });
  let [blocks, calls, bytes] = [0, 0, 0];
  let parent: string | undefined;
  for await (const recorded of inOrder(client, options)) {
    const { block, kept, number } = recorded;
    if (parent !== undefined && block.parentHash !== parent) {
      throw new UserError(
        `Cannot record block ${number}: the chain was reorganised below it ` +
          "meanwhile; record again, or blocks that are final",
      );
    }
    parent = block.hash;
    for (const call of kept) {
      await writer.add(call.method, call.params, call.result);
      bytes += call.bytes;
    }
    blocks++;
    calls += kept.length;
    progress({ blocks, calls, bytes });
  }
  await writer.finish();
  return { file, blocks, calls, bytes };
}

/** Fetch some blocks ahead and yield them by number. */
async function* inOrder(
  client: Answerer,
  { from, signal, to }: RecordOptions,
): AsyncGenerator<RecordedBlock> {
  const ahead = Math.max(1, Math.min(client.inFlight, MOST_AHEAD));
  const ending = new AbortController();
  const either = AbortSignal.any([signal, ending.signal]);
  const waiting: Promise<RecordedBlock>[] = [];
  try {
    for (let next = from; next <= to || waiting.length > 0;) {
      while (next <= to && waiting.length < ahead) {
        const fetching = fetchBlock(client, next++, either);
        // It is awaited later, if nothing fails before.
        fetching.catch(() => {});
        waiting.push(fetching);
      }
      const first = waiting.shift();
      if (first) yield await first;
    }
  } finally {
    ending.abort();
    await Promise.allSettled(waiting);
  }
}

async function fetchBlock(
  client: Answerer,
  number: number,
  signal: AbortSignal,
): Promise<RecordedBlock> {
  const height = `0x${number.toString(16)}`;
  const whole = await keep(
    client,
    { method: "eth_getBlockByNumber", params: [height, true] },
    { signal, validate: (result) => wrongBlock(result, height) },
  );
  const block = whole.result as Block;
  const receipts = await keep(
    client,
    { method: "eth_getBlockReceipts", params: [height] },
    { signal, validate: (result) => wrongReceipts(result, block) },
  );
  return { number, block, kept: [whole, receipts] };
}

async function keep(
  client: Answerer,
  call: Call,
  options: CallOptions,
): Promise<Kept> {
  try {
    const { bytes, result } = await client.ask(call, options);
    return { ...call, result, bytes };
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    const [height] = call.params;
    throw new UserError(
      `Cannot record block ${Number(height)}: ${call.method} says ` +
        `"${error.message}"`,
      { cause: error },
    );
  }
}

function wrongBlock(result: unknown, height: string): string | undefined {
  const { number } = (result ?? {}) as Partial<Block>;
  return number === height ? undefined : `it is not block ${height}`;
}

/** Two nodes behind one URL may disagree about the newest blocks. */
function wrongReceipts(result: unknown, block: Block): string | undefined {
  if (!Array.isArray(result)) return "the receipts are not a list";
  if (result.length !== block.transactions.length) {
    return `${result.length} receipts for ${block.transactions.length} ` +
      "transactions";
  }
  return result.every(({ blockHash }) => blockHash === block.hash)
    ? undefined
    : "the receipts are of another block";
}

async function clientVersion(
  client: Answerer,
  signal: AbortSignal,
): Promise<string> {
  try {
    return String(await result(client, "web3_clientVersion", signal));
  } catch (error) {
    // Many providers keep it to themselves, and nothing depends on it.
    if (error instanceof RpcError) return "unknown";
    throw error;
  }
}

async function result(
  client: Answerer,
  method: string,
  signal: AbortSignal,
): Promise<unknown> {
  return (await client.ask({ method, params: [] }, { signal })).result;
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
