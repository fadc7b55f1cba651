/**
 * The file of a recording: its name, its lines and what can be wrong with it.
 *
 * @module
 */
import { createReadStream } from "node:fs";
import { basename, resolve } from "node:path";
import { createGunzip } from "node:zlib";

const EXTENSION = ".jsonl.gz";

const REMEDY = 'make it again with the "record" verb';

/** A recording that is missing, damaged or of another format. */
export class RecordingError extends Error {
  override name = "RecordingError";
}

/** The full path of a recording; the name may leave out `.jsonl.gz`. */
export function fileOf(path: string): string {
  const name = basename(path);
  if (name.endsWith(".gz")) return resolve(path);
  if (name.endsWith(".jsonl")) return resolve(`${path}.gz`);
  return resolve(path + EXTENSION);
}

/** Read a gzip file line by line; the last line may lack its line feed. */
export async function* linesOf(file: string): AsyncGenerator<string> {
  const source = createReadStream(file);
  const gunzip = createGunzip();
  source.on("error", (error) => gunzip.destroy(error));
  source.pipe(gunzip);
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let rest = "";
  try {
    for await (const chunk of gunzip) {
      const lines = (rest + decoder.decode(chunk, { stream: true }))
        .split("\n");
      rest = lines.pop() ?? "";
      yield* lines;
    }
    rest += decoder.decode();
    if (rest !== "") yield rest;
  } finally {
    source.destroy();
  }
}

/** Say what is wrong with a recording, where, and what to do about it. */
export function describeFailure(
  cause: unknown,
  { path, file, line }: { path: string; file: string; line: number },
): unknown {
  if (!(cause instanceof Error)) return cause;
  const code = "code" in cause ? cause.code : undefined;
  if (code === "ENOENT" || code === "EISDIR") {
    return new RecordingError(
      `Cannot open recording "${path}": no file at ${file}; ` +
        'make one with the "record" verb',
      { cause },
    );
  }
  if (cause instanceof SyntaxError) {
    return new RecordingError(
      `Cannot read recording "${path}", line ${line} of ${file}: ` +
        `${cause.message}; ${REMEDY}`,
      { cause },
    );
  }
  if (code === "Z_DATA_ERROR" || code === "Z_BUF_ERROR") {
    const state = line === 0
      ? "it is not a whole gzip file"
      : `it is truncated or damaged after line ${line}`;
    return new RecordingError(
      `Cannot read recording "${path}" at ${file}: ${state}; ${REMEDY}`,
      { cause },
    );
  }
  return new RecordingError(
    `Cannot read recording "${path}" at ${file}: ${cause.message}`,
    { cause },
  );
}
