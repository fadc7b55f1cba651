/**
 * Errors in ClickHouse's words: number in a header, name in the text.
 *
 * @module
 */
import type { Bytes } from "./bytes.ts";
import { EngineError } from "./libchdb.ts";

/** Numbers from ClickHouse's `ErrorCodes.cpp`, with the status they get. */
const REFUSALS = {
  SYNTAX_ERROR: { code: 62, status: 400 },
  NOT_IMPLEMENTED: { code: 48, status: 501 },
  AUTHENTICATION_FAILED: { code: 516, status: 401 },
  ABORTED: { code: 236, status: 503 },
} as const;

/** Status by number where ClickHouse does not answer 500. */
const STATUS: Readonly<Record<number, number>> = {
  27: 400, // CANNOT_PARSE_INPUT_ASSERTION_FAILED
  62: 400, // SYNTAX_ERROR
  60: 404, // UNKNOWN_TABLE
  81: 404, // UNKNOWN_DATABASE
  48: 501, // NOT_IMPLEMENTED
};

/** What ClickHouse calls an exception that is not its own. */
const STD_EXCEPTION = 1001;

/** A request that this server does not carry out. */
export class Refusal extends Error {
  override name = "Refusal";
  readonly code: number;
  readonly status: number;

  constructor(type: keyof typeof REFUSALS, message: string) {
    const { code, status } = REFUSALS[type];
    super(`Code: ${code}. DB::Exception: ${message}. (${type})`);
    this.code = code;
    this.status = status;
  }
}

/**
 * The end of an answer that failed after its first rows were sent, as clients
 * of ClickHouse 25.11 and later look for it.
 */
export function exceptionBlock(tag: string, error: unknown): Bytes {
  const message = utf8.encode(`${describe(error).message}\n`);
  const mark = "\r\n__exception__\r\n";
  const head = utf8.encode(`${mark}${tag}\r\n`);
  const tail = utf8.encode(`${message.length} ${tag}${mark}`);
  const block = new Uint8Array(head.length + message.length + tail.length);
  block.set(head);
  block.set(message, head.length);
  block.set(tail, head.length + message.length);
  return block;
}

const utf8 = new TextEncoder();

/** An error as an answer carries it. */
export function describe(
  error: unknown,
): { message: string; code: number; status: number } {
  if (error instanceof Refusal) return error;
  const text = error instanceof Error ? error.message : String(error);
  const code = error instanceof EngineError
    ? Number(/Code: (\d+)/.exec(text)?.[1] ?? STD_EXCEPTION)
    : STD_EXCEPTION;
  const message = code === STD_EXCEPTION
    ? `Code: ${code}. DB::Exception: ${text}. (STD_EXCEPTION)`
    : text;
  return { message, code, status: STATUS[code] ?? 500 };
}
