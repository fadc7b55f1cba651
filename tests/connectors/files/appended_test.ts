import assert from "node:assert/strict";
import { RetryableError, UserError } from "../../../runtime/component.ts";
import { fileConfig, linesOf, openFile, smallSchema } from "./open_file.ts";
import { FileFolder } from "./file_folder.ts";

function userError(message: RegExp) {
  return (error: unknown) => {
    assert(error instanceof UserError, String(error));
    assert.match(error.message, message);
    return true;
  };
}

Deno.test("file sink creates folders and an empty file at once", async () => {
  await using folder = await FileFolder.make();
  const path = folder.file("a/b/rows.jsonl");
  await using _sink = await openFile(fileConfig(path));
  assert.equal(await Deno.readTextFile(path), "");
});

Deno.test("file sink refuses a file that it has not written", async () => {
  await using folder = await FileFolder.make();
  const path = folder.file("rows.jsonl");
  await Deno.writeTextFile(path, "mine\n");
  await assert.rejects(
    openFile(fileConfig(path)),
    userError(
      /"[^"]+rows\.jsonl" holds data, but sink "rows" of pipeline "test" has stored nothing yet: move it away, or choose another path$/,
    ),
  );
  assert.equal(await Deno.readTextFile(path), "mine\n");
});

Deno.test("file sink takes an empty file that is there", async () => {
  await using folder = await FileFolder.make();
  const path = folder.file("rows.jsonl");
  await Deno.writeTextFile(path, "");
  await using sink = await openFile(fileConfig(path));
  await sink.write(1);
  assert.equal(await folder.text("rows.jsonl"), linesOf(1));
});

Deno.test("file sink leaves a note until its first cursor is known", async () => {
  await using folder = await FileFolder.make();
  const config = fileConfig(folder.file("rows.jsonl"));
  await using sink = await openFile(config);
  assert.deepEqual(await folder.hidden(), []);
  await sink.write();
  const state = await sink.write(1);
  assert.deepEqual(await folder.hidden(), [".rows.jsonl.sluice"]);
  await sink[Symbol.asyncDispose]();
  {
    await using _again = await openFile(config, { state });
    assert.deepEqual(await folder.hidden(), []);
  }
  await using third = await openFile(config, { state });
  await third.write(2);
  assert.deepEqual(await folder.hidden(), []);
});

Deno.test("file sink takes its note away before its second write", async () => {
  await using folder = await FileFolder.make();
  await using sink = await openFile(fileConfig(folder.file("rows.jsonl")));
  await sink.write(1);
  await sink.write(2);
  assert.deepEqual(await folder.hidden(), []);
});

Deno.test("file sink starts over only what its own first write left", async () => {
  await using folder = await FileFolder.make();
  const config = fileConfig(folder.file("rows.jsonl"));
  {
    await using first = await openFile(config);
    await first.write(1, 2);
  }
  await assert.rejects(
    openFile(config, { sink: "other" }),
    userError(/sink "other" of pipeline "test" has stored nothing yet/),
  );
  {
    await using again = await openFile(config);
    assert.equal(await folder.text("rows.jsonl"), "");
    await again.write(1);
    await again.write(2);
  }
  // Two writes were acknowledged and the cursor is gone: that was a reset.
  await assert.rejects(openFile(config), userError(/has stored nothing yet/));
  assert.equal(await folder.text("rows.jsonl"), linesOf(1, 2));
});

Deno.test("file sink cuts off what the cursor does not know", async () => {
  await using folder = await FileFolder.make();
  const config = fileConfig(folder.file("rows.jsonl"));
  const first = await openFile(config);
  const state = await first.write(1, 2);
  await first[Symbol.asyncDispose]();
  await Deno.writeTextFile(config.path, `{"block_n`, { append: true });
  await using second = await openFile(config, { state });
  assert.equal(await folder.text("rows.jsonl"), linesOf(1, 2));
  await second.write(3);
  assert.equal(await folder.text("rows.jsonl"), linesOf(1, 2, 3));
});

Deno.test("file sink stops when stored bytes are missing", async () => {
  await using folder = await FileFolder.make();
  const config = fileConfig(folder.file("rows.jsonl"));
  const first = await openFile(config);
  const state = await first.write(1, 2);
  await first[Symbol.asyncDispose]();
  const bytes = linesOf(1, 2).length;
  await Deno.truncate(config.path, 10);
  await assert.rejects(
    openFile(config, { state }),
    userError(new RegExp(`has 10 bytes where ${bytes} were stored`)),
  );
  await Deno.remove(config.path);
  await assert.rejects(
    openFile(config, { state }),
    userError(new RegExp(`has 0 bytes where ${bytes} were stored`)),
  );
});

Deno.test("file sink notices a file that is moved away meanwhile", async () => {
  await using folder = await FileFolder.make();
  const config = fileConfig(folder.file("rows.jsonl"));
  await using sink = await openFile(config);
  await sink.write(1);
  await Deno.rename(config.path, folder.file("moved.jsonl"));
  await assert.rejects(sink.write(2), userError(/something else changed it/));
});

Deno.test("file sink does not share a file", async () => {
  await using folder = await FileFolder.make();
  const config = fileConfig(folder.file("rows.jsonl"));
  await using sink = await openFile(config);
  await assert.rejects(
    openFile(config, { sink: "other" }),
    userError(/another sink or process is writing it/),
  );
  await sink.write(1);
  assert.equal(await folder.text("rows.jsonl"), linesOf(1));
});

Deno.test("file sink names the way back when its path changes", async () => {
  await using folder = await FileFolder.make();
  const config = fileConfig(folder.file("rows.jsonl"));
  const first = await openFile(config);
  const state = await first.write(1);
  await first[Symbol.asyncDispose]();
  const moved = fileConfig(folder.file("other.jsonl"));
  await assert.rejects(
    openFile(moved, { state }),
    userError(/wrote to ".*rows\.jsonl" before: put that path back, or reset/),
  );
  await assert.rejects(
    openFile({ ...config, format: "csv" }, { state }),
    userError(/wrote jsonl to ".*" before, not csv: choose another path/),
  );
  await assert.rejects(
    openFile({ ...config, format: "parquet" }, { state }),
    userError(/wrote jsonl to ".*" before, not parquet: choose another path/),
  );
});

Deno.test("file sink refuses other columns under an old CSV header", async () => {
  await using folder = await FileFolder.make();
  const config = fileConfig(folder.file("rows.csv"));
  const first = await openFile(config);
  const state = await first.write(1);
  await first[Symbol.asyncDispose]();
  await assert.rejects(
    openFile(config, { state, schema: smallSchema.slice(0, 1) }),
    userError(/wrote other columns .* before: block_number,text,_op; choose/),
  );
});

Deno.test("file sink waits for room on a full disk", async () => {
  await using folder = await FileFolder.make();
  const config = fileConfig(folder.file("rows.jsonl"));
  // Linux's device that answers every write with ENOSPC.
  await Deno.symlink("/dev/full", config.path);
  await using sink = await openFile(config);
  const batch = sink.batch([1, 2]);
  await assert.rejects(sink.writeBatch(batch), (error) => {
    assert(error instanceof RetryableError, String(error));
    assert.equal(
      error.message,
      `Cannot write "${config.path}": the disk is full`,
    );
    return true;
  });
  await Deno.remove(config.path);
  await sink.writeBatch(batch);
  assert.equal(await folder.text("rows.jsonl"), linesOf(1, 2));
});

Deno.test("file sink stores a batch again after a torn write", async () => {
  await using folder = await FileFolder.make();
  const config = fileConfig(folder.file("rows.jsonl"), {
    rotate: { blocks: 2 },
  });
  await using sink = await openFile(config);
  await sink.write(1);
  const stop = new AbortController();
  const blocks = [2, 3, 4, 5, 6];
  const torn = sink.batch(blocks, stop.signal);
  // The third append of the batch is refused: two files are written by then.
  let asked = 0;
  const throwIfAborted = stop.signal.throwIfAborted.bind(stop.signal);
  stop.signal.throwIfAborted = () => {
    if (++asked === 3) stop.abort(new Error("torn"));
    throwIfAborted();
  };
  await assert.rejects(sink.writeBatch(torn), /torn/);
  assert.deepEqual(await folder.names(), [
    "rows.000001.jsonl",
    "rows.000002.jsonl",
    "rows.000003.jsonl",
  ]);
  await sink.write(...blocks);
  assert.deepEqual(await folder.texts(), [
    linesOf(1, 2),
    linesOf(3, 4),
    linesOf(5, 6),
  ]);
});

Deno.test("file sink says what is wrong with a path", async () => {
  await using folder = await FileFolder.make();
  await Deno.writeTextFile(folder.file("plain"), "");
  await Deno.mkdir(folder.file("rows.jsonl"));
  await assert.rejects(
    openFile(fileConfig(folder.file("plain/rows.jsonl"))),
    userError(/^Cannot create folder ".*plain": a file has its name$/),
  );
  await assert.rejects(
    openFile(fileConfig(folder.file("rows.jsonl"))),
    userError(/^Cannot write ".*rows\.jsonl": it is a folder$/),
  );
});

Deno.test({
  name: "file sink says when Deno may not write",
  permissions: { read: true, write: false, env: true },
  async fn() {
    await assert.rejects(
      openFile(fileConfig("data/rows.jsonl")),
      userError(/^Cannot create folder "data": Deno was not given/),
    );
  },
});

Deno.test("file sink starts a file behind so many blocks", async () => {
  await using folder = await FileFolder.make();
  const config = fileConfig(folder.file("rows.jsonl"), {
    rotate: { blocks: 10 },
  });
  await using sink = await openFile(config);
  await sink.write(5, 14, 15);
  await sink.write(24);
  await sink.write(25, 100, 12);
  assert.deepEqual(await folder.names(), [
    "rows.000001.jsonl",
    "rows.000002.jsonl",
    "rows.000003.jsonl",
    "rows.000004.jsonl",
  ]);
  assert.deepEqual(await folder.texts(), [
    linesOf(5, 14),
    linesOf(15, 24),
    linesOf(25),
    linesOf(100, 12),
  ]);
});

Deno.test("file sink starts a file when one has its size", async () => {
  await using folder = await FileFolder.make();
  const bytes = linesOf(1).length;
  const config = fileConfig(folder.file("rows.csv"), {
    format: "jsonl",
    rotate: { bytes: 2 * bytes },
  });
  const first = await openFile(config);
  const state = await first.write(1);
  await first[Symbol.asyncDispose]();
  await using second = await openFile(config, { state });
  await second.write(2, 3, 4, 5);
  assert.deepEqual(await folder.names(), [
    "rows.000001.csv",
    "rows.000002.csv",
    "rows.000003.csv",
  ]);
  assert.deepEqual(await folder.texts(), [
    linesOf(1, 2),
    linesOf(3, 4),
    linesOf(5),
  ]);
});

Deno.test("file sink deletes no file of another name", async () => {
  await using folder = await FileFolder.make();
  const others = ["rows.000002.jsonl", "rows.jsonl.bak", "rows.old.jsonl"];
  for (const name of others) await Deno.writeTextFile(folder.file(name), "x");
  const plain = fileConfig(folder.file("rows.jsonl"));
  const first = await openFile(plain);
  const state = await first.write(1);
  await first[Symbol.asyncDispose]();
  await using _again = await openFile(plain, { state });
  assert.deepEqual(await folder.names(), [...others, "rows.jsonl"].sort());
});

Deno.test("file sink deletes files behind the cursor at once", async () => {
  await using folder = await FileFolder.make();
  const config = fileConfig(folder.file("rows.jsonl"), {
    rotate: { blocks: 1 },
  });
  const first = await openFile(config);
  const state = await first.write(1);
  await first.write(2, 3);
  await first[Symbol.asyncDispose]();
  // Whoever reads the folder now must not see rows that may never come again.
  await using _again = await openFile(config, { state });
  assert.deepEqual(await folder.names(), ["rows.000001.jsonl"]);
});

Deno.test("file sink keeps what others added to its first write", async () => {
  await using folder = await FileFolder.make();
  const config = fileConfig(folder.file("rows.jsonl"));
  const first = await openFile(config);
  await first.write(1);
  await first[Symbol.asyncDispose]();
  await Deno.writeTextFile(config.path, "x".repeat(4096), { append: true });
  await assert.rejects(openFile(config), userError(/holds data/));
});

Deno.test("file sink goes on with numbers when rotate comes later", async () => {
  await using folder = await FileFolder.make();
  const path = folder.file("rows.jsonl");
  const first = await openFile(fileConfig(path));
  const state = await first.write(1, 2);
  await first[Symbol.asyncDispose]();
  const config = fileConfig(path, { rotate: { blocks: 2 } });
  await using second = await openFile(config, { state });
  await second.write(3);
  assert.deepEqual(await folder.names(), ["rows.000001.jsonl", "rows.jsonl"]);
  assert.deepEqual(await folder.texts(), [linesOf(3), linesOf(1, 2)]);
});

Deno.test("file sink appends large batches in pieces, in order", async () => {
  await using folder = await FileFolder.make();
  const config = fileConfig(folder.file("rows.jsonl"));
  await using sink = await openFile(config);
  const blocks = Array.from({ length: 40_000 }, (_, i) => i);
  await sink.write(...blocks);
  assert.equal(await folder.text("rows.jsonl"), linesOf(...blocks));
});
