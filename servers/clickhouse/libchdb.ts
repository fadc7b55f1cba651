/**
 * ClickHouse as a library: the part of chDB's C interface that a server needs.
 *
 * Straight to the library and not through chDB's Node binding, which takes
 * text formats only and reads a blank line inside them as the end of the data
 * (measured; see `chdb.h` of chdb-io/chdb-core for the contract).
 *
 * @module
 */
import { libchdbPath } from "chdb/libchdb";
import type { Bytes } from "./bytes.ts";

/** What a statement did, as far as the engine counts it. */
export interface Result {
  bytes: Bytes;
  rowsRead: number;
  bytesRead: number;
  rowsWritten: number;
  bytesWritten: number;
  /** Seconds. */
  elapsed: number;
}

/** An exception of the engine; its message carries number and name. */
export class EngineError extends Error {
  override name = "EngineError";
}

const symbols = {
  chdb_set_signal_handlers_enabled: { parameters: ["i32"], result: "void" },
  chdb_connect: { parameters: ["i32", "buffer"], result: "pointer" },
  chdb_close_conn: { parameters: ["pointer"], result: "void" },
  chdb_shutdown: { parameters: [], result: "i32" },
  chdb_query_n: {
    parameters: ["pointer", "buffer", "usize", "buffer", "usize"],
    result: "pointer",
    nonblocking: true,
  },
  chdb_stream_query_n: {
    parameters: ["pointer", "buffer", "usize", "buffer", "usize"],
    result: "pointer",
    nonblocking: true,
  },
  chdb_stream_fetch_result: {
    parameters: ["pointer", "pointer"],
    result: "pointer",
    nonblocking: true,
  },
  chdb_stream_cancel_query: {
    parameters: ["pointer", "pointer"],
    result: "void",
    nonblocking: true,
  },
  chdb_stream_insert_n: {
    parameters: ["pointer", "buffer", "usize", "buffer", "usize"],
    result: "pointer",
    nonblocking: true,
  },
  chdb_stream_append: {
    parameters: ["pointer", "buffer", "usize"],
    result: "i32",
    nonblocking: true,
  },
  chdb_stream_done: {
    parameters: ["pointer"],
    result: "pointer",
    nonblocking: true,
  },
  chdb_stream_cancel_insert: {
    parameters: ["pointer"],
    result: "void",
    nonblocking: true,
  },
  chdb_stream_insert_error: { parameters: ["pointer"], result: "pointer" },
  chdb_destroy_insert_stream: {
    parameters: ["pointer"],
    result: "void",
    nonblocking: true,
  },
  chdb_destroy_query_result: { parameters: ["pointer"], result: "void" },
  chdb_result_buffer: { parameters: ["pointer"], result: "pointer" },
  chdb_result_length: { parameters: ["pointer"], result: "usize" },
  chdb_result_elapsed: { parameters: ["pointer"], result: "f64" },
  chdb_result_rows_read: { parameters: ["pointer"], result: "u64" },
  chdb_result_bytes_read: { parameters: ["pointer"], result: "u64" },
  chdb_result_rows_written: { parameters: ["pointer"], result: "u64" },
  chdb_result_bytes_written: { parameters: ["pointer"], result: "u64" },
  chdb_result_error: { parameters: ["pointer"], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

type Symbols = Deno.DynamicLibrary<typeof symbols>["symbols"];

/** The loaded engine; one data folder per process. */
export class Library {
  readonly #c: Symbols;

  constructor() {
    // The environment is not asked: only the locked package may be loaded.
    this.#c = Deno.dlopen(libchdbPath({ env: {} }), symbols).symbols;
    // The process decides what a signal means, not the library.
    this.#c.chdb_set_signal_handlers_enabled(0);
  }

  /**
   * Open a connection with arguments of `clickhouse local`.
   *
   * Connections share data and nothing else: settings, parameters and current
   * database are their own. Each runs one statement at a time.
   *
   * @throws {EngineError} when the folder cannot be opened; the engine has
   * written the cause to stderr
   */
  connect(args: readonly string[]): Connection {
    const texts = ["clickhouse", ...args].map((arg) => encode(`${arg}\0`));
    const pointers = BigUint64Array.from(
      texts,
      (text) => Deno.UnsafePointer.value(Deno.UnsafePointer.of(text)),
    );
    const handle = this.#c.chdb_connect(pointers.length, pointers);
    texts.length = 0; // The pointers point into them until here.
    if (!handle) throw new EngineError("The engine did not open its folder");
    return new Connection(this.#c, handle);
  }

  /** Join the engine's threads; every connection must be closed before. */
  shutdown(): void {
    this.#c.chdb_shutdown();
  }
}

/** A connection to the engine; it must be idle when it is closed. */
export class Connection {
  readonly #c: Symbols;
  readonly #handle: NonNullable<Deno.PointerValue>;
  readonly #connection: Deno.PointerValue;
  #closed = false;

  constructor(c: Symbols, handle: NonNullable<Deno.PointerValue>) {
    this.#c = c;
    this.#handle = handle;
    this.#connection = new Deno.UnsafePointerView(handle).getPointer();
  }

  /** Run a statement to its end and return everything it printed. */
  async run(sql: Bytes, format: string): Promise<Result> {
    const name = encode(format);
    return take(
      this.#c,
      await held(
        this.#c.chdb_query_n(
          this.#connection,
          ...sized(sql),
          ...sized(name),
        ),
        [sql, name],
      ),
    );
  }

  /**
   * Run a SELECT and yield its output block by block.
   *
   * The engine formats each block as a document of its own, so the format
   * must have neither head nor tail. Other statements than SELECT are refused
   * with {@link notStreamable} before anything runs.
   */
  async *stream(sql: Bytes, format: string): AsyncGenerator<Bytes> {
    const name = encode(format);
    const stream = await held(
      this.#c.chdb_stream_query_n(
        this.#connection,
        ...sized(sql),
        ...sized(name),
      ),
      [sql, name],
    );
    let ended = true;
    try {
      throwIfFailed(this.#c.chdb_result_error(stream));
      while (true) {
        const chunk = take(
          this.#c,
          await this.#c.chdb_stream_fetch_result(this.#connection, stream),
        );
        if (chunk.bytes.length === 0) return;
        ended = false;
        yield chunk.bytes;
        ended = true;
      }
    } finally {
      // Only a reader that left in the middle leaves a running query behind.
      if (!ended) {
        await this.#c.chdb_stream_cancel_query(this.#connection, stream);
      }
      this.#c.chdb_destroy_query_result(stream);
    }
  }

  /**
   * Insert data in any input format while it arrives.
   *
   * When `data` throws, nothing of the block in work is kept.
   */
  async insert(
    head: Bytes,
    { format, data }: { format: string; data: AsyncIterable<Bytes> },
  ): Promise<Result> {
    const name = encode(format);
    const stream = await held(
      this.#c.chdb_stream_insert_n(
        this.#connection,
        ...sized(head),
        ...sized(name),
      ),
      [head, name],
    );
    try {
      throwIfFailed(this.#c.chdb_stream_insert_error(stream));
      // Not `for await`: what to do with the rest is up to the caller.
      const chunks = data[Symbol.asyncIterator]();
      let next = await chunks.next();
      while (!next.done) {
        const failed = await held(
          this.#c.chdb_stream_append(stream, ...sized(next.value)),
          [next.value],
        );
        if (failed) break; // chdb_stream_done has the reason.
        next = await chunks.next();
      }
      return take(this.#c, await this.#c.chdb_stream_done(stream));
    } finally {
      // This also cancels what has not come to its end.
      await this.#c.chdb_destroy_insert_stream(stream);
    }
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#c.chdb_close_conn(this.#handle);
  }
}

/** Whether an error says that a statement must be run instead of streamed. */
export function notStreamable(error: unknown): boolean {
  return error instanceof EngineError &&
    error.message.includes("Streaming query is not supported");
}

const utf8 = new TextEncoder();

function encode(text: string): Bytes {
  return utf8.encode(text);
}

function sized(bytes: Bytes): [Bytes, bigint] {
  return [bytes, BigInt(bytes.length)];
}

/** Keeps buffers reachable while another thread reads them. */
async function held<T>(call: Promise<T>, buffers: Bytes[]): Promise<T> {
  try {
    return await call;
  } finally {
    buffers.length = 0;
  }
}

function take(c: Symbols, result: Deno.PointerValue): Result {
  try {
    throwIfFailed(c.chdb_result_error(result));
    const bytes = new Uint8Array(Number(c.chdb_result_length(result)));
    const buffer = c.chdb_result_buffer(result);
    if (buffer) Deno.UnsafePointerView.copyInto(buffer, bytes);
    return {
      bytes,
      rowsRead: Number(c.chdb_result_rows_read(result)),
      bytesRead: Number(c.chdb_result_bytes_read(result)),
      rowsWritten: Number(c.chdb_result_rows_written(result)),
      bytesWritten: Number(c.chdb_result_bytes_written(result)),
      elapsed: c.chdb_result_elapsed(result),
    };
  } finally {
    c.chdb_destroy_query_result(result);
  }
}

function throwIfFailed(message: Deno.PointerValue): void {
  if (!message) return;
  throw new EngineError(Deno.UnsafePointerView.getCString(message).trim());
}
