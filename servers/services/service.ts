/**
 * A service: one or more daemons that keep their data and their ports from
 * one start to the next.
 *
 * @module
 */
import type { Daemon, Launch, Owner } from "./daemon.ts";

/** What every service takes. */
export interface ServiceOptions {
  /** With whom it ends; without one it runs until it is stopped. */
  owner?: Owner | undefined;
}

/** One process of a service and how it is started. */
export interface Node {
  daemon: Daemon;
  launch: () => Promise<Launch>;
}

/** A server under control; `node` counts from 1, all of them without it. */
export class Service implements AsyncDisposable {
  /** For people: `Kafka`. */
  readonly name: string;
  /** What clients connect to, the same for ever. */
  readonly address: string;
  /** Where its data lies; its log is in `log` in it or in a node's folder. */
  readonly folder: string;
  readonly #nodes: readonly Node[];

  constructor({ name, address, folder, nodes }: {
    readonly name: string;
    readonly address: string;
    readonly folder: string;
    readonly nodes: readonly Node[];
  }) {
    this.name = name;
    this.address = address;
    this.folder = folder;
    this.#nodes = nodes;
  }

  /** Start what does not run and wait until it answers. */
  async start(node?: number): Promise<void> {
    await this.#each(node, async ({ daemon, launch }) => {
      await daemon.start(await launch());
    });
  }

  /** SIGTERM, and wait: a clean end. */
  async stop(node?: number): Promise<void> {
    await this.#each(node, ({ daemon }) => daemon.end("SIGTERM"));
  }

  /** SIGKILL, and wait until its ports are free: a crash. */
  async kill(node?: number): Promise<void> {
    await this.#each(node, ({ daemon }) => daemon.end("SIGKILL"));
  }

  /** SIGSTOP: it keeps its connections and answers nothing. */
  async pause(node?: number): Promise<void> {
    await this.#each(node, ({ daemon }) => daemon.signal("SIGSTOP"));
  }

  /** SIGCONT. */
  async resume(node?: number): Promise<void> {
    await this.#each(node, ({ daemon }) => daemon.signal("SIGCONT"));
  }

  /** The numbers of the processes that run. */
  async pids(): Promise<number[]> {
    const pids = await Promise.all(
      this.#nodes.map(({ daemon }) => daemon.pid()),
    );
    return pids.filter((pid) => pid !== undefined);
  }

  /** Kill it; its data stays. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  async #each(
    node: number | undefined,
    act: (node: Node) => Promise<void>,
  ): Promise<void> {
    const nodes = this.#nodes.filter((_, i) => !node || i === node - 1);
    const results = await Promise.allSettled(nodes.map(act));
    const failed = results.find(({ status }) => status === "rejected");
    if (failed?.status === "rejected") throw failed.reason;
  }
}
