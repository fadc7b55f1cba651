/**
 * How calls are made, and what comes of them.
 *
 * @module
 */
import type { Priority } from "../../../runtime/component.ts";
import type { Endpoint } from "./endpoint.ts";
import { RpcError } from "./errors.ts";
import { MalformedError } from "../hex.ts";

/** How a call is made. */
export interface CallOptions {
  /** "backfill" when absent. */
  readonly priority?: Priority;
  readonly signal?: AbortSignal | undefined;
  /**
   * Look at a result: what it returns, or throws as a {@linkcode
   * MalformedError}, says why the result cannot be right; another endpoint
   * is then asked, as if this one lacked the block.
   */
  readonly validate?: (result: unknown) => string | undefined;
  /** Milliseconds to ask again for what is missing. */
  readonly patience?: number;
  /** Whether `null` is a result. */
  readonly nullable?: boolean;
  /** An endpoint to ask last. */
  readonly avoid?: Endpoint | undefined;
}

/** A result as it came. */
export interface Result {
  readonly result: unknown;
  /** Length of the answer's text. */
  readonly bytes: number;
  /** Milliseconds that the call took, without the wait for a budget. */
  readonly took: number;
}

/** A result and where it came from. */
export interface Answered extends Result {
  readonly endpoint: Endpoint;
}

/** What came of a try: a result for each call, or why there are none. */
export type Outcome = readonly Result[] | RpcError | undefined;

const nothing: Result = { result: undefined, bytes: 0, took: 0 };

/** The result of a single call, or why it is none. */
export function check(
  outcome: Exclude<Outcome, undefined>,
  options: CallOptions,
): Result | RpcError {
  if (outcome instanceof RpcError) return outcome;
  const [answer = nothing] = outcome;
  if (answer.result instanceof RpcError) return answer.result;
  const wrong = flaw(answer.result, options);
  return wrong === undefined ? answer : new RpcError("missing", wrong);
}

/** Why a result cannot be right. */
export function flaw(
  result: unknown,
  { nullable = false, validate }: CallOptions,
): string | undefined {
  if (result === null || result === undefined) {
    return nullable ? undefined : "the result is null";
  }
  try {
    return validate?.(result);
  } catch (error) {
    if (error instanceof MalformedError) return error.message;
    throw error;
  }
}
