/**
 * Recordings: what a node answered for a range of blocks, in one gzip file
 * that replays without a network.
 *
 * A recording is `NAME.jsonl.gz`. Its first line is the header
 * `{"recording":1,"chain_id":31337,"client":"…","from":0,"to":300}`, every
 * further line one call: `{"method":"…","params":[…],"result":…}`, the result
 * as the node gave it. Only methods, parameters and results are ever written:
 * no URL, no key, no header. Only the runtime's own modules are imported here,
 * so that programs with a lockfile of their own can write recordings too.
 *
 * @module
 */
import { createWriteStream } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { finished } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { describeFailure, fileOf, linesOf } from "./recording_file.ts";

export { RecordingError } from "./recording_file.ts";

/** The version of the format that this module reads and writes. */
export const RECORDING_VERSION = 1;

// Recordings are committed: size matters more than the time to write one.
const GZIP_LEVEL = 9;

/** What a recording holds: the chain, the node and the range of blocks. */
export interface RecordingHeader {
  /** The chain's id, as in EIP-155. */
  readonly chain_id: number;
  /** What the node said to `web3_clientVersion`. */
  readonly client: string;
  /** The first recorded block. */
  readonly from: number;
  /** The last recorded block; `latest`, `safe` and `finalized` mean this one. */
  readonly to: number;
}

interface Block {
  readonly hash: string;
  readonly transactions: readonly (string | { readonly hash: string })[];
}

interface Receipt {
  readonly transactionHash: string;
}

/** The recorded calls, each kept as JSON text and parsed when it is asked for. */
export class Recording {
  /** The file it was read from. */
  readonly path: string;
  /** Chain, node and range. */
  readonly header: RecordingHeader;
  readonly #results: ReadonlyMap<string, string>;
  readonly #numbers: ReadonlyMap<string, number>;
  #receipts: Map<string, number> | undefined;

  /** Take over what `openRecording()` has read. */
  constructor(path: string, content: RecordingContent) {
    this.path = path;
    this.header = content.header;
    this.#results = content.results;
    this.#numbers = content.numbers;
  }

  /** The number of recorded calls. */
  get size(): number {
    return this.#results.size;
  }

  /**
   * Answer a call with its parsed result, a fresh value each time, or
   * `undefined` if the recording cannot tell.
   *
   * The chain id, the head and the client come from the header, and the tags
   * `latest`, `safe` and `finalized` name the last block, because a recording
   * is final. A block without transactions, a block or its receipts by hash
   * and a single receipt are derived from the block and its receipts. A block
   * after the last one is `null`, as with a node that does not have it yet.
   */
  answer(method: string, params: readonly unknown[] = []): unknown {
    const text = this.answerText(method, params);
    return text === undefined ? undefined : JSON.parse(text);
  }

  /** Answer a call as `answer()` does, with the JSON text of the result. */
  answerText(
    method: string,
    params: readonly unknown[] = [],
  ): string | undefined {
    switch (method) {
      case "eth_chainId":
        return JSON.stringify(hex(this.header.chain_id));
      case "eth_blockNumber":
        return JSON.stringify(hex(this.header.to));
      case "web3_clientVersion":
        return JSON.stringify(this.header.client);
      case "eth_getBlockByNumber":
        return this.#block(this.#height(params[0]), params[1]);
      case "eth_getBlockByHash":
        return this.#results.get(keyOf(method, params)) ??
          this.#block(this.#height(params[0]), params[1]);
      case "eth_getBlockReceipts":
        return this.#blockReceipts(this.#height(params[0]));
      case "eth_getTransactionReceipt":
        return this.#results.get(keyOf(method, params)) ??
          this.#receipt(String(params[0]).toLowerCase());
      default:
        return this.#results.get(keyOf(method, params));
    }
  }

  /** The height that a tag, a quantity or a block hash names. */
  #height(block: unknown): number | undefined {
    if (typeof block !== "string") return undefined;
    if (/^(latest|safe|finalized)$/.test(block)) return this.header.to;
    if (block === "earliest") return this.header.from;
    if (/^0x[0-9a-f]{64}$/i.test(block)) {
      return this.#numbers.get(block.toLowerCase());
    }
    return /^0x[0-9a-f]+$/i.test(block) ? Number(block) : undefined;
  }

  #block(height: number | undefined, full: unknown): string | undefined {
    if (height === undefined) return undefined;
    if (height > this.header.to) return "null";
    const method = "eth_getBlockByNumber";
    const whole = this.#results.get(keyOf(method, [hex(height), true]));
    if (full === true) return whole;
    const bare = this.#results.get(keyOf(method, [hex(height), false]));
    if (bare !== undefined || whole === undefined) return bare;
    const block: Block = JSON.parse(whole);
    const transactions = block.transactions.map((transaction) =>
      typeof transaction === "string" ? transaction : transaction.hash
    );
    return JSON.stringify({ ...block, transactions });
  }

  #blockReceipts(height: number | undefined): string | undefined {
    if (height === undefined) return undefined;
    if (height > this.header.to) return "null";
    return this.#results.get(keyOf("eth_getBlockReceipts", [hex(height)]));
  }

  #receipt(hash: string): string | undefined {
    this.#receipts ??= this.#indexReceipts();
    const text = this.#blockReceipts(this.#receipts.get(hash));
    if (text === undefined) return undefined;
    const receipts: readonly Receipt[] = JSON.parse(text);
    return JSON.stringify(receipts.find((r) => r.transactionHash === hash));
  }

  /** Transaction hash to block; built on first use, few pipelines need it. */
  #indexReceipts(): Map<string, number> {
    const index = new Map<string, number>();
    for (let height = this.header.from; height <= this.header.to; height++) {
      const text = this.#blockReceipts(height);
      if (text === undefined) continue;
      const receipts: readonly Receipt[] | null = JSON.parse(text);
      for (const receipt of receipts ?? []) {
        index.set(receipt.transactionHash, height);
      }
    }
    return index;
  }
}

/** What a file held: its header, its results by call, its blocks by hash. */
export interface RecordingContent {
  readonly header: RecordingHeader;
  readonly results: ReadonlyMap<string, string>;
  readonly numbers: ReadonlyMap<string, number>;
}

/**
 * Read a recording into memory and check every line of it. The path may leave
 * out `.jsonl.gz`; a relative one starts at the working directory.
 *
 * @throws {RecordingError} It is missing, truncated, damaged or of another
 * format; the message names the file, the line and the remedy.
 */
export async function openRecording(path: string): Promise<Recording> {
  const file = fileOf(path);
  const results = new Map<string, string>();
  const numbers = new Map<string, number>();
  let header: RecordingHeader | undefined;
  let line = 0;
  try {
    for await (const text of linesOf(file)) {
      line++;
      if (header === undefined) header = parseHeader(text);
      else readCall(text, results, numbers);
    }
    if (header === undefined) throw new SyntaxError("the file is empty");
  } catch (cause) {
    throw describeFailure(cause, { path, file, line });
  }
  return new Recording(file, { header, results, numbers });
}

function readCall(
  text: string,
  results: Map<string, string>,
  numbers: Map<string, number>,
): void {
  const { method, params, result } = JSON.parse(text) ?? {};
  if (typeof method !== "string" || !Array.isArray(params)) {
    throw new SyntaxError('a call needs "method", "params" and "result"');
  }
  if (result === undefined) throw new SyntaxError('no "result"');
  // The writer's own lines are cut, not printed again: the text of the line
  // is then the only copy in memory.
  const start = lineStart(method, params);
  const own = text.startsWith(start) && text.endsWith("}");
  const kept = own ? text.slice(start.length, -1) : JSON.stringify(result);
  results.set(keyOf(method, params), kept);
  if (method === "eth_getBlockByNumber" && typeof result?.hash === "string") {
    numbers.set(result.hash.toLowerCase(), Number(result.number));
  }
}

function parseHeader(text: string): RecordingHeader {
  const { recording, chain_id, client, from, to } = JSON.parse(text) ?? {};
  if (recording === undefined) throw new SyntaxError("not a recording");
  if (recording !== RECORDING_VERSION) {
    throw new SyntaxError(
      `format ${recording}, but this program reads ${RECORDING_VERSION}`,
    );
  }
  const whole = [chain_id, from, to].every(Number.isSafeInteger);
  if (!whole || typeof client !== "string" || from > to) {
    throw new SyntaxError(
      'the header needs "chain_id", "client", "from" and "to"',
    );
  }
  return { chain_id, client, from, to };
}

/**
 * Write a recording: `create()`, `add()` every call, `finish()`.
 *
 * The file appears under its name only when it is whole; a writer that is
 * disposed of before leaves nothing behind. The same header and calls in the
 * same order give the same bytes.
 */
export class RecordingWriter {
  /** The file that `finish()` makes. */
  readonly path: string;
  readonly #temporary: string;
  readonly #gzip = createGzip({ level: GZIP_LEVEL });
  readonly #stored: Promise<void>;
  readonly #seen = new Set<string>();
  #done = false;

  private constructor(path: string) {
    this.path = fileOf(path);
    this.#temporary = `${this.path}.${Deno.pid}.part`;
    const file = createWriteStream(this.#temporary, { flush: true });
    this.#stored = finished(file);
    // Reported by the next add() or finish(), never as an unhandled rejection.
    this.#stored.catch(() => this.#gzip.destroy());
    this.#gzip.pipe(file);
  }

  /**
   * Start a recording and make its folder; the path may leave out `.jsonl.gz`.
   */
  static async create(
    path: string,
    header: RecordingHeader,
  ): Promise<RecordingWriter> {
    const { chain_id, client, from, to } = header;
    await mkdir(dirname(fileOf(path)), { recursive: true });
    const writer = new RecordingWriter(path);
    await writer.#write(JSON.stringify({
      recording: RECORDING_VERSION,
      chain_id,
      client,
      from,
      to,
    }));
    return writer;
  }

  /**
   * Add the result of a call. The first answer to a call is kept: a repeated
   * call with the same parameters adds nothing, because a retry must not make
   * the recording differ.
   */
  async add(
    method: string,
    params: readonly unknown[],
    result: unknown,
  ): Promise<void> {
    const key = keyOf(method, params);
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    await this.#write(
      `${lineStart(method, params)}${JSON.stringify(result)}}`,
    );
  }

  /** Store what was added and give the file its name. */
  async finish(): Promise<void> {
    this.#gzip.end();
    await this.#stored;
    await rename(this.#temporary, this.path);
    this.#done = true;
  }

  /** Remove the unfinished file, if `finish()` was not reached. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#done) return;
    this.#gzip.end();
    await this.#stored.catch(() => {});
    await rm(this.#temporary, { force: true });
  }

  async #write(line: string): Promise<void> {
    if (this.#gzip.destroyed) await this.#stored;
    if (this.#gzip.write(`${line}\n`)) return;
    const drained = new Promise<void>((free) => this.#gzip.once("drain", free));
    await Promise.race([drained, this.#stored]);
  }
}

function lineStart(method: string, params: readonly unknown[]): string {
  return `{"method":${JSON.stringify(method)},` +
    `"params":${JSON.stringify(params)},"result":`;
}

/** One spelling per call: hex digits may come in either case. */
function keyOf(method: string, params: readonly unknown[]): string {
  return method + JSON.stringify(params).toLowerCase();
}

function hex(number: number): string {
  return `0x${number.toString(16)}`;
}
