/**
 * A node that pushes new heads over a WebSocket when a test says so.
 *
 * @module
 */
import type { Raw } from "../../../../connectors/evm/chain/extra.ts";

/** What a client has sent. */
interface Sent {
  readonly id: number;
  readonly method: string;
}

/** A WebSocket server for `eth_subscribe`. */
export class PushingNode implements AsyncDisposable {
  /** Subscriptions that were asked for so far. */
  subscriptions = 0;
  /** Answer a subscription with this error instead. */
  refusal: { readonly code: number; readonly message: string } | undefined;
  readonly #sockets = new Set<WebSocket>();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor() {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) => this.#accept(request),
    );
  }

  /** Where it listens; a key may follow. */
  get url(): string {
    return `ws://127.0.0.1:${this.#server.addr.port}`;
  }

  /** Sockets that are open. */
  get open(): number {
    return this.#sockets.size;
  }

  /** Push a header to everybody. */
  push(header: Raw): void {
    this.say({
      jsonrpc: "2.0",
      method: "eth_subscription",
      params: { subscription: "0x1", result: header },
    });
  }

  /** Send anything to everybody. */
  say(message: unknown): void {
    for (const socket of this.#sockets) socket.send(JSON.stringify(message));
  }

  /** Break all connections. */
  sever(): void {
    for (const socket of this.#sockets) socket.close(4000, "severed");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.sever();
    await this.#server.shutdown();
  }

  #accept(request: Request): Response {
    if (request.headers.get("upgrade") !== "websocket") {
      return new Response(null, { status: 426 });
    }
    const { response, socket } = Deno.upgradeWebSocket(request);
    socket.onmessage = ({ data }) => this.#answer(socket, JSON.parse(data));
    socket.onclose = () => this.#sockets.delete(socket);
    return response;
  }

  #answer(socket: WebSocket, { id, method }: Sent): void {
    if (method !== "eth_subscribe") return;
    this.subscriptions++;
    const result = this.refusal ? { error: this.refusal } : { result: "0x1" };
    socket.send(JSON.stringify({ jsonrpc: "2.0", id, ...result }));
    if (!this.refusal) this.#sockets.add(socket);
  }
}
