import assert from "node:assert/strict";
import { once, run, unpack } from "../../servers/services/cache.ts";

/** Run a test in a folder of its own. */
async function withFolder(test: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    await test(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** A server that has one archive with `hello.txt` in it. */
async function serveArchive(dir: string): Promise<{
  url: string;
  sha256: string;
  shutdown: () => Promise<void>;
}> {
  await Deno.writeTextFile(`${dir}/hello.txt`, "hello");
  await run("tar", ["-czf", `${dir}/a.tar.gz`, "-C", dir, "hello.txt"]);
  const bytes = await Deno.readFile(`${dir}/a.tar.gz`);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    ({ url }) =>
      url.endsWith("/a.tar.gz")
        ? new Response(bytes)
        : new Response("no", { status: 404 }),
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    sha256: hash.toHex(),
    shutdown: () => server.shutdown(),
  };
}

Deno.test("once() makes a folder once for several who want it", async () => {
  await withFolder(async (dir) => {
    let made = 0;
    const make = async (draft: string) => {
      made++;
      await Deno.writeTextFile(`${draft}/a`, "a");
    };
    const folder = `${dir}/cache/thing`;
    await Promise.all(
      [1, 2, 3].map(() => once(folder, { what: "a thing for a test", make })),
    );
    assert.equal(made, 1);
    assert.equal(await Deno.readTextFile(`${folder}/a`), "a");
  });
});

Deno.test("once() leaves nothing of what failed", async () => {
  await withFolder(async (dir) => {
    const make = async (draft: string) => {
      await Deno.writeTextFile(`${draft}/a`, "a");
      throw new Error("no network");
    };
    await assert.rejects(
      once(`${dir}/thing`, { what: "a thing for a test", make }),
      /no network/,
    );
    const left = await Array.fromAsync(Deno.readDir(dir), ({ name }) => name);
    assert.deepEqual(left, ["lock"]);
  });
});

Deno.test("unpack() takes the archive that was expected, no other", async () => {
  await withFolder(async (dir) => {
    const { url, sha256, shutdown } = await serveArchive(dir);
    try {
      const folder = `${dir}/new`;
      await Deno.mkdir(folder);
      const other = sha256.replace(/^./, (c) => c === "0" ? "1" : "0");
      await assert.rejects(
        unpack(`${url}/a.tar.gz`, { sha256: other, folder }),
        new Error(
          `Cannot use "${url}/a.tar.gz": its sha256 is ${sha256}, not ` +
            `${other}; whoever serves it has changed it`,
        ),
      );
      await assert.rejects(
        unpack(`${url}/b.tar.gz`, { sha256, folder }),
        new Error(`Cannot download "${url}/b.tar.gz": HTTP 404`),
      );
      await unpack(`${url}/a.tar.gz`, { sha256, folder });
      assert.equal(await Deno.readTextFile(`${folder}/hello.txt`), "hello");
    } finally {
      await shutdown();
    }
  });
});

Deno.test("run() fails with what the program said", async () => {
  await assert.rejects(
    run("sh", ["-c", "echo first; echo second >&2; exit 3"]),
    /^Error: Cannot run "sh -c .*":\nfirst\nsecond$/,
  );
});
