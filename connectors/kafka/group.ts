/**
 * A member of a consumer group: what its partitions hold, in order, and
 * offsets that are committed only when someone says that they may be.
 *
 * @module
 */
import type {
  Consumer,
  ConsumerCrashEvent,
  ConsumerGroupJoinEvent,
  EachBatchPayload,
  KafkaMessage,
} from "kafkajs";
import type { Clock, Gauge, Logger } from "../../runtime/component.ts";
import type { KafkaClient } from "./client.ts";
import { ClusterView } from "./former_member.ts";

/** How often a member speaks in the time after which it is taken for dead. */
const heartbeatsPerSession = 5;

/** How often a member that waits for room looks whether it must speak, ms. */
const lookEvery = 500;

/**
 * Longest wait of the brokers for something to fetch, ms: a drain waits too,
 * and an idle member speaks no more often.
 */
const longestFetch = 500;

/** New partitions are noticed after this, ms. */
const metadataMaxAge = 60_000;

/** Bytes of one fetch, for all partitions of a broker and for one of them. */
const fetchBytes = 8 << 20;
const partitionBytes = 1 << 20;

/** Records that wait for whoever reads them: above this nothing is fetched. */
const bufferBytes = 16 << 20;

/** Records that are read before their places in the buffer are given up. */
const forgetEvery = 4096;

/** What a record takes besides its key and value. */
const recordBytes = 200;

/** A partition while it belongs to this member. */
export interface Claim {
  readonly topic: string;
  readonly partition: number;
  /** False once it belongs to another member, or may. */
  held: boolean;
  /** The offset behind the last record that was fetched. */
  next: bigint;
  /** Records below it were fetched before a rebalance that left it here. */
  skipBelow: bigint;
  /** The offset behind what may be committed. */
  done: bigint | undefined;
  committed: bigint | undefined;
  /** Records that are known to lie behind `next`. */
  lag: number;
}

/** A record and what it stands for. */
export interface Fetched {
  readonly claim: Claim;
  readonly message: KafkaMessage;
  /** What to commit when it is done. */
  readonly next: bigint;
  readonly bytes: number;
}

/** What a member works with. */
export interface MemberOptions {
  readonly client: KafkaClient;
  readonly group: string;
  readonly topics: readonly string[];
  /**
   * A member that is silent this long is dead, ms: so long its partitions
   * wait after a crash. Members speak also while sinks are slow.
   */
  readonly sessionTimeout: number;
  /** Who this process was before its connection broke. */
  readonly former: string | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  /** Records that wait in the topics. */
  readonly lag: Gauge;
}

/** A member of a consumer group; see the module. */
export class Member implements AsyncDisposable {
  readonly #options: MemberOptions;
  readonly #consumer: Consumer;
  #id = "";
  #claims = new Map<string, Claim>();
  #buffer: Fetched[] = [];
  #read = 0;
  #bytes = 0;
  #changed = Promise.withResolvers<void>();
  #crash: { readonly error: Error } | undefined;
  #paused = false;
  #closed = false;
  #send: EachBatchPayload["commitOffsetsIfNecessary"] | undefined;
  #committing: Promise<void> | undefined;

  private constructor(consumer: Consumer, options: MemberOptions) {
    this.#consumer = consumer;
    this.#options = options;
  }

  /**
   * Join the group.
   *
   * @throws {RetryableError} when the brokers cannot be reached now.
   * @throws {UserError} when they refuse.
   */
  static async join(options: MemberOptions): Promise<Member> {
    const { client, former, group, log, sessionTimeout, topics } = options;
    const kafka = await client.kafka();
    const view = new ClusterView();
    const consumer = kafka.consumer({
      groupId: group,
      allowAutoTopicCreation: false,
      readUncommitted: false,
      sessionTimeout,
      heartbeatInterval: sessionTimeout / heartbeatsPerSession,
      maxWaitTimeInMs: longestFetch,
      maxBytes: fetchBytes,
      maxBytesPerPartition: partitionBytes,
      metadataMaxAge,
      partitionAssigners: [await view.assigner()],
      // The runtime begins anew, and says so.
      retry: { restartOnFailure: () => Promise.resolve(false) },
    });
    const member = new Member(consumer, options);
    try {
      await consumer.connect();
      if (former) {
        // It may have been forgotten already, or left in time.
        await view.forget(group, former).catch(({ message }) =>
          log.debug("The former member is gone", { group, reason: message })
        );
      }
      // Where the group has no offset, the records are new to it.
      await consumer.subscribe({ topics: [...topics], fromBeginning: true });
      await member.#run();
      return member;
    } catch (error) {
      await member[Symbol.asyncDispose]();
      throw member.#typed(error);
    }
  }

  /** Its name among the members; empty before it has joined. */
  get id(): string {
    return this.#id;
  }

  /** Every record of the partitions that are held, until the signal. */
  async *records(signal: AbortSignal): AsyncGenerator<Fetched> {
    const wake = () => this.#notify();
    signal.addEventListener("abort", wake);
    try {
      while (!signal.aborted) {
        if (this.#crash) throw this.#typed(this.#crash.error);
        const fetched = this.#buffer[this.#read];
        if (fetched === undefined) {
          await this.#changed.promise;
          continue;
        }
        this.#forget(fetched);
        if (fetched.claim.held) yield fetched;
      }
    } finally {
      signal.removeEventListener("abort", wake);
      // What was yielded may still be done: it stays a member until then.
      this.#paused = true;
    }
  }

  /** Commit what is done, soon and in one request. */
  commit(): void {
    this.#committing ??= this.#commit().finally(() => {
      this.#committing = undefined;
    });
  }

  /** Commit what is done and leave the group. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#committing;
    await this.#commit();
    this.#closed = true;
    this.#release(() => false);
    this.#notify();
    await this.#consumer.disconnect().catch(() => {});
  }

  async #run(): Promise<void> {
    const { CRASH, GROUP_JOIN, HEARTBEAT } = this.#consumer.events;
    this.#consumer.on(GROUP_JOIN, ({ payload }) => this.#joined(payload));
    this.#consumer.on(CRASH, ({ payload }) => this.#crashed(payload));
    // What could not be committed is tried again as long as it matters.
    this.#consumer.on(HEARTBEAT, () => this.commit());
    await this.#consumer.run({
      autoCommit: false,
      eachBatch: (payload) => this.#take(payload),
    });
    if (this.#crash) throw this.#crash.error;
  }

  #joined({ memberAssignment, memberId }: ConsumerGroupJoinEvent["payload"]) {
    const { group, log } = this.#options;
    // Who was thrown out in between comes back as another member.
    const stayed = memberId === this.#id;
    this.#id = memberId;
    const mine = new Set(
      Object.entries(memberAssignment).flatMap(([topic, partitions]) =>
        partitions.map((partition) => nameOf({ topic, partition }))
      ),
    );
    this.#release((claim) => stayed && mine.has(nameOf(claim)));
    for (const [topic, partitions] of Object.entries(memberAssignment)) {
      for (const partition of partitions) this.#claim(topic, partition);
    }
    log.info("Reads partitions", { group, partitions: memberAssignment });
  }

  #claim(topic: string, partition: number): void {
    const name = nameOf({ topic, partition });
    const kept = this.#claims.get(name);
    if (kept) {
      // kafkajs begins again at what was committed.
      kept.skipBelow = kept.next;
      return;
    }
    this.#claims.set(name, {
      topic,
      partition,
      held: true,
      next: 0n,
      skipBelow: 0n,
      done: undefined,
      committed: undefined,
      lag: 0,
    });
  }

  /** Let partitions go, with what was fetched of them and not yet read. */
  #release(keep: (claim: Claim) => boolean): void {
    for (const [name, claim] of this.#claims) {
      if (keep(claim)) continue;
      claim.held = false;
      this.#claims.delete(name);
    }
    this.#buffer = this.#buffer.slice(this.#read)
      .filter(({ claim }) => claim.held);
    this.#read = 0;
    this.#bytes = this.#buffer.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** A record has been read: make room for another. */
  #forget({ bytes }: Fetched): void {
    this.#read++;
    // One at a time would move the whole buffer for each.
    if (this.#read === forgetEvery || this.#read === this.#buffer.length) {
      this.#buffer.splice(0, this.#read);
      this.#read = 0;
    }
    const full = this.#isFull();
    this.#bytes -= bytes;
    if (full && !this.#isFull()) this.#notify();
  }

  #isFull(): boolean {
    return this.#bytes > bufferBytes;
  }

  #crashed({ error }: ConsumerCrashEvent["payload"]): void {
    this.#crash = { error };
    this.#release(() => false);
    this.#notify();
  }

  async #take(payload: EachBatchPayload): Promise<void> {
    const { batch, commitOffsetsIfNecessary, heartbeat, isRunning } = payload;
    this.#send = commitOffsetsIfNecessary;
    const claim = this.#claims.get(nameOf(batch));
    if (!claim || this.#closed) return;

    const end = BigInt(batch.lastOffset()) + 1n;
    const last = batch.messages.at(-1);
    // The topic was cut or made anew: what it has now was never read.
    if (BigInt(batch.highWatermark) < claim.skipBelow) claim.skipBelow = 0n;
    for (const message of batch.messages) {
      const offset = BigInt(message.offset);
      if (offset < claim.skipBelow) continue;
      // Behind the last record there may be marks of transactions.
      const next = message === last ? end : offset + 1n;
      const { key, value } = message;
      const bytes = recordBytes + (key?.length ?? 0) + (value?.length ?? 0);
      this.#buffer.push({ claim, message, next, bytes });
      this.#bytes += bytes;
      claim.next = next;
    }
    if (end >= claim.skipBelow) claim.skipBelow = 0n;
    claim.lag = Number(batch.offsetLag());
    this.#countLag();
    this.#notify();
    while (
      claim.held && !this.#closed && isRunning() &&
      (this.#paused || this.#isFull())
    ) {
      await this.#look();
      await heartbeat();
    }
  }

  /** Wait until something changes, but not for long. */
  async #look(): Promise<void> {
    const timer = new AbortController();
    const { clock } = this.#options;
    await Promise.race([
      this.#changed.promise,
      clock.sleep(lookEvery, timer.signal).catch(() => {}),
    ]);
    timer.abort();
  }

  async #commit(): Promise<void> {
    const fresh = [...this.#claims.values()].flatMap((claim) => {
      const { committed, done } = claim;
      return done === undefined || done === committed ? [] : [{ claim, done }];
    });
    if (fresh.length === 0 || this.#closed || this.#crash) return;
    const topics = Map.groupBy(fresh, ({ claim }) => claim.topic);
    try {
      // Not the consumer's own method: that one tries again by itself, also
      // when the partitions have gone to another member in between.
      await this.#send?.({
        topics: [...topics].map(([topic, partitions]) => ({
          topic,
          partitions: partitions.map(({ claim: { partition }, done }) => ({
            partition,
            offset: String(done),
          })),
        })),
      });
      for (const { claim, done } of fresh) claim.committed = done;
    } catch (error) {
      const { group, log } = this.#options;
      const { message } = error as Error;
      log.debug("Offsets are not committed", { group, reason: message });
    }
  }

  #countLag(): void {
    let sum = 0;
    for (const { lag } of this.#claims.values()) sum += lag;
    this.#options.lag.set(sum);
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  #typed(error: unknown): unknown {
    const { client, group, topics } = this.#options;
    const names = topics.map((topic) => `"${topic}"`).join(", ");
    return client.error(error, `read ${names} as group "${group}"`);
  }
}

function nameOf(
  { partition, topic }: { readonly topic: string; readonly partition: number },
): string {
  return `${topic}/${partition}`;
}
