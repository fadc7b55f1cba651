/**
 * Writes that are one transaction each, cursor included.
 *
 * @module
 */
import { createHash, randomUUID } from "node:crypto";
import type { Producer, Transaction } from "kafkajs";
import {
  type Batch,
  type Chunk,
  type Logger,
  RetryableError,
  type SinkState,
  type UnitInfo,
  UserError,
} from "../../runtime/component.ts";
import type { KafkaClient } from "./client.ts";
import {
  type CursorRecord,
  cursorTopicName,
  readTail,
  type Tail,
} from "./cursor_topic.ts";
import { isFenced } from "./errors.ts";
import { sends, type TopicRecords } from "./sends.ts";

/**
 * After this long the brokers abort a transaction. Long enough for a slow
 * write; a crashed process holds back its readers no longer than this.
 */
const transactionTimeout = 60_000;

/** Units of one transaction: their names must fit into one record. */
const mostUnits = 20_000;

/** What a delivery works with. */
export interface DeliveryOptions {
  readonly client: KafkaClient;
  readonly pipeline: string;
  readonly sink: string;
  /** Kafka's number of the compression. */
  readonly compression: number;
  readonly log: Logger;
}

/** What only an exactly-once delivery needs. */
export interface ExactlyOnceOptions extends DeliveryOptions {
  readonly life: number;
  readonly state: SinkState | undefined;
}

/** A producer that has fenced its predecessors. */
interface Session {
  readonly producer: Producer;
}

/** Exactly-once writes of one sink; see the module. */
export class ExactlyOnce implements AsyncDisposable {
  readonly #options: ExactlyOnceOptions;
  readonly #topic: string;
  /** This process, in the cursor topic. */
  readonly #owner = randomUUID();
  /** The offset behind the last cursor that is known here. */
  #next: bigint;
  /** Units that are stored although the runtime does not know. */
  #stored = new Map<string, number>();
  #session: Session | undefined;
  #began = false;

  constructor(options: ExactlyOnceOptions) {
    this.#options = options;
    this.#topic = cursorTopicName(options.pipeline, options.sink);
    const { next, topic } = options.state ?? {};
    this.#next = topic === this.#topic ? BigInt(String(next)) : 0n;
  }

  /**
   * Become the only producer of the sink and learn what is stored.
   *
   * @throws {UserError} when another process has taken over.
   */
  async start(): Promise<void> {
    if (this.#session) return;
    const { client, pipeline, sink } = this.#options;
    // Before the id is taken: whoever has taken over is not to be fenced.
    if (this.#began) this.#owned(await this.#read(false));
    const producer = await client.producer({
      transactionalId: `sluice.${pipeline}.${sink}`,
      transactionTimeout,
    });
    try {
      // Takes the next epoch: what a predecessor has open is aborted, what
      // it was committing is committed, and it can write no more.
      const transaction = await producer.transaction();
      this.#learn(this.#owned(await this.#read(true)));
      if (this.#began) await transaction.abort();
      else await this.#store(transaction, { units: [] });
      this.#session = { producer };
      this.#began = true;
    } catch (error) {
      await producer.disconnect().catch(() => {});
      if (!isFenced(error)) throw this.#typed(error);
      throw this.#fenced(error);
    }
  }

  /** Write a batch; what of it is stored already is left out. */
  async write(
    { chunks, signal, token }: Batch<readonly TopicRecords[]>,
  ): Promise<SinkState> {
    await this.start();
    const fresh = this.#unstored(chunks);
    let start = 0;
    try {
      for (; start < fresh.length; start += mostUnits) {
        const part = fresh.slice(start, start + mostUnits);
        await this.#transact(part, { signal, token });
      }
    } catch (error) {
      // The same write comes again, with what is stored of it.
      for (const { unit } of fresh.slice(0, start)) this.#keep(unitName(unit));
      throw error;
    }
    return { topic: this.#topic, next: String(this.#next) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    await session?.producer.disconnect().catch(() => {});
  }

  async #transact(
    chunks: readonly Chunk<readonly TopicRecords[]>[],
    { signal, token }: { readonly signal: AbortSignal; readonly token: string },
  ): Promise<void> {
    const { compression } = this.#options;
    let transaction: Transaction | undefined;
    try {
      transaction = await this.#session?.producer.transaction();
      if (!transaction) throw new RetryableError("No producer");
      for (const topicMessages of sends(chunks.flatMap(({ data }) => data))) {
        signal.throwIfAborted();
        await transaction.sendBatch({ compression, topicMessages });
      }
      const units = chunks.map(({ unit }) => unitName(unit));
      await this.#store(transaction, { token, units });
    } catch (error) {
      // Readers wait for an open transaction. What cannot be aborted now is
      // when the next session begins, or by its timeout.
      await transaction?.abort().catch(() => {});
      await this[Symbol.asyncDispose]();
      signal.throwIfAborted();
      if (!isFenced(error)) throw this.#typed(error);
      // By another process, or by the brokers after the timeout?
      this.#owned(await this.#read(false));
      throw this.#typed(error);
    }
  }

  /** Store the cursor and commit. */
  async #store(
    transaction: Transaction,
    cursor: Pick<CursorRecord, "token" | "units">,
  ): Promise<void> {
    const record: CursorRecord = {
      owner: this.#owner,
      life: this.#options.life,
      ...cursor,
    };
    const [stored] = await transaction.send({
      topic: this.#topic,
      messages: [{ key: "cursor", value: JSON.stringify(record) }],
    });
    await transaction.commit();
    const offset = stored?.baseOffset ?? stored?.offset;
    if (offset !== undefined) this.#next = BigInt(offset) + 1n;
  }

  #read(settled: boolean): Promise<Tail> {
    const { client } = this.#options;
    return readTail(client, this.#topic, { from: this.#next, settled });
  }

  /** @throws {UserError} when another process has begun since this one has. */
  #owned(tail: Tail): Tail {
    const others = tail.records.some(({ owner }) => owner !== this.#owner);
    if (this.#began && others) throw this.#fenced();
    return tail;
  }

  #learn({ next, records }: Tail): void {
    const { life } = this.#options;
    for (const record of records) {
      if (record.life !== life) continue;
      for (const name of record.units) this.#keep(name);
    }
    this.#next = next;
  }

  #keep(name: string): void {
    this.#stored.set(name, (this.#stored.get(name) ?? 0) + 1);
  }

  /** The chunks that no earlier write has stored, each counted once. */
  #unstored<T>(chunks: readonly Chunk<T>[]): readonly Chunk<T>[] {
    if (this.#stored.size === 0) return chunks;
    const fresh = chunks.filter(({ unit }) => {
      const name = unitName(unit);
      const count = this.#stored.get(name) ?? 0;
      if (count > 1) this.#stored.set(name, count - 1);
      else this.#stored.delete(name);
      return count === 0;
    });
    // A replay comes first: behind it the same unit is another event.
    if (fresh.length === chunks.length && chunks.length > 0) {
      this.#stored.clear();
    }
    if (fresh.length < chunks.length) {
      this.#options.log.info("Left out what an earlier run has stored", {
        units: chunks.length - fresh.length,
      });
    }
    return fresh;
  }

  #fenced(cause?: unknown): UserError {
    const { pipeline, sink } = this.#options;
    return new UserError(
      `Another process has taken over sink "${sink}" of pipeline ` +
        `"${pipeline}": this one may write no more; run each pipeline once, ` +
        "and give another one another name",
      { cause },
    );
  }

  #typed(error: unknown): unknown {
    const { client, sink } = this.#options;
    return client.error(error, `write for sink "${sink}"`);
  }
}

/** A short name of a unit: 64 bits of a hash. */
function unitName({ id, number, op, part = 0 }: UnitInfo): string {
  return createHash("sha256").update(`${op}:${number}:${part}:${id}`)
    .digest("base64url").slice(0, 11);
}
