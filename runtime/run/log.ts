/**
 * The structured log: one JSON object a line, secrets left out.
 *
 * @module
 */
import { redactor } from "../spec/secrets.ts";

/** How important a line is. */
export type Level = "debug" | "info" | "warn" | "error";

/** Named values of a line; bigints become decimal strings. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Where the runtime and its components say what they do. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds `fields` to every line. */
  with(fields: LogFields): Logger;
}

/** One line before it is written. */
export interface LogLine {
  readonly time: string;
  readonly level: Level;
  readonly message: string;
  readonly fields: LogFields;
}

/** Options of {@linkcode createLogger}. */
export interface LoggerOptions {
  /** Lines below it are dropped. */
  readonly level: Level;
  /** Values that must never be written, wherever they appear. */
  readonly secrets: readonly string[];
  write(line: LogLine): void;
}

const levels: readonly Level[] = ["debug", "info", "warn", "error"];

/** Create a logger. */
export function createLogger(
  options: LoggerOptions,
  common: LogFields = {},
): Logger {
  const redact = redactor(options.secrets);
  const log = (level: Level) => (message: string, fields: LogFields = {}) => {
    if (levels.indexOf(level) < levels.indexOf(options.level)) return;
    options.write({
      time: new Date().toISOString(),
      level,
      message: redact(message),
      // Each text before it is JSON: a quote in a secret would be escaped.
      fields: JSON.parse(
        JSON.stringify(
          { ...common, ...fields },
          (_key, value) => plain(value, redact),
        ),
      ),
    });
  };
  return {
    debug: log("debug"),
    info: log("info"),
    warn: log("warn"),
    error: log("error"),
    with: (fields) => createLogger(options, { ...common, ...fields }),
  };
}

/** A line as JSON. */
export function jsonLine({ fields, ...line }: LogLine): string {
  return JSON.stringify({ ...line, ...fields });
}

/** A line for a person: `12:00:01 warn Message key=value`. */
export function textLine({ fields, level, message, time }: LogLine): string {
  const rest = Object.entries(fields)
    .map(([key, value]) => `${key}=${shown(value)}`);
  return [time.slice(11, 19), level, message, ...rest].join(" ");
}

function shown(value: unknown): string {
  return typeof value === "string" && !/[\s"=]/.test(value)
    ? value
    : JSON.stringify(value);
}

function plain(value: unknown, redact: (text: string) => string): unknown {
  if (typeof value === "string") return redact(value);
  if (typeof value === "bigint") return String(value);
  return value instanceof Error ? redact(value.message) : value;
}
