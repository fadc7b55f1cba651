/**
 * The files of one sink: `logs.jsonl`, or `logs.000001.jsonl` and so on.
 *
 * @module
 */
import { basename, dirname, join } from "node:path";
import { fileAction } from "./file_error.ts";

/** Digits of a file's number; more files simply make it longer. */
const digits = 6;

/** One file that is there. */
export interface NumberedFile {
  readonly index: number;
  readonly path: string;
  readonly bytes: number;
}

/**
 * The path of a file: the number stands before the extension, `.gz` and what
 * is before it counting as one. Number 0 is the path itself.
 */
export function numberedPath(path: string, index: number): string {
  if (index === 0) return path;
  const { stem, extension } = split(basename(path));
  const number = String(index).padStart(digits, "0");
  return join(dirname(path), `${stem}.${number}${extension}`);
}

/** The number of a file in the folder of `path`, if it is one of its files. */
export function numberOf(path: string, name: string): number | undefined {
  if (name === basename(path)) return 0;
  const { stem, extension } = split(basename(path));
  const number = name.slice(stem.length + 1, name.length - extension.length);
  const index = Number(number);
  return /^\d+$/.test(number) && index > 0 &&
      name === basename(numberedPath(path, index))
    ? index
    : undefined;
}

/** The files of `path` that are there, by number. */
export async function listFiles(path: string): Promise<NumberedFile[]> {
  const folder = dirname(path);
  const files: NumberedFile[] = [];
  await fileAction(`read folder "${folder}"`, async () => {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      const index = numberOf(path, name);
      if (index === undefined || isDirectory) continue;
      const own = join(folder, name);
      files.push({ index, path: own, bytes: (await Deno.stat(own)).size });
    }
  });
  return files.sort((a, b) => a.index - b.index);
}

/** Delete the files of `path` with a higher number. */
export async function removeAbove(path: string, index: number): Promise<void> {
  for (const file of await listFiles(path)) {
    if (file.index > index) await removeFile(file.path);
  }
}

/** Delete a file if it is there. */
export async function removeFile(path: string): Promise<void> {
  await fileAction(`delete "${path}"`, async () => {
    try {
      await Deno.remove(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  });
}

/** The size of a file in bytes; 0 when it is not there. */
export async function sizeOf(path: string): Promise<number> {
  return await fileAction(`read "${path}"`, async () => {
    try {
      return (await Deno.stat(path)).size;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return 0;
      throw error;
    }
  });
}

function split(name: string): { stem: string; extension: string } {
  // A leading dot is part of the name: ".jsonl" has no extension.
  const extension = /(?<=.)(?:\.[^.]*)?(?:\.gz)?$/.exec(
    name.replace(/\.gz$/, ""),
  )?.[0] ?? "";
  const whole = name.endsWith(".gz") ? `${extension}.gz` : extension;
  return { stem: name.slice(0, name.length - whole.length), extension: whole };
}
