import assert from "node:assert/strict";
import { UserError } from "../../../runtime/component.ts";
import { fileConfig, openFile } from "./open_file.ts";
import { FileFolder, parquetChanges } from "./file_folder.ts";

async function numbers(folder: FileFolder, name: string): Promise<number[]> {
  const changes = await parquetChanges(folder.file(name));
  return changes.map(({ row }) => Number(row["block_number"]));
}

Deno.test("file sink writes a Parquet file a batch", async () => {
  await using folder = await FileFolder.make();
  const config = fileConfig(folder.file("rows.parquet"));
  await using sink = await openFile(config);
  await sink.write(1, 2);
  await sink.write(3);
  assert.deepEqual(await folder.names(), [
    "rows.000001.parquet",
    "rows.000002.parquet",
  ]);
  assert.deepEqual(await numbers(folder, "rows.000001.parquet"), [1, 2]);
  assert.deepEqual(await numbers(folder, "rows.000002.parquet"), [3]);
  assert.deepEqual(await folder.hidden(), []);
});

Deno.test("file sink deletes Parquet files behind the cursor", async () => {
  await using folder = await FileFolder.make();
  const config = fileConfig(folder.file("rows.parquet"));
  const first = await openFile(config);
  const state = await first.write(1);
  await first.write(2);
  await first.write(3);
  await Deno.writeTextFile(folder.file("rows.old.parquet"), "mine");
  await using second = await openFile(config, { state });
  await second.write(2, 3);
  assert.deepEqual(await folder.names(), [
    "rows.000001.parquet",
    "rows.000002.parquet",
    "rows.old.parquet",
  ]);
  assert.deepEqual(await numbers(folder, "rows.000002.parquet"), [2, 3]);
});

Deno.test("file sink refuses Parquet files that it has not written", async () => {
  await using folder = await FileFolder.make();
  const config = fileConfig(folder.file("rows.parquet"));
  const first = await openFile(config);
  await first.write(1);
  await first.write(2);
  // The cursor is gone, and more than a first write is there.
  await assert.rejects(openFile(config), (error) => {
    assert(error instanceof UserError, String(error));
    assert.match(error.message, /rows\.000001\.parquet" holds data, but sink/);
    return true;
  });
  assert.equal((await folder.names()).length, 2);
});

Deno.test("file sink does not write over another's Parquet file", async () => {
  await using folder = await FileFolder.make();
  const config = fileConfig(folder.file("rows.parquet"));
  await using sink = await openFile(config);
  await Deno.writeTextFile(folder.file("rows.000001.parquet"), "other");
  await assert.rejects(sink.write(1), (error) => {
    assert(error instanceof UserError, String(error));
    assert.match(error.message, /another sink or process has written it$/);
    return true;
  });
  assert.equal(await folder.text("rows.000001.parquet"), "other");
});

Deno.test("file sink leaves no half Parquet file when it stops", async () => {
  await using folder = await FileFolder.make();
  await using sink = await openFile(fileConfig(folder.file("rows.parquet")));
  const stop = new AbortController();
  stop.abort(new Error("stop"));
  await assert.rejects(sink.writeBatch(sink.batch([1], stop.signal)), /stop/);
  assert.deepEqual(await folder.names(), []);
  await sink.write(1);
  assert.deepEqual(await numbers(folder, "rows.000001.parquet"), [1]);
});
