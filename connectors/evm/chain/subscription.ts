/**
 * New heads as a node pushes them over a WebSocket (`eth_subscribe`).
 *
 * @module
 */
import { classify, RpcError } from "../rpc/errors.ts";
import type { Raw } from "./extra.ts";
import { hash, MalformedError, whole } from "../hex.ts";

// So long may connecting and subscribing take.
const OPEN_MS = 10_000;

/** A head as it is pushed: its header, without transactions. */
export interface PushedHead {
  readonly number: number;
  readonly hash: string;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  /** As it came. */
  readonly header: Raw;
}

/** What a subscription tells. */
export interface SubscriptionOptions {
  /** The whole address with its key; it is shown to nobody. */
  readonly url: string;
  /** The node has agreed. */
  onOpen(): void;
  onHead(head: PushedHead): void;
  /** It is over, or never was: why, in words that show no key. */
  onEnd(reason: string): void;
}

/** A subscription to the heads of a chain. */
export class Subscription implements Disposable {
  readonly #options: SubscriptionOptions;
  readonly #socket: WebSocket;
  readonly #timer: ReturnType<typeof setTimeout>;
  #id: unknown;
  #ended = false;

  constructor(options: SubscriptionOptions) {
    this.#options = options;
    const socket = new WebSocket(options.url);
    this.#socket = socket;
    socket.onopen = () =>
      socket.send(JSON.stringify({
        ...{ jsonrpc: "2.0", id: 1 },
        ...{ method: "eth_subscribe", params: ["newHeads"] },
      }));
    socket.onmessage = ({ data }) => this.#read(data);
    // Its message may show the address.
    socket.onerror = () => this.#end("the connection failed");
    socket.onclose = ({ code }) => this.#end(`closed with code ${code}`);
    this.#timer = setTimeout(
      () => this.#end(`not open after ${OPEN_MS / 1000} s`),
      OPEN_MS,
    );
  }

  /** Whether the node has agreed to push. */
  get isOpen(): boolean {
    return this.#id !== undefined && !this.#ended;
  }

  [Symbol.dispose](): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#timer);
    const { readyState } = this.#socket;
    if (readyState <= WebSocket.OPEN) this.#socket.close();
  }

  #read(data: unknown): void {
    if (this.#ended || typeof data !== "string") return;
    try {
      const message = JSON.parse(data);
      if (message?.method === "eth_subscription") {
        if (message.params?.subscription !== this.#id) return;
        this.#options.onHead(headOf(message.params.result));
      } else if (message?.id === 1) this.#opened(message);
      else throw classify({ status: 200, body: message });
    } catch (error) {
      this.#end(
        error instanceof RpcError || error instanceof MalformedError
          ? error.message
          : "it sent what is no message",
      );
    }
  }

  #opened(message: unknown): void {
    const error = classify({ status: 200, body: message });
    if (error !== undefined) throw error;
    clearTimeout(this.#timer);
    this.#id = (message as { readonly result: unknown }).result;
    this.#options.onOpen();
  }

  #end(reason: string): void {
    if (this.#ended) return;
    this[Symbol.dispose]();
    this.#options.onEnd(reason);
  }
}

function headOf(header: Raw): PushedHead {
  return {
    number: whole(header["number"], "number"),
    hash: hash(header["hash"], "hash"),
    timestamp: whole(header["timestamp"], "timestamp") * 1000,
    header,
  };
}
