/**
 * Golden files: what a person reads, kept beside the tests.
 * `deno test … -- --update` rewrites them.
 *
 * @module
 */
import assert from "node:assert/strict";

/** Compare a text with a golden file, which ends in a line feed. */
export async function assertGolden(file: URL, text: string): Promise<void> {
  const got = `${text.trimEnd()}\n`;
  if (Deno.args.includes("--update")) {
    await Deno.writeTextFile(file, got);
    return;
  }
  const wanted = await Deno.readTextFile(file).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return `No ${file.pathname}; make it with -- --update\n`;
  });
  try {
    assert.equal(got, wanted);
  } catch (error) {
    if (error instanceof Error) {
      error.message += `\nIf it is right: deno test -A FILE -- --update`;
    }
    throw error;
  }
}
