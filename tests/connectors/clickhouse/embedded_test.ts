import assert from "node:assert/strict";
import {
  connectEmbedded,
  type Embedded,
  EmbeddedBusyError,
  startEmbedded,
} from "../../../connectors/clickhouse/embedded.ts";
import {
  clientOf,
  selectValue,
  until,
} from "../../servers/clickhouse/warehouse.ts";

/** Run a test in a folder of its own. */
async function withFolder(test: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    await test(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** Run one statement or query on a server. */
async function ask(server: Embedded, query: string): Promise<string> {
  const client = clientOf(server);
  try {
    return await selectValue(client, query);
  } finally {
    await client.close();
  }
}

async function run(server: Embedded, query: string): Promise<void> {
  const client = clientOf(server);
  try {
    await client.command({ query });
  } finally {
    await client.close();
  }
}

/** Whether a process has ended; a dead one may wait for its parent. */
async function hasEnded(pid: number): Promise<boolean> {
  const { stdout } = await new Deno.Command("ps", {
    args: ["-o", "stat=", "-p", String(pid)],
  }).output();
  return /^(Z|\s*$)/.test(new TextDecoder().decode(stdout));
}

/** A program with an embedded server, by its printed lines. */
class Program implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly lines: string[] = [];
  readonly #reading: Promise<void>;

  constructor(dir: string) {
    const script = new URL("embedded_parent.ts", import.meta.url);
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", script.href, dir],
      stdout: "piped",
      stderr: "null", // It fails loudly when its server is killed.
    }).spawn();
    this.#reading = this.#read();
  }

  /** The server's number, once it is known. */
  get server(): number | undefined {
    return this.lines[0] === undefined
      ? undefined
      : Number(this.lines[0].split(" ")[1]);
  }

  /** The last insert that was acknowledged. */
  get acknowledged(): number {
    return this.lines.length < 2 ? -1 : Number(this.lines.at(-1));
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  async ended(): Promise<void> {
    await this.#child.status;
    await this.#reading;
  }

  async #read(): Promise<void> {
    let rest = "";
    const text = this.#child.stdout.pipeThrough(new TextDecoderStream());
    for await (const chunk of text) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      this.lines.push(...lines);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.kill();
    } catch {
      // It has ended by itself.
    }
    await this.ended();
    if (this.server) await until(() => hasEnded(this.server!));
  }
}

Deno.test("startEmbedded() keeps rows from one start to the next", async () => {
  await withFolder(async (dir) => {
    let pid: number;
    {
      await using server = await startEmbedded(dir);
      pid = server.pid;
      assert.equal(server.owned, true);
      await run(server, "CREATE TABLE t (a UInt64) ENGINE = Log");
      await run(server, "INSERT INTO t VALUES (1), (2)");
    }
    assert(await hasEnded(pid));
    await assert.rejects(Deno.stat(`${dir}/server.json`), Deno.errors.NotFound);
    await using server = await startEmbedded(dir);
    assert.equal(await ask(server, "SELECT sum(a) FROM t"), "3");
  });
});

Deno.test("startEmbedded() refuses a second owner and names the first", async () => {
  await withFolder(async (dir) => {
    await using server = await startEmbedded(dir);
    await assert.rejects(startEmbedded(dir), (error) => {
      assert(error instanceof EmbeddedBusyError);
      assert.equal(error.pid, server.pid);
      assert.equal(
        error.message,
        `Cannot start embedded ClickHouse in "${dir}": ` +
          `Folder "${dir}" is in use by process ${server.pid}`,
      );
      return true;
    });
    assert.equal(await ask(server, "SELECT 1"), "1");
  });
});

Deno.test("startEmbedded() hides the password", async () => {
  await withFolder(async (parent) => {
    const dir = `${parent}/data`;
    const log: string[] = [];
    await using server = await startEmbedded(dir, {
      log: (line) => log.push(line),
    });
    assert.match(server.password, /^[0-9a-f]{64}$/);
    assert(!server.url.includes(server.password));
    const { stdout } = await new Deno.Command("ps", {
      args: ["-ww", "-o", "args=", "-p", String(server.pid)],
    }).output();
    const args = new TextDecoder().decode(stdout);
    assert(args.includes(dir));
    assert(!args.includes(server.password));
    assert(!log.join().includes(server.password));
    assert.equal((await Deno.stat(dir)).mode! & 0o777, 0o700);
    const address = await Deno.stat(`${dir}/server.json`);
    assert.equal(address.mode! & 0o777, 0o600);
  });
});

Deno.test("startEmbedded() says why it cannot", async () => {
  await withFolder(async (parent) => {
    const dir = `${parent}/file`;
    await Deno.writeTextFile(dir, "");
    await assert.rejects(startEmbedded(dir), {
      name: "Error",
      message: /^Cannot start embedded ClickHouse in ".*file": .*File exists/,
    });
  });
});

Deno.test("startEmbedded() gives up when it is told to", async () => {
  await withFolder(async (dir) => {
    const reason = new Error("enough");
    await assert.rejects(
      startEmbedded(dir, { signal: AbortSignal.abort(reason) }),
      reason,
    );
    const stop = new AbortController();
    const starting = startEmbedded(dir, { signal: stop.signal });
    await until(async () =>
      await Deno.stat(`${dir}/server.lock`).then(() => true, () => false)
    );
    stop.abort(reason);
    await assert.rejects(starting, reason);
    await using server = await startEmbedded(dir);
    assert.equal(server.owned, true);
  });
});

Deno.test("startEmbedded() leaves signals of the terminal to its caller", async () => {
  await withFolder(async (dir) => {
    await using server = await startEmbedded(dir);
    for (const signal of ["SIGINT", "SIGHUP", "SIGINT"] as const) {
      Deno.kill(server.pid, signal);
      assert.equal(await ask(server, "SELECT 1"), "1");
    }
    Deno.kill(server.pid, "SIGTERM");
    await until(() => hasEnded(server.pid));
    await assert.rejects(Deno.stat(`${dir}/server.json`), Deno.errors.NotFound);
  });
});

Deno.test("startEmbedded() reports a server that is gone", async () => {
  await withFolder(async (dir) => {
    const log: string[] = [];
    await using server = await startEmbedded(dir, {
      log: (line) => log.push(line),
    });
    Deno.kill(server.pid, "SIGKILL");
    await until(() => Promise.resolve(log.length > 0));
    assert.deepEqual(log, ["Embedded ClickHouse ended with SIGKILL"]);
  });
});

Deno.test("connectEmbedded() reaches the server that runs", async () => {
  await withFolder(async (dir) => {
    await using owner = await connectEmbedded(dir);
    assert.equal(owner.owned, true);
    {
      await using guest = await connectEmbedded(dir);
      const { url, username, password, pid } = owner;
      assert.deepEqual(
        { ...guest, [Symbol.asyncDispose]: undefined },
        {
          url,
          username,
          password,
          pid,
          owned: false,
          [Symbol.asyncDispose]: undefined,
        },
      );
    }
    assert.equal(await ask(owner, "SELECT 1"), "1");
  });
});

Deno.test("connectEmbedded() is not misled by a dead owner", async () => {
  await withFolder(async (dir) => {
    let pid: number;
    {
      await using server = await startEmbedded(dir);
      pid = server.pid;
      Deno.kill(pid, "SIGKILL");
      await until(() => hasEnded(pid));
    }
    await Deno.stat(`${dir}/server.json`);
    await Deno.stat(`${dir}/server.lock`);
    await using server = await connectEmbedded(dir);
    assert.equal(server.owned, true);
    assert.notEqual(server.pid, pid);
  });
});

Deno.test("connectEmbedded() gives one of many callers the folder", async () => {
  await withFolder(async (dir) => {
    const servers = await Promise.all(
      Array.from({ length: 4 }, () => connectEmbedded(dir)),
    );
    try {
      assert.equal(servers.filter(({ owned }) => owned).length, 1);
      assert.equal(new Set(servers.map(({ pid }) => pid)).size, 1);
    } finally {
      for (const server of servers) await server[Symbol.asyncDispose]();
    }
  });
});

Deno.test("an embedded server that is killed keeps what it acknowledged", async () => {
  await withFolder(async (dir) => {
    await using program = new Program(dir);
    await until(() => Promise.resolve(program.acknowledged >= 50), 30);
    Deno.kill(program.server!, "SIGKILL");
    await program.ended(); // its client fails
    await using server = await connectEmbedded(dir);
    assert.equal(server.owned, true);
    await assertRows(server, program.acknowledged);
  });
});

Deno.test("an embedded server ends with its program, even a killed one", async () => {
  await withFolder(async (dir) => {
    await using program = new Program(dir);
    await until(() => Promise.resolve(program.acknowledged >= 50), 30);
    program.kill();
    await program.ended();
    await until(() => hasEnded(program.server!), 5);
    await assert.rejects(Deno.stat(`${dir}/server.json`), Deno.errors.NotFound);
    await using server = await startEmbedded(dir);
    await assertRows(server, program.acknowledged);
  });
});

/** Every acknowledged row is there, and at most the next one besides. */
async function assertRows(server: Embedded, last: number): Promise<void> {
  const [count, distinct, max] = (await ask(
    server,
    "SELECT count(), uniqExact(n), max(n) FROM t",
  )).split("\t").map(Number);
  assert.equal(count, distinct);
  assert.equal(count, max! + 1);
  assert(max === last || max === last + 1, `${max} of ${last}`);
}
