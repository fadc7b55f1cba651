/**
 * A client whose writes fail, or arrive again long after they were made.
 *
 * @module
 */
import {
  type ClientOptions,
  type ExecuteOptions,
  type Result,
  ScyllaClient,
  type Statement,
} from "../../../connectors/scylla/client.ts";
import { RetryableError } from "../../../runtime/component.ts";

/** What becomes of a write: lost on its way, or only its answer. */
export type Fate = "done" | "lost" | "unanswered";

/** A client that asks `fate` about each write; see the module. */
export class FlakyClient extends ScyllaClient {
  readonly #fate: () => Fate;
  readonly #late: (() => Promise<unknown>)[] = [];

  constructor(options: ClientOptions, fate: () => Fate) {
    super(options);
    this.#fate = fate;
  }

  override async execute(
    query: string,
    params: readonly unknown[] = [],
    options: ExecuteOptions = {},
  ): Promise<Result> {
    const run = () => super.execute(query, params, options);
    return /^(INSERT|DELETE)/.test(query) ? await this.#risk(run) : await run();
  }

  override async batch(
    statements: readonly Statement[],
    options: ExecuteOptions = {},
  ): Promise<Result> {
    return await this.#risk(() => super.batch(statements, options));
  }

  /** Let a write of the past arrive once more. */
  async late(pick: number): Promise<void> {
    await this.#late[pick % this.#late.length]?.();
  }

  async #risk(run: () => Promise<Result>): Promise<Result> {
    const fate = this.#fate();
    this.#late.push(run);
    if (fate === "lost") throw new RetryableError("Lost");
    const result = await run();
    if (fate === "unanswered") throw new RetryableError("No answer");
    return result;
  }
}
