/**
 * One process owns a data folder, and says in it where it can be reached.
 *
 * @module
 */

/** How another process of the same user reaches the owner. */
export interface Address {
  url: string;
  username: string;
  password: string;
  pid: number;
}

/** Another process owns the folder. */
export class OwnedError extends Error {
  override name = "OwnedError";
  /** Undefined when the owner has not yet written its number. */
  readonly pid: number | undefined;

  constructor(folder: string, pid: number | undefined) {
    const owner = pid === undefined ? "another process" : `process ${pid}`;
    super(`Folder "${folder}" is in use by ${owner}`);
    this.pid = pid;
  }
}

/** The right to a folder; it ends with the process, however that ends. */
export class Ownership {
  readonly #lock: Deno.FsFile;
  readonly #address: string;

  private constructor(folder: string, lock: Deno.FsFile) {
    this.#lock = lock;
    this.#address = `${folder}/server.json`;
  }

  /** @throws {OwnedError} when another process owns the folder */
  static async take(folder: string): Promise<Ownership> {
    // Rows are as private as the password that guards them.
    await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    const path = `${folder}/server.lock`;
    const lock = await Deno.open(path, {
      create: true,
      read: true,
      write: true,
      mode: 0o600,
    });
    if (!await lock.tryLock(true)) {
      lock.close();
      const pid = Number.parseInt(await Deno.readTextFile(path));
      throw new OwnedError(folder, Number.isNaN(pid) ? undefined : pid);
    }
    await lock.truncate();
    await lock.write(new TextEncoder().encode(`${Deno.pid}\n`));
    return new Ownership(folder, lock);
  }

  /** Publish the address in `server.json`, readable by this user alone. */
  async publish(address: Address): Promise<void> {
    const draft = `${this.#address}.new`;
    await Deno.writeTextFile(draft, JSON.stringify(address), { mode: 0o600 });
    await Deno.rename(draft, this.#address);
  }

  /** Give the folder up. */
  async release(): Promise<void> {
    await Deno.remove(this.#address).catch((error: unknown) => {
      // The folder itself may be gone: a test removes it first.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
    this.#lock.close();
  }
}
