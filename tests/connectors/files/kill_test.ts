import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { Change } from "../../contracts/canonical.ts";
import {
  csvChanges,
  FileFolder,
  jsonlChanges,
  parquetChanges,
} from "./file_folder.ts";

const program = fileURLToPath(new URL("./killed_main.ts", import.meta.url));

/** Kills a run, spread over the run's life. */
const kills = 6;

interface Variant {
  readonly name: string;
  readonly blocks: number;
  readonly rotate?: number;
  readonly changes: (folder: FileFolder, name: string) => Promise<Change[]>;
}

const variants: Variant[] = [
  {
    name: "rows.jsonl",
    blocks: 1_500,
    changes: async (folder, name) => jsonlChanges(await folder.text(name)),
  },
  {
    name: "rows.csv.gz",
    blocks: 1_500,
    rotate: 150,
    changes: async (folder, name) => csvChanges(await folder.text(name)),
  },
  {
    name: "rows.parquet",
    blocks: 300,
    changes: (folder, name) => parquetChanges(folder.file(name)),
  },
];

for (const { blocks, changes, name, rotate } of variants) {
  Deno.test(`file sink loses and doubles nothing when killed, ${name}`, async () => {
    await using folder = await FileFolder.make();
    await using other = await FileFolder.make();
    const cursor = other.file("cursor.json");
    const args = [
      folder.file(name),
      cursor,
      String(blocks),
      String(rotate ?? ""),
    ];
    for (let kill = 1; kill <= kills; kill++) {
      // The first one in its first write, the others a while later.
      await runUntil(args, async () => {
        if (kill === 1) return await started(folder);
        return await position(cursor) > blocks * kill / (kills + 2);
      });
    }
    await runUntil(args, () => Promise.resolve(false));
    const rows: Change[] = [];
    for (const file of await folder.names()) {
      rows.push(...await changes(folder, file));
    }
    assert.deepEqual(
      rows.map(({ row }) => Number(row["block_number"])),
      Array.from({ length: blocks }, (_, i) => i),
    );
  });
}

/** Run the program and kill it as soon as `ready`, if it ever is. */
async function runUntil(
  args: readonly string[],
  ready: () => Promise<boolean>,
): Promise<void> {
  await using child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", program, ...args],
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let done = false;
  const ended = child.status.finally(() => done = true);
  const words = new Response(child.stderr).text();
  while (!done) {
    if (await ready()) {
      if (!done) child.kill("SIGKILL");
      break;
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const { signal, success } = await ended;
  assert(success || signal === "SIGKILL", await words);
  await words;
}

async function started(folder: FileFolder): Promise<boolean> {
  return (await folder.hidden()).length > 0;
}

async function position(cursor: string): Promise<number> {
  try {
    return JSON.parse(await Deno.readTextFile(cursor)).next;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}
