/**
 * What went wrong with a call, told from the dialects of the providers.
 *
 * The text decides before codes and codes before the status, because -32005
 * and -32600 mean different things at different providers, and some answer a
 * throttled call with HTTP 200. Every pattern below comes from an answer that
 * a user has reported.
 *
 * @module
 */
import { RetryableError, UserError } from "../../../runtime/component.ts";

/**
 * What a failed call asks for: a pause (`rate`), the next day (`quota`), a
 * smaller question (`size`), a node that has the block (`missing`), another
 * key (`auth`), or another try (`other`).
 */
export type FailureKind =
  | "rate"
  | "quota"
  | "size"
  | "missing"
  | "auth"
  | "other";

/** Options of an {@linkcode RpcError}. */
export interface RpcErrorOptions {
  /** Milliseconds that the provider asks to wait. */
  readonly retryAfter?: number | undefined;
  /** The node or the plan does not offer this method at all. */
  readonly unsupported?: boolean;
  /** The connection or the server failed, not the call. */
  readonly transient?: boolean;
  /** The same call can only fail again: a contract has reverted. */
  readonly certain?: boolean;
  /** What the node said, where the message says more. */
  readonly reason?: string;
}

/** A call that failed. */
export class RpcError extends Error {
  override name = "RpcError";
  readonly kind: FailureKind;
  readonly retryAfter: number | undefined;
  readonly unsupported: boolean;
  readonly transient: boolean;
  readonly certain: boolean;
  /** What the node said. */
  readonly reason: string;

  constructor(
    kind: FailureKind,
    message: string,
    options: RpcErrorOptions = {},
  ) {
    super(message);
    this.kind = kind;
    this.retryAfter = options.retryAfter;
    this.unsupported = options.unsupported ?? false;
    this.transient = options.transient ?? false;
    this.certain = options.certain ?? false;
    this.reason = options.reason ?? message;
  }
}

/**
 * What a failed call means to the runtime: what is missing may come, all else
 * is for people to mend.
 */
export function outward(error: unknown): unknown {
  if (!(error instanceof RpcError)) return error;
  const { certain, kind, message, retryAfter } = error;
  if (kind !== "missing" || certain) {
    return new UserError(message, { cause: error });
  }
  return new RetryableError(message, {
    cause: error,
    ...(retryAfter === undefined ? {} : { after: retryAfter }),
  });
}

/** Whether a call has failed by what its endpoint has surely answered. */
export function isAnswer(error: unknown): boolean {
  return error instanceof RpcError && !error.transient;
}

/** An answer as it came. */
export interface Answer {
  readonly status: number;
  readonly headers?: Headers;
  /** Parsed JSON, or the text when it is none. */
  readonly body: unknown;
}

const quota =
  /(monthly|daily) (capacity|request|credit|quota|usage|limit)|(capacity|plan|quota|credits?) (limit )?(is |has been )?(exceeded|reached|exhausted|used up)|payment required|out of credits/i;

const size =
  /block range|more than \d+ (results|logs)|max(imum)?[ _](results|range|block)|range .*(exceeds|bigger|too (large|wide|high))|limited to (a )?[\d,]+( block)?s? range|response (size|is too large)|too large|size exceeded|execution (aborted|timeout)|too many (results|logs)|exceeds the range/i;

const rate =
  /rate.?limit|rate exceeded|too many (concurrent )?requests|concurrent requests|requests? limit|per[ -]second|\d+\/(s|sec|second|m|min|minute)\b|throughput|throttl|over capacity/i;

const auth =
  /unauthori[sz]ed|authenticat|api.?key|project id|access denied|forbidden|not (available|supported|included|allowed) (on|in|for) (the |your |this )?[\w ]*(tier|plan)/i;

const plan =
  /not (available|supported|included|allowed) (on|in|for) (the |your |this )?[\w ]*(tier|plan)/i;

const unsupported =
  /method .*(not found|not supported|unsupported|not available|does not exist|not whitelisted|disabled)|(unsupported|unknown) method/i;

// The machine itself has stopped: what geth, reth, Nethermind and anvil call it.
const fault =
  /execution reverted|out of gas|invalid opcode|invalid jump|stack (underflow|overflow|limit)|bad ?instruction|evm error|intrinsic gas|gas (limit|required) .*(exceed|high|allowance)/i;

const missing =
  /(block|header|hash|transaction|receipts?|resource|state|data) .*not (be )?(found|available|exist)|not found|unknown block|could not find|missing trie node|unfinalized|does not exist|beyond (the )?(head|latest)|after last accepted|(state|block) .*(unavailable|pruned|out of range)|no state available|blockoutofrange/i;

const rateCodes = new Set([
  429,
  -32005,
  -32007,
  -32012,
  -32016,
  -32017,
  -33200,
]);
const quotaCodes = new Set([402, -33000]);
const sizeCodes = new Set([-32614, -32020]);
const missingCodes = new Set([-32001, -39001]);

/**
 * Tell what an answer means, or undefined when it is a result. A `null` result
 * is `missing` here; a caller who expects one looks before.
 */
export function classify(answer: Answer): RpcError | undefined {
  const { body, status } = answer;
  const report = errorIn(body);
  if (report === undefined && status < 300 && isResult(body)) {
    return body.result === null
      ? new RpcError("missing", "the result is null")
      : undefined;
  }
  const { code, text } = report ?? { code: undefined, text: "" };
  const retryAfter = hintIn(answer, text);
  const said = text === "" ? `HTTP ${status}` : text.slice(0, 300);
  const fail = (kind: FailureKind, options: RpcErrorOptions = {}) =>
    new RpcError(kind, said, { retryAfter, ...options });

  if (/^\s*</.test(text)) {
    // A page for people: a proxy or a firewall stands in front of the node.
    const page = `HTTP ${status} with a page of HTML`;
    return status === 429
      ? new RpcError("rate", page, { retryAfter })
      : new RpcError("other", page, { retryAfter, transient: true });
  }
  if (code === 3 || fault.test(text)) {
    return fail("other", { certain: true });
  }
  if (plan.test(text)) return fail("auth", { unsupported: true });
  if (has(quotaCodes, code) || status === 402 || quota.test(text)) {
    return fail("quota");
  }
  if (has(sizeCodes, code) || status === 413 || size.test(text)) {
    return fail("size");
  }
  if (rate.test(text) || status === 429) return fail("rate");
  if (code === -32601 || unsupported.test(text)) {
    return fail("other", { unsupported: true });
  }
  if (has(rateCodes, code)) return fail("rate");
  if (status === 401 || status === 403 || auth.test(text)) return fail("auth");
  if (has(missingCodes, code) || (status !== 404 && missing.test(text))) {
    return fail("missing");
  }
  const failed = status >= 500 || status === 408 || report === undefined ||
    code === -32603 || /time.?out|timed out|temporar|unavailable/i.test(text);
  return fail("other", { transient: failed });
}

function has(codes: ReadonlySet<number>, code: number | undefined): boolean {
  return code !== undefined && codes.has(code);
}

function isResult(body: unknown): body is { readonly result: unknown } {
  return typeof body === "object" && body !== null && "result" in body;
}

/** The error in a body, in any of the shapes that providers use. */
function errorIn(body: unknown): { code?: number; text: string } | undefined {
  if (typeof body === "string") return { text: body.trim() };
  if (typeof body !== "object" || body === null) return undefined;
  if (Array.isArray(body)) {
    return body.map(errorIn).find((error) => error !== undefined);
  }
  if ("error" in body && body.error) {
    return errorIn(body.error) ?? { text: String(body.error) };
  }
  if (isResult(body) || !("code" in body || "message" in body)) {
    return undefined;
  }
  // Some providers hide the reason in `data`, in keys of their own.
  const { code, data, event, message, details } = body as {
    readonly [name: string]: unknown;
  };
  const parts = [message, details, ...strings(data)];
  const text = parts.filter((part) => typeof part === "string").join(": ");
  const number = Number(event === -33000 ? event : code);
  return Number.isInteger(number) ? { code: number, text } : { text };
}

function strings(data: unknown): string[] {
  if (typeof data === "string") return data.startsWith("0x") ? [] : [data];
  if (typeof data !== "object" || data === null) return [];
  return Object.entries(data)
    .filter(([key]) => key !== "see" && key !== "error_id")
    .flatMap(([, value]) => typeof value === "string" ? [value] : []);
}

const units: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  sec: 1000,
  second: 1000,
  seconds: 1000,
  m: 60_000,
  min: 60_000,
  minute: 60_000,
  minutes: 60_000,
};

/** Milliseconds that the provider asks to wait. */
function hintIn({ body, headers }: Answer, text: string): number | undefined {
  const header = headers?.get("retry-after");
  if (header) {
    const seconds = Number(header);
    if (Number.isFinite(seconds)) return seconds * 1000;
    const date = Date.parse(header);
    if (!Number.isNaN(date)) return Math.max(0, date - Date.now());
  }
  const backoff = backoffIn(body);
  if (backoff) return backoff * 1000;
  const [, amount, unit = ""] =
    /(?:again|retry|wait)\D{0,20}?(\d+(?:\.\d+)?)\s?(ms|s|sec|seconds?|m|min|minutes?)\b/i
      .exec(text) ?? [];
  const scale = units[unit.toLowerCase()];
  return scale === undefined ? undefined : Number(amount) * scale;
}

/** Infura's `error.data.rate.backoff_seconds`. */
function backoffIn(body: unknown): number | undefined {
  let value = body;
  const path = ["error", "data", "rate", "backoff_seconds"];
  for (const key of path) {
    if (typeof value !== "object" || value === null) return undefined;
    const inner = (value as { readonly [name: string]: unknown })[key];
    if (inner === undefined && key === "error") continue;
    value = inner;
  }
  return typeof value === "number" && value > 0 ? value : undefined;
}
