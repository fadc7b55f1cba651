/**
 * The dialects of services that know ABIs or signatures: what to ask, and what
 * an answer means.
 *
 * Only a definite answer counts. Whatever else comes back (a page of HTML, a
 * refusal, half a reply) says nothing of the contract, and must never be taken
 * for "not verified".
 *
 * @module
 */

/** What a service speaks. */
export const dialects = [
  "etherscan",
  "sourcify",
  "openchain",
  "4byte",
] as const;

/** The name of a dialect. */
export type Dialect = typeof dialects[number];

/** What is wanted: the ABI at an address, or signatures of a hash. */
export type Question =
  | { readonly chain: number; readonly address: string }
  | { readonly hash: string };

/** What an answer means. */
export type Meaning =
  /** JSON text of an ABI. */
  | { readonly kind: "abi"; readonly abi: string }
  | { readonly kind: "signatures"; readonly texts: readonly string[] }
  /** For certain there is none. */
  | { readonly kind: "none" }
  /** Ask more slowly, or when the quota is back. */
  | { readonly kind: "rate" | "quota"; readonly reason: string }
  /** Asking again can only fail again: the key or the plan is wrong. */
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "failed"; readonly reason: string };

/** An answer as it came. */
export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
}

/** Whether a dialect is of ABIs; the others are of signatures. */
export function knowsAbis(dialect: Dialect): boolean {
  return dialect === "etherscan" || dialect === "sourcify";
}

/** What a question to a dialect is called. */
export function methodOf(dialect: Dialect): "abi" | "signatures" {
  return knowsAbis(dialect) ? "abi" : "signatures";
}

/** Where to ask: the key is in it, so it is shown to nobody. */
export function questionUrl(
  { dialect, key, url }: {
    readonly dialect: Dialect;
    readonly url: string;
    readonly key: string;
  },
  question: Question,
): string {
  const base = url.replace(/\/+$/, "");
  if ("hash" in question) {
    const { hash } = question;
    const kind = hash.length === 10 ? "function" : "event";
    if (dialect === "openchain") {
      return `${base}/signature-database/v1/lookup?${kind}=${hash}&filter=true`;
    }
    const path = kind === "function" ? "signatures" : "event-signatures";
    return `${base}/api/v1/${path}/?hex_signature=${hash}`;
  }
  const { address, chain } = question;
  if (dialect === "sourcify") {
    return `${base}/v2/contract/${chain}/${address}?fields=abi`;
  }
  const query = new URLSearchParams({
    chainid: String(chain),
    module: "contract",
    action: "getabi",
    address,
    ...(key === "" ? {} : { apikey: key }),
  });
  return `${base}?${query}`;
}

/** Tell what an answer means. */
export function meaningOf(
  dialect: Dialect,
  question: Question,
  answer: HttpAnswer,
): Meaning {
  const { status, text } = answer;
  const body = parsed(text);
  if (body === undefined || typeof body !== "object" || body === null) {
    if (status === 429) return { kind: "rate", reason: "HTTP 429" };
    const what = /^\s*</.test(text) ? "a page of HTML" : "no JSON";
    return { kind: "failed", reason: `HTTP ${status} with ${what}` };
  }
  const fields = body as Readonly<Record<string, unknown>>;
  switch (dialect) {
    case "etherscan":
      return etherscan(fields, status);
    case "sourcify":
      return sourcify(fields, status, question);
    case "openchain":
      return openchain(fields, status, question);
    case "4byte":
      return fourByte(fields, status, question);
  }
}

/** `{ status: "1" | "0", message, result }`, always with HTTP 200. */
function etherscan(
  { message, result, status: said }: Readonly<Record<string, unknown>>,
  status: number,
): Meaning {
  const text = typeof result === "string" ? result : "";
  if (status === 200 && said === "1" && isList(parsed(text))) {
    return { kind: "abi", abi: text };
  }
  if (status === 200 && /source code not verified/i.test(text)) {
    return { kind: "none" };
  }
  const reason = (text || String(message ?? `HTTP ${status}`)).slice(0, 200);
  if (/daily|per day|quota/i.test(reason)) return { kind: "quota", reason };
  if (status === 429 || /rate limit|too many/i.test(reason)) {
    return { kind: "rate", reason };
  }
  if (/api ?key|not supported for this chain|upgrade/i.test(reason)) {
    return { kind: "refused", reason: "The key or its plan is refused" };
  }
  return failure(status, reason);
}

/** The contract, or 404 with `match: null` where it is not verified. */
function sourcify(
  { abi, address, match }: Readonly<Record<string, unknown>>,
  ...[status, question]: readonly [number, Question]
): Meaning {
  if (status === 200 && isList(abi)) {
    return { kind: "abi", abi: JSON.stringify(abi) };
  }
  const same = "address" in question && typeof address === "string" &&
    address.toLowerCase() === question.address;
  if (status === 404 && match === null && same) return { kind: "none" };
  return failure(status, `HTTP ${status}`);
}

/** `{ ok, result: { function: { hash: [{ name }] | null }, event } }`. */
function openchain(
  { ok, result }: Readonly<Record<string, unknown>>,
  ...[status, question]: readonly [number, Question]
): Meaning {
  if (status !== 200 || ok !== true || !("hash" in question)) {
    return failure(status, `HTTP ${status}`);
  }
  const { hash } = question;
  const kind = hash.length === 10 ? "function" : "event";
  const group = (result as Readonly<Record<string, unknown>> | null)?.[kind];
  if (typeof group !== "object" || group === null || !(hash in group)) {
    return failure(status, "the answer is of another hash");
  }
  const list = (group as Readonly<Record<string, unknown>>)[hash];
  if (list === null) return { kind: "none" };
  return signaturesIn(list, "name");
}

/** `{ count, results: [{ text_signature }] }`, the oldest last. */
function fourByte(
  { results }: Readonly<Record<string, unknown>>,
  ...[status, question]: readonly [number, Question]
): Meaning {
  if (status !== 200 || !("hash" in question) || !isList(results)) {
    return failure(status, `HTTP ${status}`);
  }
  return signaturesIn(results.toReversed(), "text_signature");
}

function signaturesIn(list: unknown, name: string): Meaning {
  if (!isList(list)) return { kind: "failed", reason: "no list of names" };
  const texts = list.flatMap((one) => {
    const text = (one as Readonly<Record<string, unknown>> | null)?.[name];
    return typeof text === "string" ? [text] : [];
  });
  return texts.length > 0 ? { kind: "signatures", texts } : { kind: "none" };
}

function failure(status: number, reason: string): Meaning {
  if (status === 429) return { kind: "rate", reason };
  if (status === 401 || status === 403) {
    return { kind: "refused", reason: `HTTP ${status}` };
  }
  return { kind: "failed", reason };
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
