/**
 * A process for `kill_test.ts` to kill: writes blocks in batches and saves the
 * state of each write, as the runtime does.
 *
 * @module
 */
import type { SinkState } from "../../../runtime/component.ts";
import { fileConfig, openFile } from "./open_file.ts";

const [path = "", cursor = "", last = "0", rotate = ""] = Deno.args;

interface Cursor {
  readonly next: number;
  readonly state: SinkState;
}

function load(): Cursor | undefined {
  try {
    return JSON.parse(Deno.readTextFileSync(cursor));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

const saved = load();
const config = fileConfig(path, {
  ...(rotate === "" ? {} : { rotate: { blocks: Number(rotate) } }),
});
await using sink = await openFile(config, { state: saved?.state });
let next = saved?.next ?? 0;
while (next < Number(last)) {
  const size = Math.min(1 + next % 7, Number(last) - next);
  const blocks = Array.from({ length: size }, (_, i) => next + i);
  const state = await sink.write(...blocks);
  next += size;
  await Deno.writeTextFile(`${cursor}.new`, JSON.stringify({ next, state }));
  await Deno.rename(`${cursor}.new`, cursor);
}
