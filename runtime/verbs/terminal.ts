/**
 * Where verbs print: results to standard output, all else to standard error.
 *
 * @module
 */
import {
  createLogger,
  jsonLine,
  type Level,
  type Logger,
  textLine,
} from "../run/log.ts";
import { redactor } from "../spec/secrets.ts";

/** What a verb prints to. */
export interface Terminal {
  /** Results. */
  print(text: string): void;
  /** Everything else. */
  note(text: string): void;
  /** Replace the line at the bottom of standard error; "" removes it. */
  renew(text: string): void;
  /** Whether a person looks at standard error. */
  readonly interactive: boolean;
  readonly columns: number;
}

/** Carriage return, erase the line. */
const clearLine = "\r\x1b[K";

let bottom = "";

const encoder = new TextEncoder();

/** The process's own standard output and error. */
export const systemTerminal: Terminal = {
  print: (text) => writeAll(Deno.stdout, `${text}\n`),
  note: (text) => {
    // The renewed line moves down below what is noted.
    writeAll(Deno.stderr, bottom ? `${clearLine}${text}\n` : `${text}\n`);
    if (bottom) writeAll(Deno.stderr, bottom);
  },
  renew: (text) => {
    if (bottom || text) writeAll(Deno.stderr, clearLine);
    bottom = text.slice(0, systemTerminal.columns - 1);
    if (bottom) writeAll(Deno.stderr, bottom);
  },
  interactive: Deno.stderr.isTerminal(),
  get columns() {
    try {
      return Deno.consoleSize().columns || 80;
    } catch {
      return 80;
    }
  },
};

/**
 * The same terminal, but nothing that is noted shows a secret: providers say
 * keys back, "Invalid api key …". Results are printed as they are.
 */
export function discreet(
  terminal: Terminal,
  secrets: Iterable<string>,
): Terminal {
  return {
    print: terminal.print,
    note: (text) => terminal.note(redactor(secrets)(text)),
    renew: terminal.renew,
    interactive: terminal.interactive,
    get columns() {
      return terminal.columns;
    },
  };
}

/** A logger that writes to a terminal: text for people, else JSON lines. */
export function terminalLogger(
  terminal: Terminal,
  options: { readonly level: Level; readonly secrets: readonly string[] },
): Logger {
  return createLogger({
    ...options,
    write: (line) =>
      terminal.note(terminal.interactive ? textLine(line) : jsonLine(line)),
  });
}

function writeAll(to: typeof Deno.stdout, text: string): void {
  let bytes = encoder.encode(text);
  while (bytes.length > 0) bytes = bytes.subarray(to.writeSync(bytes));
}
