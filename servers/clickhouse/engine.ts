/**
 * The engine of one data folder: how it is set up, and a fresh connection for
 * every request.
 *
 * @module
 */
import type { Bytes } from "./bytes.ts";
import { type Connection, Library } from "./libchdb.ts";

/** What a request brings besides its statement. */
export interface Scope {
  database: string | undefined;
  /** Settings and `param_…` query parameters by name, as text. */
  settings: ReadonlyMap<string, string>;
}

/** Server settings; they count for the connection that opens the folder. */
const SERVER_ARGS = [
  // ClickHouse's own default. With chDB's 2, a deletion from 50 partitions
  // takes 8 s instead of 0.8 s.
  "--background_pool_size=16",
  // A process beside the pipeline, not a machine of its own: the engine would
  // take nine tenths of the memory, and 5 GiB for marks alone.
  "--max_server_memory_usage=4294967296",
  "--max_server_memory_usage_to_ram_ratio=0.5",
  "--mark_cache_size=67108864",
  "--primary_index_cache_size=67108864",
  "--index_mark_cache_size=16777216",
];

/** Settings of every connection that a request may change for itself. */
const SESSION_ARGS = [
  // On in chDB, for clients that insert row by row; a pipeline does not.
  "--async_insert=0",
  // Off in ClickHouse 26: JSON.parse would round a UInt64 in silence.
  "--output_format_json_quote_64bit_integers=1",
  // RFC 3339 timestamps; the default takes "2026-01-01 00:00:00" alone.
  "--date_time_input_format=best_effort",
  // The same rows on every machine.
  "--session_timezone=UTC",
];

/** An open data folder. */
export class Engine {
  readonly #library = new Library();
  readonly #args: readonly string[];
  /** Keeps the folder open between requests. */
  readonly #root: Connection;

  /** @throws {Error} when the folder cannot be opened */
  constructor(folder: string) {
    this.#args = [`--path=${folder}`, ...SERVER_ARGS, ...SESSION_ARGS];
    this.#root = this.#library.connect(this.#args);
  }

  /** ClickHouse's version, such as 26.7.2.1. */
  async version(): Promise<string> {
    const { bytes } = await this.#root.run(
      utf8.encode("SELECT version()"),
      "TabSeparated",
    );
    return new TextDecoder().decode(bytes).trim();
  }

  /**
   * Open a connection of one request; it takes half a millisecond and leaves
   * nothing behind for the next one.
   *
   * @throws {EngineError} for an unknown database or setting
   */
  async open({ database, settings }: Scope): Promise<Connection> {
    const connection = this.#library.connect(this.#args);
    try {
      if (database !== undefined && database !== "default") {
        await connection.run(
          utf8.encode(`USE ${quote(database, "`")}`),
          "Null",
        );
      }
      if (settings.size > 0) await connection.run(setAll(settings), "Null");
      return connection;
    } catch (error) {
      connection[Symbol.dispose]();
      throw error;
    }
  }

  /** Close the folder; every request must be over. */
  close(): void {
    this.#root[Symbol.dispose]();
    this.#library.shutdown();
  }
}

const utf8 = new TextEncoder();

/** Parameters go with the settings: the engine keeps both per connection. */
function setAll(settings: ReadonlyMap<string, string>): Bytes {
  const list = [...settings]
    .map(([name, value]) => `${quote(name, "`")} = ${quote(value, "'")}`);
  return utf8.encode(`SET ${list.join(", ")}`);
}

function quote(text: string, mark: "'" | "`"): string {
  const inner = text.replaceAll("\\", "\\\\").replaceAll(mark, `\\${mark}`);
  return `${mark}${inner}${mark}`;
}
