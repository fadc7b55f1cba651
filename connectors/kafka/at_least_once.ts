/**
 * Writes without transactions: a repetition after a crash is seen twice.
 *
 * @module
 */
import type { Producer } from "kafkajs";
import type { Batch } from "../../runtime/component.ts";
import { isForgotten } from "./errors.ts";
import type { DeliveryOptions } from "./exactly_once.ts";
import { sends, type TopicRecords } from "./sends.ts";

/** At-least-once writes of one sink, by an idempotent producer. */
export class AtLeastOnce implements AsyncDisposable {
  readonly #options: DeliveryOptions;
  #producer: Promise<Producer> | undefined;
  /** How much of the current write the brokers have. */
  #sent = { token: "", sends: 0 };

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  /** Connect; resolved means that the brokers have given an id. */
  async start(): Promise<void> {
    this.#producer ??= this.#options.client.producer({});
    await this.#producer.catch((error) => {
      this.#producer = undefined;
      throw error;
    });
  }

  /** Write a batch; a repetition goes on behind what was acknowledged. */
  async write(
    { chunks, signal, token }: Batch<readonly TopicRecords[]>,
  ): Promise<void> {
    const { client, compression, sink } = this.#options;
    await this.start();
    if (this.#sent.token !== token) this.#sent = { token, sends: 0 };
    let index = 0;
    for (const topicMessages of sends(chunks.flatMap(({ data }) => data))) {
      if (index++ < this.#sent.sends) continue;
      signal.throwIfAborted();
      try {
        const producer = await this.#producer;
        await producer?.sendBatch({ compression, topicMessages });
      } catch (error) {
        // The same producer again: the brokers know what they have of it.
        if (isForgotten(error)) await this[Symbol.asyncDispose]();
        throw client.error(error, `write for sink "${sink}"`);
      }
      this.#sent.sends++;
    }
    this.#sent = { token: "", sends: 0 };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const producer = await this.#producer?.catch(() => undefined);
    this.#producer = undefined;
    await producer?.disconnect().catch(() => {});
  }
}
