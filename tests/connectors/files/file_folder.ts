/**
 * A fresh folder for one test of the file sink, and what is in its files.
 *
 * @module
 */
import { basename, join } from "node:path";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { parquetReadObjects } from "hyparquet";
import type { Change } from "../../contracts/canonical.ts";

/** A folder that is deleted with everything in it. */
export class FileFolder implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async make(): Promise<FileFolder> {
    return new FileFolder(await Deno.makeTempDir());
  }

  file(name: string): string {
    return join(this.path, name);
  }

  /** Names in the folder, hidden ones left out, in order. */
  async names(): Promise<string[]> {
    const names: string[] = [];
    for await (const { name } of Deno.readDir(this.path)) {
      if (!name.startsWith(".")) names.push(name);
    }
    return names.sort();
  }

  /** Names that start with a dot. */
  async hidden(): Promise<string[]> {
    const names: string[] = [];
    for await (const { name } of Deno.readDir(this.path)) {
      if (name.startsWith(".")) names.push(name);
    }
    return names.sort();
  }

  /** Text of all files in order, unpacked where the name says so. */
  async texts(): Promise<string[]> {
    const texts: string[] = [];
    for (const name of await this.names()) texts.push(await this.text(name));
    return texts;
  }

  async text(name: string): Promise<string> {
    const bytes = await Deno.readFile(this.file(basename(name)));
    return new TextDecoder().decode(
      name.endsWith(".gz") && bytes.length > 0 ? gunzipSync(bytes) : bytes,
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Deno.remove(this.path, { recursive: true });
  }
}

/** The changes in a file of JSON lines. */
export function jsonlChanges(text: string): Change[] {
  return text.split("\n").slice(0, -1).map((line) => {
    const { _op: op, ...row } = JSON.parse(line);
    return { op, row };
  });
}

/** The changes in a CSV file: a cell without quotes and text is null. */
export function csvChanges(text: string): Change[] {
  const [names = [], ...records] = csvRecords(text);
  return records.map((record) => {
    const { _op: op, ...row } = Object.fromEntries(
      names.map((name, i) => [name, record[i]]),
    );
    return { op: String(op), row };
  });
}

/** The changes in a Parquet file. */
export async function parquetChanges(path: string): Promise<Change[]> {
  return await parquetRows(await Deno.readFile(path));
}

/** The changes in the bytes of a Parquet file. */
export async function parquetRows(bytes: Uint8Array): Promise<Change[]> {
  const rows = await parquetReadObjects({
    file: bytes.slice().buffer,
    compressors: { ZSTD: (one) => new Uint8Array(zstdDecompressSync(one)) },
  });
  return rows.map(({ _op: op, ...row }) => ({ op, row }));
}

/** RFC 4180, told slowly: an oracle that shares nothing with the writer. */
function csvRecords(text: string): (string | null)[][] {
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\n|$)/y;
  const records: (string | null)[][] = [];
  let record: (string | null)[] = [];
  while (cell.lastIndex < text.length) {
    const at = cell.lastIndex;
    const found = cell.exec(text);
    if (!found) throw new Error(`No CSV at ${at}: ${text.slice(at, at + 40)}`);
    const [, quoted, plain, end] = found;
    record.push(quoted?.replaceAll(`""`, `"`) ?? (plain || null));
    if (end === ",") continue;
    records.push(record);
    record = [];
  }
  return records;
}
