/**
 * Parquet: every write is a file of its own, whole or not there.
 *
 * @module
 */
import { basename, dirname, join } from "node:path";
import {
  type Batch,
  type Schema,
  type SinkState,
  UserError,
} from "../../runtime/component.ts";
import {
  checkUnchanged,
  claim,
  makeFolder,
  type Owner,
  startOver,
  unclaim,
} from "./claim.ts";
import { fileAction } from "./file_error.ts";
import { numberedPath, removeAbove, removeFile, sizeOf } from "./numbered.ts";
import { type ParquetColumns, parquetFile } from "./parquet_columns.ts";

/** What {@linkcode ParquetFiles} writes where. */
export interface ParquetOptions {
  readonly path: string;
  readonly owner: Owner;
  readonly schema: Schema;
}

type State = {
  readonly path: string;
  readonly format: string;
  /** The number of the last whole file. */
  readonly file: number;
};

/** The numbered files of one sink. */
export class ParquetFiles {
  readonly #options: ParquetOptions;
  #file: number;
  /** A cursor is saved: the claim has done its work. */
  #known: boolean;

  private constructor(options: ParquetOptions, state: State | undefined) {
    this.#options = options;
    this.#file = state?.file ?? 0;
    this.#known = state !== undefined;
  }

  /**
   * Delete what the state does not know.
   *
   * @throws {UserError} when the files are not what the state says.
   */
  static async open(
    options: ParquetOptions,
    saved: SinkState | undefined,
  ): Promise<ParquetFiles> {
    const { owner, path } = options;
    const state = saved as State | undefined;
    if (state) checkUnchanged(state, { path, format: "parquet", owner });
    await makeFolder(path);
    if (state) {
      await removeAbove(path, state.file);
      await unclaim(path);
    } else {
      await startOver(path, { owner, numbered: true });
    }
    return new ParquetFiles(options, state);
  }

  /** Store a batch as the next file. */
  async write(batch: Batch<ParquetColumns>): Promise<SinkState> {
    const { owner, path, schema } = this.#options;
    if (batch.rows > 0) {
      const bytes = await parquetFile(
        schema,
        batch.chunks.map(({ data }) => data),
      );
      batch.signal.throwIfAborted();
      if (!this.#known && this.#file === 0) {
        await claim(path, { ...owner, bytes: bytes.length });
      } else if (!this.#known) {
        // The runtime saves a write's cursor before it writes again.
        await unclaim(path);
        this.#known = true;
      }
      await this.#store(bytes);
    }
    return { path, format: "parquet", file: this.#file } satisfies State;
  }

  async #store(bytes: Uint8Array): Promise<void> {
    const path = numberedPath(this.#options.path, this.#file + 1);
    // Hidden and with another ending: nobody reads half a file.
    const temporary = join(dirname(path), `.${basename(path)}.new`);
    if (await sizeOf(path) > 0) {
      throw new UserError(
        `Cannot write "${path}": another sink or process has written it`,
      );
    }
    try {
      await fileAction(`write "${path}"`, async () => {
        await Deno.writeFile(temporary, bytes);
        await Deno.rename(temporary, path);
      });
    } catch (error) {
      await removeFile(temporary);
      throw error;
    }
    this.#file++;
  }
}
