/**
 * Files that grow: append, rotate, and cut back to what the cursor knows.
 *
 * @module
 */
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import {
  type Batch,
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
import { numberedPath, removeAbove, sizeOf } from "./numbered.ts";

/** Larger appends are slower (measured: 8 MiB by a third). */
const longestAppend = 1 << 20;

/** When a new file is started. */
export interface Rotation {
  /** A file spans at most this many blocks. */
  readonly blocks?: number | undefined;
  /** A file that has reached this size gets no more. */
  readonly bytes?: number | undefined;
}

/** What {@linkcode AppendedFiles} writes where. */
export interface AppendedOptions {
  readonly path: string;
  readonly owner: Owner;
  /** `jsonl` or `csv`, for the message when it has changed. */
  readonly format: string;
  /** What every file starts with. */
  readonly header: string;
  readonly compress: boolean;
  readonly rotate: Rotation | undefined;
}

/** Where a run stands: what is stored in full, and nothing else. */
type Position = {
  readonly file: number;
  readonly bytes: number;
  /** The position of the file's first unit, null when it has none. */
  readonly first: number | null;
};

/** A position as the runtime keeps it, with what must not have changed. */
type State = Position & {
  readonly path: string;
  readonly format: string;
  readonly header: string;
};

const utf8 = new TextEncoder();
const deflate = promisify(gzip);

/** The growing files of one sink; only the last one is written. */
export class AppendedFiles implements AsyncDisposable {
  readonly #options: AppendedOptions;
  #position: Position;
  #file: Deno.FsFile | undefined;
  /** Where small chunks are put together, one append after the other. */
  readonly #together = new Uint8Array(longestAppend);
  /** A write failed: more may be on disk than `#position` says. */
  #torn = false;
  /** A cursor is saved: the claim has done its work. */
  #known: boolean;

  private constructor(options: AppendedOptions, state: State | undefined) {
    this.#options = options;
    this.#position = state ??
      { file: options.rotate ? 1 : 0, bytes: 0, first: null };
    this.#known = state !== undefined;
  }

  /**
   * Open the last file, cut back to the state.
   *
   * @throws {UserError} when the files are not what the state says.
   */
  static async open(
    options: AppendedOptions,
    saved: SinkState | undefined,
  ): Promise<AppendedFiles> {
    const { header, owner, path, rotate } = options;
    const state = saved as State | undefined;
    if (state) {
      checkUnchanged(state, options);
      if (state.header !== header) {
        throw new UserError(
          `Sink "${owner.sink}" of pipeline "${owner.pipeline}" wrote other ` +
            `columns to "${path}" before: ${state.header.trim()}; choose ` +
            `another path and reset the sink`,
        );
      }
    }
    await makeFolder(path);
    if (state) await unclaim(path);
    else await startOver(path, { owner, numbered: rotate !== undefined });

    const files = new AppendedFiles(options, state);
    try {
      await files.#resume();
    } catch (error) {
      await files[Symbol.asyncDispose]();
      throw error;
    }
    return files;
  }

  /** Append a batch; resolved means that the kernel has it. */
  async write(batch: Batch<Uint8Array>): Promise<SinkState> {
    if (this.#torn) await this.#resume();
    await this.#checkUntouched();
    await this.#claimFirst(batch);

    const before = this.#position;
    this.#torn = true;
    try {
      await this.#append(batch);
      this.#torn = false;
    } catch (error) {
      this.#position = before;
      throw error;
    }
    return this.#state();
  }

  /** Close the file; what is on disk stays. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#file?.close();
    this.#file = undefined;
    return Promise.resolve();
  }

  get #path(): string {
    return numberedPath(this.#options.path, this.#position.file);
  }

  #state(): State {
    const { format, header, path } = this.#options;
    return { path, format, header, ...this.#position };
  }

  /** Make the disk hold exactly what the position says. */
  async #resume(): Promise<void> {
    const { file } = this.#position;
    const { path, rotate } = this.#options;
    if (rotate || file > 0) await removeAbove(path, file);
    await this.#openFile();
    this.#torn = false;
  }

  async #openFile(): Promise<void> {
    this.#file?.close();
    this.#file = undefined;
    const path = this.#path;
    const { bytes } = this.#position;
    const size = await sizeOf(path);
    if (size < bytes) throw lost(path, size, bytes);

    await fileAction(`write "${path}"`, async () => {
      const file = await Deno.open(path, { write: true, create: true });
      this.#file = file;
      if (!await file.tryLock(true)) {
        throw new UserError(
          `Cannot write "${path}": another sink or process is writing it`,
        );
      }
      if (size > bytes) await file.truncate(bytes);
      await file.seek(bytes, Deno.SeekMode.Start);
    });
  }

  /** A file that was moved away would swallow rows without a sound. */
  async #checkUntouched(): Promise<void> {
    const { bytes } = this.#position;
    const size = await sizeOf(this.#path);
    if (size !== bytes) throw lost(this.#path, size, bytes);
  }

  async #claimFirst({ bytes, chunks }: Batch<Uint8Array>): Promise<void> {
    if (this.#known) return;

    const { header, owner, path } = this.#options;
    if (this.#position.first === null) {
      // Headers and gzip's own words come on top.
      const most = 2 * bytes +
        chunks.length * (utf8.encode(header).length + 64);
      await claim(path, { ...owner, bytes: most });
    } else {
      // The runtime saves a write's cursor before it writes again.
      await unclaim(path);
      this.#known = true;
    }
  }

  async #append(batch: Batch<Uint8Array>): Promise<void> {
    let pending: Uint8Array[] = [];
    let bytes = 0;
    for (const { data, unit } of batch.chunks) {
      if (data.length === 0) continue;
      if (this.#full(unit.number, this.#options.compress ? 0 : bytes)) {
        await this.#flush(pending, batch.signal);
        pending = [];
        bytes = 0;
        await this.#rotate();
      }
      const { first } = this.#position;
      this.#position = { ...this.#position, first: first ?? unit.number };
      pending.push(data);
      bytes += data.length;
    }
    await this.#flush(pending, batch.signal);
  }

  #full(unit: number, pending: number): boolean {
    const { blocks = Infinity, bytes = Infinity } = this.#options.rotate ?? {};
    const { first, bytes: stored } = this.#position;
    if (first === null) return false;
    return unit >= first + blocks || stored + pending >= bytes;
  }

  async #rotate(): Promise<void> {
    const file = this.#position.file + 1;
    this.#position = { file, bytes: 0, first: null };
    await this.#openFile();
  }

  async #flush(chunks: Uint8Array[], signal: AbortSignal): Promise<void> {
    if (chunks.length === 0) return;
    const { compress, header } = this.#options;
    const all = this.#position.bytes === 0 && header !== ""
      ? [utf8.encode(header), ...chunks]
      : chunks;
    // A gzip member a write: the file can be cut back between any two.
    const stored = compress
      ? [await deflate(joined(all, new Uint8Array(lengthOf(all))))]
      : pieces(all, this.#together);
    for (const bytes of stored) await this.#store(bytes, signal);
  }

  async #store(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    const file = this.#file;
    if (file === undefined) throw new Error(`"${this.#path}" is closed`);
    for (let at = 0; at < bytes.length;) {
      signal.throwIfAborted();
      const part = bytes.subarray(at, at + longestAppend);
      at += await fileAction(`write "${this.#path}"`, () => file.write(part));
    }
    const { bytes: before } = this.#position;
    this.#position = { ...this.#position, bytes: before + bytes.length };
  }
}

function lost(path: string, size: number, bytes: number): UserError {
  return new UserError(
    `"${path}" has ${size} bytes where ${bytes} were stored: something else ` +
      `changed it; put it back, or move it away and reset the sink`,
  );
}

function lengthOf(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.length, 0);
}

function joined(chunks: readonly Uint8Array[], into: Uint8Array): Uint8Array {
  let at = 0;
  for (const chunk of chunks) {
    into.set(chunk, at);
    at += chunk.length;
  }
  return into.subarray(0, at);
}

/**
 * Small chunks together: an append costs a system call each. A piece is good
 * until the next one is taken.
 */
function* pieces(
  chunks: readonly Uint8Array[],
  together: Uint8Array,
): Iterable<Uint8Array> {
  let group: Uint8Array[] = [];
  let bytes = 0;
  for (const chunk of chunks) {
    if (bytes > 0 && bytes + chunk.length > together.length) {
      yield whole(group, together);
      group = [];
      bytes = 0;
    }
    group.push(chunk);
    bytes += chunk.length;
  }
  if (bytes > 0) yield whole(group, together);
}

/** A single chunk as it is; it may be larger than what takes several. */
function whole(
  group: readonly Uint8Array[],
  together: Uint8Array,
): Uint8Array {
  const [first] = group;
  return group.length === 1 && first ? first : joined(group, together);
}
