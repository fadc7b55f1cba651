/**
 * JSON-RPC over HTTP: one request, its answers matched by id.
 *
 * @module
 */
import { bytesOf } from "./body.ts";
import { classify, RpcError } from "./errors.ts";

/** One call. */
export interface Call {
  readonly method: string;
  readonly params: readonly unknown[];
  /**
   * A faster way to read the bytes of its answer, when it goes alone;
   * undefined: they are read as JSON.
   */
  readonly read?: (body: Uint8Array) => Envelope | undefined;
}

/** What stands around a result. */
export interface Envelope {
  readonly id?: unknown;
  readonly result: unknown;
}

/** What came back for the calls of one request. */
export interface Reply {
  /** In the order of the calls: the result, or why there is none. */
  readonly results: readonly unknown[];
  /** Length of the answer. */
  readonly bytes: number;
}

/** Options of {@linkcode post}. */
export interface PostOptions {
  /** Milliseconds that an answer may take. */
  readonly timeout: number;
  readonly signal?: AbortSignal | undefined;
}

/** Sends calls and brings back their results. */
export interface Transport {
  send(calls: readonly Call[], options: PostOptions): Promise<Reply>;
}

const utf8 = new TextDecoder();

let lastId = 0;

/** A node behind HTTP. */
export class HttpTransport implements Transport {
  readonly #url: string;

  /** @param url The whole URL with its key; it is shown to nobody. */
  constructor(url: string) {
    this.#url = url;
  }

  /**
   * Send one call, or several as a batch.
   *
   * @throws {RpcError} The request as a whole has failed.
   */
  async send(calls: readonly Call[], options: PostOptions): Promise<Reply> {
    const requests = calls.map(({ method, params }) => ({
      jsonrpc: "2.0",
      id: ++lastId,
      method,
      params,
    }));
    const [first] = requests;
    const { content, headers, status } = await this.#post(
      JSON.stringify(requests.length === 1 ? first : requests),
      options,
    );
    const bytes = content.length;
    const [call] = calls;
    const isAlone = calls.length === 1 && status === 200;
    const body = isAlone && call?.read?.(content) ||
      parsed(utf8.decode(content));
    if (requests.length === 1 && first) {
      return { results: [read({ status, headers, body }, first.id)], bytes };
    }
    if (!Array.isArray(body)) {
      // A batch is refused with one error for all of it.
      throw classify({ status, headers, body }) ??
        new RpcError("other", "the answer to a batch is not a list");
    }
    const answers = new Map(body.map((one) => [String(one?.id), one]));
    const refusal = body.find((one) => one?.error);
    const results = requests.map(({ id }) => {
      const answer = answers.get(String(id)) ?? refusal;
      if (answer !== undefined) {
        return result({ status, headers, body: answer });
      }
      return new RpcError("other", "the batch lacks an answer", {
        transient: true,
      });
    });
    return { results, bytes };
  }

  async #post(
    body: string,
    { signal, timeout }: PostOptions,
  ): Promise<{ status: number; headers: Headers; content: Uint8Array }> {
    signal?.throwIfAborted();
    const controller = new AbortController();
    const stop = () => controller.abort(signal?.reason);
    signal?.addEventListener("abort", stop, { once: true });
    const timer = setTimeout(() => controller.abort(), timeout);
    try {
      const response = await fetch(this.#url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
        signal: controller.signal,
      });
      const { headers, status } = response;
      return { status, headers, content: await bytesOf(response) };
    } catch (error) {
      signal?.throwIfAborted();
      const reason = controller.signal.aborted
        ? `no answer within ${timeout / 1000} s`
        : failure(error);
      throw new RpcError("other", reason, { transient: true });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
    }
  }
}

/** The result of a single call; its id must be the call's. */
function read(
  answer: { status: number; headers: Headers; body: unknown },
  id: number,
): unknown {
  const value = result(answer);
  if (value instanceof RpcError) return value;
  const { body } = answer as { body: { readonly id?: unknown } };
  if (String(body.id) === String(id)) return value;
  return new RpcError("other", "the answer belongs to another call", {
    transient: true,
  });
}

/** A result, where `null` is one, or why there is none. */
function result(
  answer: { status: number; headers: Headers; body: unknown },
): unknown {
  const { body } = answer as { body: { readonly result?: unknown } };
  const error = classify(answer);
  if (error === undefined) return body.result;
  return error.kind === "missing" && body?.result === null ? null : error;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Half an answer must not be taken for the text of an error.
    if (!/^\s*[{[]/.test(text)) return text;
    throw new RpcError("other", "the answer is cut off", { transient: true });
  }
}

/** Why `fetch` failed, without the URL that its own message shows. */
function failure(error: unknown): string {
  const { cause, message } = error as Error;
  const text = `${message} ${cause instanceof Error ? cause.message : ""}`;
  if (/refused/i.test(text)) return "connection refused";
  if (/dns|lookup|resolve|not known/i.test(text)) return "host not found";
  if (/certificate|tls|handshake/i.test(text)) return "TLS failed";
  if (/unreachable/i.test(text)) return "host unreachable";
  return "connection closed";
}
