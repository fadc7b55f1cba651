/**
 * A service: a daemon that keeps its data and its ports from one start to the
 * next.
 *
 * @module
 */
import type { Daemon, Launch, Owner } from "./daemon.ts";

/** What every service takes. */
export interface ServiceOptions {
  /** With whom it ends; without one it runs until it is stopped. */
  owner?: Owner | undefined;
}

/** What a service is made of. */
export interface ServiceParts {
  readonly name: string;
  readonly address: string;
  readonly daemon: Daemon;
  /** How it is started. */
  readonly launch: () => Promise<Launch>;
}

/** A server under control. */
export class Service implements AsyncDisposable {
  /** For people: `Kafka`. */
  readonly name: string;
  /** What clients connect to, the same for ever. */
  readonly address: string;
  /** Where its data lies; its log is in `log` in it. */
  readonly folder: string;
  readonly #daemon: Daemon;
  readonly #launch: () => Promise<Launch>;

  constructor({ name, address, daemon, launch }: ServiceParts) {
    this.name = name;
    this.address = address;
    this.folder = daemon.folder;
    this.#daemon = daemon;
    this.#launch = launch;
  }

  /** Start it unless it runs, and wait until it answers. */
  async start(): Promise<void> {
    await this.#daemon.start(await this.#launch());
  }

  /** SIGTERM, and wait: a clean end. */
  async stop(): Promise<void> {
    await this.#daemon.end("SIGTERM");
  }

  /** SIGKILL, and wait until its ports are free: a crash. */
  async kill(): Promise<void> {
    await this.#daemon.end("SIGKILL");
  }

  /** SIGSTOP: it keeps its connections and answers nothing. */
  async pause(): Promise<void> {
    await this.#daemon.signal("SIGSTOP");
  }

  /** SIGCONT. */
  async resume(): Promise<void> {
    await this.#daemon.signal("SIGCONT");
  }

  /** The number of its process; undefined when it does not run. */
  pid(): Promise<number | undefined> {
    return this.#daemon.pid();
  }

  /** Kill it; its data stays. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
