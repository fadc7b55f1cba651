import assert from "node:assert/strict";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import {
  openRecording,
  Recording,
  RecordingError,
  RecordingWriter,
} from "../../../../connectors/evm/recording/recording.ts";

const HEADER = { chain_id: 31337, client: "node/v1", from: 5, to: 7 };

const hash = (height: number) => `0x${height.toString(16).padStart(64, "b")}`;
const tx = (height: number) => `0x${height.toString(16).padStart(64, "c")}`;

function block(height: number) {
  return {
    hash: hash(height),
    number: `0x${height.toString(16)}`,
    odd_field: "kept – as it came",
    transactions: [{ hash: tx(height), value: "0x0" }],
  };
}

function receipts(height: number) {
  return [{ transactionHash: tx(height), status: "0x1" }];
}

async function writeBlocks(path: string, header = HEADER): Promise<string> {
  await using writer = await RecordingWriter.create(path, header);
  for (let height = header.from; height <= header.to; height++) {
    const number = `0x${height.toString(16)}`;
    await writer.add("eth_getBlockByNumber", [number, true], block(height));
    await writer.add("eth_getBlockReceipts", [number], receipts(height));
  }
  await writer.finish();
  return writer.path;
}

async function withFolder(run: (folder: string) => Promise<void>) {
  const folder = await Deno.makeTempDir();
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function withBlocks(run: (recording: Recording) => void) {
  await withFolder(async (folder) => {
    run(await openRecording(await writeBlocks(join(folder, "blocks"))));
  });
}

function rejection(path: string): Promise<string> {
  return openRecording(path).then(
    () => assert.fail(`${path} was accepted`),
    (error) => {
      assert(error instanceof RecordingError, String(error));
      return error.message;
    },
  );
}

async function writeLines(folder: string, lines: readonly unknown[]) {
  const file = join(folder, "lines.jsonl.gz");
  const text = lines.map((line) =>
    typeof line === "string" ? line : JSON.stringify(line)
  );
  await Deno.writeFile(file, gzipSync(text.join("\n") + "\n"));
  return file;
}

Deno.test("openRecording() accepts the name with and without its ending", async () => {
  await withFolder(async (folder) => {
    const file = await writeBlocks(join(folder, "blocks"));
    assert.equal(file, join(folder, "blocks.jsonl.gz"));
    for (const name of ["blocks", "blocks.jsonl", "blocks.jsonl.gz"]) {
      const recording = await openRecording(join(folder, name));
      assert.equal(recording.path, file);
      assert.equal(recording.size, 6);
      assert.deepEqual(recording.header, HEADER);
    }
  });
});

Deno.test("Recording.answer() gives every recorded result back unchanged", async () => {
  await withBlocks((recording) => {
    assert.deepEqual(
      recording.answer("eth_getBlockByNumber", ["0x6", true]),
      block(6),
    );
    assert.deepEqual(
      recording.answer("eth_getBlockReceipts", ["0x6"]),
      receipts(6),
    );
    assert.equal(
      recording.answerText("eth_getBlockByNumber", ["0x6", true]),
      JSON.stringify(block(6)),
    );
  });
});

Deno.test("Recording.answer() gives a fresh value each time", async () => {
  await withBlocks((recording) => {
    const first = recording.answer("eth_getBlockReceipts", ["0x6"]);
    (first as unknown[]).length = 0;
    assert.deepEqual(
      recording.answer("eth_getBlockReceipts", ["0x6"]),
      receipts(6),
    );
  });
});

Deno.test("Recording.answer() takes chain, head and client from the header", async () => {
  await withBlocks((recording) => {
    assert.equal(recording.answer("eth_chainId"), "0x7a69");
    assert.equal(recording.answer("eth_blockNumber", []), "0x7");
    assert.equal(recording.answer("web3_clientVersion"), "node/v1");
  });
});

Deno.test("Recording.answer() reads tags as the ends of the recording", async () => {
  await withBlocks((recording) => {
    for (const tag of ["latest", "safe", "finalized"]) {
      assert.deepEqual(
        recording.answer("eth_getBlockByNumber", [tag, true]),
        block(7),
      );
      assert.deepEqual(
        recording.answer("eth_getBlockReceipts", [tag]),
        receipts(7),
      );
    }
    assert.deepEqual(
      recording.answer("eth_getBlockByNumber", ["earliest", true]),
      block(5),
    );
    assert.equal(
      recording.answer("eth_getBlockByNumber", ["pending", true]),
      undefined,
    );
  });
});

Deno.test("Recording.answer() derives a block without transactions", async () => {
  await withBlocks((recording) => {
    const bare = { ...block(6), transactions: [tx(6)] };
    assert.deepEqual(
      recording.answer("eth_getBlockByNumber", ["0x6", false]),
      bare,
    );
    assert.deepEqual(
      recording.answer("eth_getBlockByNumber", ["0x06"]),
      bare,
      "a padded quantity names the same block",
    );
    assert.deepEqual(
      recording.answer("eth_getBlockByHash", [hash(6), false]),
      bare,
    );
  });
});

Deno.test("Recording.answer() finds blocks and receipts by hash", async () => {
  await withBlocks((recording) => {
    for (const name of [hash(5), hash(5).toUpperCase().replace("X", "x")]) {
      assert.deepEqual(
        recording.answer("eth_getBlockByHash", [name, true]),
        block(5),
      );
      assert.deepEqual(
        recording.answer("eth_getBlockReceipts", [name]),
        receipts(5),
      );
    }
    for (const height of [5, 6, 7]) {
      assert.deepEqual(
        recording.answer("eth_getTransactionReceipt", [tx(height)]),
        receipts(height)[0],
      );
    }
  });
});

Deno.test("Recording.answer() has no block after the last one", async () => {
  await withBlocks((recording) => {
    assert.equal(recording.answer("eth_getBlockByNumber", ["0x8", true]), null);
    assert.equal(recording.answer("eth_getBlockReceipts", ["0x8"]), null);
  });
});

Deno.test("Recording.answer() is undefined for what was not recorded", async () => {
  await withBlocks((recording) => {
    for (
      const [method, params] of [
        ["eth_getBlockByNumber", ["0x4", true]],
        ["eth_getBlockByNumber", [null, true]],
        ["eth_getBlockReceipts", ["0x4"]],
        ["eth_getBlockByHash", [hash(4), true]],
        ["eth_getTransactionReceipt", [tx(4)]],
        ["eth_getBalance", [hash(4), "latest"]],
      ] as const
    ) {
      assert.equal(recording.answer(method, params), undefined, method);
      assert.equal(recording.answerText(method, params), undefined, method);
    }
  });
});

Deno.test("RecordingWriter keeps any call as it was (property)", async () => {
  const calls = fc.uniqueArray(
    fc.record({
      method: fc.constantFrom("eth_call", "debug_traceBlockByNumber"),
      params: fc.array(fc.jsonValue(), { maxLength: 3 }),
      result: fc.jsonValue(),
    }),
    {
      maxLength: 20,
      selector: ({ method, params }) =>
        method + JSON.stringify(params).toLowerCase(),
    },
  );
  await withFolder(async (folder) => {
    await fc.assert(
      fc.asyncProperty(calls, async (expected) => {
        const path = join(folder, "any");
        await using writer = await RecordingWriter.create(path, HEADER);
        for (const { method, params, result } of expected) {
          await writer.add(method, params, result);
        }
        await writer.finish();
        const recording = await openRecording(path);
        assert.equal(recording.size, expected.length);
        for (const { method, params, result } of expected) {
          assert.equal(
            recording.answerText(method, params),
            JSON.stringify(result),
          );
        }
      }),
      { numRuns: 50 },
    );
  });
});

Deno.test("RecordingWriter writes the same bytes for the same calls", async () => {
  await withFolder(async (folder) => {
    const one = await Deno.readFile(await writeBlocks(join(folder, "one")));
    const two = await Deno.readFile(await writeBlocks(join(folder, "two")));
    assert.deepEqual(one, two);
    assert.deepEqual([...one.slice(4, 8)], [0, 0, 0, 0], "no time in the file");
  });
});

Deno.test("RecordingWriter writes the documented lines and nothing else", async () => {
  await withFolder(async (folder) => {
    const file = await writeBlocks(join(folder, "lines"), { ...HEADER, to: 5 });
    const lines = gunzipSync(await Deno.readFile(file)).toString().split("\n");
    assert.deepEqual(lines, [
      '{"recording":1,"chain_id":31337,"client":"node/v1","from":5,"to":5}',
      '{"method":"eth_getBlockByNumber","params":["0x5",true],"result":' +
      JSON.stringify(block(5)) + "}",
      '{"method":"eth_getBlockReceipts","params":["0x5"],"result":' +
      JSON.stringify(receipts(5)) + "}",
      "",
    ]);
  });
});

Deno.test("RecordingWriter.add() keeps the first answer to a repeated call", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "twice");
    await using writer = await RecordingWriter.create(path, HEADER);
    await writer.add("eth_call", [{ to: "0xAB" }, "0x6"], "0x01");
    await writer.add("eth_call", [{ to: "0xab" }, "0x6"], "0x02");
    await writer.finish();
    const recording = await openRecording(path);
    assert.equal(recording.size, 1);
    assert.equal(
      recording.answer("eth_call", [{ to: "0xab" }, "0x6"]),
      "0x01",
    );
  });
});

Deno.test("RecordingWriter leaves an older recording alone until finish()", async () => {
  await withFolder(async (folder) => {
    const path = await writeBlocks(join(folder, "blocks"));
    const before = await Deno.readFile(path);
    {
      await using writer = await RecordingWriter.create(path, HEADER);
      await writer.add("eth_call", [], "0x");
    }
    assert.deepEqual(await Deno.readFile(path), before);
    assert.deepEqual(
      await Array.fromAsync(Deno.readDir(folder), (entry) => entry.name),
      ["blocks.jsonl.gz"],
      "no unfinished file is left",
    );
  });
});

Deno.test("RecordingWriter makes the folder and reports one it cannot use", async () => {
  await withFolder(async (folder) => {
    await writeBlocks(join(folder, "new", "folder", "blocks"));
    await Deno.writeTextFile(join(folder, "plain"), "");
    await assert.rejects(writeBlocks(join(folder, "plain", "blocks")));
    await Deno.mkdir(join(folder, "taken.jsonl.gz"));
    await assert.rejects(writeBlocks(join(folder, "taken")));
  });
});

Deno.test("openRecording() says where it looked and what to do", async () => {
  await withFolder(async (folder) => {
    assert.equal(
      await rejection(join(folder, "none")),
      `Cannot open recording "${join(folder, "none")}": no file at ` +
        `${join(folder, "none.jsonl.gz")}; make one with the "record" verb`,
    );
  });
});

Deno.test("openRecording() names the line that is damaged", async () => {
  await withFolder(async (folder) => {
    const header = { recording: 1, ...HEADER };
    const call = { method: "eth_call", params: [], result: null };
    for (
      const [lines, expected] of [
        [[header, call, '{"method":"eth_call",'], /, line 3 of .*lines/],
        [
          [header, { method: "eth_call", params: [] }],
          /, line 2 .*no "result"/,
        ],
        [[header, "null"], /, line 2 .*a call needs "method"/],
        [[call], /, line 1 .*not a recording/],
        [["null"], /, line 1 .*not a recording/],
        [[{ ...header, recording: 2 }], /, line 1 .*format 2, .* reads 1/],
        [[{ ...header, to: 4 }], /, line 1 .*the header needs/],
        [[{ ...header, client: 4 }], /, line 1 .*the header needs/],
      ] as const
    ) {
      const message = await rejection(await writeLines(folder, lines));
      assert.match(message, expected);
      assert.match(message, /make it again with the "record" verb$/);
    }
  });
});

Deno.test("openRecording() reads lines that another program wrote", async () => {
  await withFolder(async (folder) => {
    const recording = await openRecording(
      await writeLines(folder, [
        { ...HEADER, recording: 1 },
        '{ "params": ["0x5", true], "method": "eth_getBlockByNumber", ' +
        `"result": { "hash": "${hash(5)}", "number": "0x5", ` +
        `"transactions": ["${tx(5)}"] } }`,
      ]),
    );
    assert.deepEqual(recording.answer("eth_getBlockByHash", [hash(5), false]), {
      hash: hash(5),
      number: "0x5",
      transactions: [tx(5)],
    });
  });
});

Deno.test("openRecording() refuses a file cut anywhere", async () => {
  await withFolder(async (folder) => {
    const whole = await Deno.readFile(await writeBlocks(join(folder, "whole")));
    const file = join(folder, "cut.jsonl.gz");
    for (let length = 0; length < whole.length; length += 17) {
      await Deno.writeFile(file, whole.slice(0, length));
      const message = await rejection(file);
      assert.match(message, /whole gzip file|truncated or damaged|is empty/);
    }
    await Deno.writeTextFile(file, "not gzip at all");
    assert.match(await rejection(file), /not a whole gzip file/);
  });
});

Deno.test("openRecording() says after which line a long file is damaged", async () => {
  await withFolder(async (folder) => {
    const header = { ...HEADER, from: 0, to: 2_000 };
    const path = await writeBlocks(join(folder, "long"), header);
    const whole = await Deno.readFile(path);
    await Deno.writeFile(path, whole.slice(0, whole.length / 2));
    assert.match(
      await rejection(path),
      /truncated or damaged after line \d{3}/,
    );
    whole[whole.length - 6]! ^= 0xff;
    await Deno.writeFile(path, whole);
    assert.match(
      await rejection(path),
      /truncated or damaged after line \d{4}/,
    );
  });
});
