/**
 * Whose files these are: a first run neither overwrites nor extends what it
 * did not write, and still starts over what it wrote before its first cursor.
 *
 * @module
 */
import { basename, dirname, join } from "node:path";
import { UserError } from "../../runtime/component.ts";
import { fileAction } from "./file_error.ts";
import { listFiles, removeFile } from "./numbered.ts";

/** The sink that writes. */
export interface Owner {
  readonly pipeline: string;
  readonly sink: string;
}

/** A note beside the files until the first cursor is known to be saved. */
interface Claim extends Owner {
  /** Bytes that the first write was going to store. */
  readonly bytes: number;
}

/** What a sink's state says about its files, whatever their format. */
interface Stored {
  readonly path: string;
  readonly format: string;
}

/**
 * Compare what was stored with what the spec says now.
 *
 * @throws {UserError} when the path or the format is another.
 */
export function checkUnchanged(
  stored: Stored,
  { format, owner, path }: Stored & { readonly owner: Owner },
): void {
  const start = `Sink "${owner.sink}" of pipeline "${owner.pipeline}"`;
  if (stored.path !== path) {
    throw new UserError(
      `${start} wrote to "${stored.path}" before: put that path back, or ` +
        `reset the sink to start over in "${path}"`,
    );
  }
  if (stored.format !== format) {
    throw new UserError(
      `${start} wrote ${stored.format} to "${path}" before, not ${format}: ` +
        `choose another path and reset the sink`,
    );
  }
}

/** Create the folder of a path. */
export async function makeFolder(path: string): Promise<void> {
  const folder = dirname(path);
  await fileAction(
    `create folder "${folder}"`,
    () => Deno.mkdir(folder, { recursive: true }),
  );
}

/** The note of a path: `.logs.jsonl.sluice`. */
export function claimPath(path: string): string {
  return join(dirname(path), `.${basename(path)}.sluice`);
}

/** Leave the note, before the first byte is written. */
export async function claim(
  path: string,
  note: Claim,
): Promise<void> {
  const target = claimPath(path);
  await fileAction(`write "${target}"`, async () => {
    // Whole or not at all: a torn note could not be told from none.
    await Deno.writeTextFile(`${target}.new`, JSON.stringify(note));
    await Deno.rename(`${target}.new`, target);
  });
}

/** Take the note away: from now on the cursor says what is stored. */
export async function unclaim(path: string): Promise<void> {
  await removeFile(claimPath(path));
}

/**
 * Make way for a first run: delete what this sink's own first write left
 * behind when it was killed before its cursor was saved.
 *
 * @throws {UserError} when the files hold anything else.
 */
export async function startOver(
  path: string,
  { owner, numbered }: { owner: Owner; numbered: boolean },
): Promise<void> {
  const files = (await listFiles(path))
    .filter(({ index, bytes }) => index > 0 === numbered && bytes > 0);
  const [first] = files;
  if (first === undefined) return;

  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const note = await readClaim(path);
  const own = note !== undefined && note.pipeline === owner.pipeline &&
    note.sink === owner.sink && bytes <= note.bytes;
  if (!own) {
    throw new UserError(
      `"${first.path}" holds data, but sink "${owner.sink}" of pipeline ` +
        `"${owner.pipeline}" has stored nothing yet: move it away, or ` +
        `choose another path`,
    );
  }
  for (const file of files) await removeFile(file.path);
}

async function readClaim(path: string): Promise<Claim | undefined> {
  try {
    return JSON.parse(await Deno.readTextFile(claimPath(path)));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    // Not ours: then neither are the files.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
