/**
 * The lease of a pipeline, and writes that only its holder can make.
 *
 * Each taking of the lease raises the epoch, which stays when the owner, which
 * has a time to live, is gone. Each write is a lightweight transaction on the
 * epoch: that of a process which was overtaken is refused, however late it
 * comes and whatever the clocks say. Each write renews the lease as well.
 *
 * @module
 */
import { hostname } from "node:os";
import type { ArrayOrObject } from "cassandra-driver";
import {
  type Clock,
  FencedError,
  type Instant,
  LeaseClock,
  type Owner,
  RetryableError,
} from "../../runtime/component.ts";
import type { Answer, ScyllaClient, Statement } from "./client.ts";
import { stateTable } from "./state_tables.ts";

/**
 * A lease that is not renewed for so long is free, s. Four renewals fit in;
 * its successor has begun within 15 s of its holder's death.
 */
export const leaseSeconds = 12;

/**
 * The holder stops so much earlier, ms: a time to live counts whole seconds,
 * which takes up to one, and the clocks of the store's nodes may differ.
 */
const margin = 2_000;

/** Renewals must fail while the lease lasts, to be tried again, ms. */
const timeout = 4_000;

/** Statements of one transaction: it is one message and one entry of a log. */
const mostStatements = 100;

/** CQL's number of the consistency of lightweight transactions. */
const serial = 0x0008;

/** Others may be faster so often before the store is taken for busy. */
const mostRaces = 5;

/** Whose lease it is. */
export interface FenceOptions {
  readonly client: ScyllaClient;
  readonly pipeline: string;
  readonly clock: Clock;
  /** Lifetime of the lease in whole seconds. */
  readonly seconds: number;
}

/** The holder as the store has it. */
interface StoredOwner extends Owner {
  /** Makes a process's own lease known to it when an answer was lost. */
  readonly id: string;
}

interface Held {
  readonly epoch: bigint | undefined;
  readonly owner: StoredOwner | undefined;
}

interface Request {
  readonly statements: readonly Statement[];
  resolve(): void;
  reject(error: unknown): void;
}

/** A pipeline's partition as one process sees it; see the module. */
export class Fence {
  readonly #options: FenceOptions;
  readonly #lease: LeaseClock;
  #owner: StoredOwner = {
    id: crypto.randomUUID(),
    pid: Deno.pid,
    host: hostname(),
    since: 0,
  };
  #epoch = 0n;
  #queue: Request[] = [];
  #working: Promise<void> | undefined;

  constructor(options: FenceOptions) {
    this.#options = options;
    this.#lease = new LeaseClock(options.clock);
  }

  /** Grows with every taking of the lease; 0 before. */
  get epoch(): bigint {
    return this.#epoch;
  }

  /** Milliseconds for which the lease certainly is this process's. */
  lasts(): number {
    return this.#lease.left();
  }

  /** Take the lease, or return who holds it. */
  async acquire(): Promise<Owner | undefined> {
    for (let race = 0; race < mostRaces; race++) {
      const { epoch, owner } = await this.#held();
      if (owner?.id === this.#owner.id) {
        // Taken by a request whose answer was lost.
        this.#epoch = epoch ?? 0n;
        await this.commit([]);
        return undefined;
      }
      if (owner) {
        const { host, pid, since } = owner;
        return { host, pid, since };
      }
      if (await this.#take(epoch)) return undefined;
    }
    throw new RetryableError("The lease is contended by many processes");
  }

  /**
   * Make changes to the pipeline's partition, all or none, and renew the
   * lease.
   *
   * @throws {FencedError} when another process has taken the lease.
   */
  commit(statements: readonly Statement[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ statements, resolve, reject });
      this.#working ??= this.#work();
    });
  }

  /** Rows of the pipeline as the last write has left them. */
  read(
    what: string,
    where: string,
    params: readonly unknown[],
  ): Promise<readonly Answer[]> {
    return this.#select(
      `SELECT ${what} FROM ${stateTable} WHERE pipeline = ? AND ${where}`,
      params,
    );
  }

  /** Give the lease back, so that nobody has to wait for its end. */
  async release(): Promise<void> {
    if (this.#epoch === 0n) return;
    await this.#working?.catch(() => {});
    this.#lease.end();
    const epoch = this.#epoch;
    this.#epoch = 0n;
    try {
      await this.#transact([{
        query: `UPDATE ${stateTable} SET owner = null WHERE pipeline = ? ` +
          "IF epoch = ?",
        params: [this.#options.pipeline, epoch],
      }]);
    } catch (error) {
      // It ends by itself then.
      if (!(error instanceof RetryableError)) throw error;
    }
  }

  /**
   * One transaction at a time: two at once on one partition hold each other
   * up. What comes meanwhile goes together in the next.
   */
  async #work(): Promise<void> {
    // Whatever is asked for in this turn goes together.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const group = this.#next();
      try {
        await this.#send(group.flatMap(({ statements }) => statements));
        for (const { resolve } of group) resolve();
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    // In the same turn as the last look at the queue.
    this.#working = undefined;
  }

  #next(): Request[] {
    let statements = 0;
    const end = this.#queue.findIndex((request, index) => {
      statements += request.statements.length;
      return index > 0 && statements > mostStatements;
    });
    return this.#queue.splice(0, end < 0 ? this.#queue.length : end);
  }

  /** Raise the epoch; whether nobody else was faster. */
  async #take(before: bigint | undefined): Promise<boolean> {
    const { clock, pipeline, seconds } = this.#options;
    const epoch = (before ?? 0n) + 1n;
    const owner = { ...this.#owner, since: clock.now() };
    const sent = this.#lease.now();
    const taken = await this.#transact([{
      query: `UPDATE ${stateTable} USING TTL ? SET owner = ? ` +
        "WHERE pipeline = ? IF owner = null AND " +
        `epoch = ${before === undefined ? "null" : "?"}`,
      params: [
        seconds,
        JSON.stringify(owner),
        pipeline,
        ...before === undefined ? [] : [before],
      ],
    }, {
      query: `UPDATE ${stateTable} SET epoch = ? WHERE pipeline = ?`,
      params: [epoch, pipeline],
    }]);
    if (!taken) return false;
    this.#owner = owner;
    this.#epoch = epoch;
    this.#extend(sent);
    return true;
  }

  async #send(statements: readonly Statement[]): Promise<void> {
    const { pipeline, seconds } = this.#options;
    const sent = this.#lease.now();
    const applied = await this.#transact([{
      query: `UPDATE ${stateTable} USING TTL ? SET owner = ? ` +
        "WHERE pipeline = ? IF epoch = ?",
      params: [seconds, JSON.stringify(this.#owner), pipeline, this.#epoch],
    }, ...statements]);
    if (applied) return this.#extend(sent);

    this.#lease.end();
    const { owner } = await this.#held();
    throw new FencedError(
      `Cannot write state: ${
        owner ? `process ${owner.pid} on ${owner.host}` : "another process"
      } has taken over this pipeline`,
    );
  }

  #extend(sent: Instant): void {
    this.#lease.extend(sent, this.#options.seconds * 1000 - margin);
  }

  /** Who holds the lease now. */
  async #held(): Promise<Held> {
    const [row] = await this.#select(
      `SELECT DISTINCT pipeline, epoch, owner FROM ${stateTable} ` +
        "WHERE pipeline = ?",
      [],
    );
    const epoch = row?.["epoch"];
    const owner = row?.["owner"];
    return {
      epoch: typeof epoch === "bigint" ? epoch : undefined,
      owner: typeof owner === "string" ? JSON.parse(owner) : undefined,
    };
  }

  /** Read what the last transaction has left, also one that is unfinished. */
  #select(
    query: string,
    params: readonly unknown[],
  ): Promise<readonly Answer[]> {
    const { client, pipeline } = this.#options;
    return client.use(async ({ client }) => {
      const result = await client.execute(query, [pipeline, ...params], {
        prepare: true,
        isIdempotent: true,
        consistency: serial,
        readTimeout: timeout,
      });
      const rows: Answer[] = [];
      for await (const row of result) rows.push(row);
      return rows;
    });
  }

  #transact(statements: readonly Statement[]): Promise<boolean> {
    return this.#options.client.use(async ({ client, level }) => {
      const result = await client.batch(
        statements as { query: string; params: ArrayOrObject }[],
        {
          prepare: true,
          consistency: level("local_quorum"),
          serialConsistency: serial,
          readTimeout: timeout,
        },
      );
      return result.wasApplied();
    });
  }
}
