import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { javaTest } from "./mod.ts";

const MAIN = fileURLToPath(
  new URL("../../servers/services/main.ts", import.meta.url),
);

/** What a command printed, with what changes from run to run taken out. */
interface Said {
  code: number;
  stdout: string;
  stderr: string;
}

/** A folder with services in it, all of them gone at the end. */
class Workplace implements AsyncDisposable {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async make(): Promise<Workplace> {
    return new Workplace(await Deno.makeTempDir());
  }

  /** Run `deno task services …` here, without the variables of this run. */
  async services(
    args: readonly string[],
    env: Record<string, string> = {},
  ): Promise<Said> {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", MAIN, ...args],
      cwd: this.folder,
      env: {
        KAFKA_BROKERS: "",
        SCYLLA_HOSTS: "",
        SCHEMA_REGISTRY_URL: "",
        CLICKHOUSE_URL: "",
        SLUICE_SERVICES_OWNER: String(Deno.pid),
        ...env,
      },
    }).output();
    const text = (bytes: Uint8Array) =>
      new TextDecoder().decode(bytes)
        .replaceAll(/(?<=127\.0\.0\.1:)\d+/g, "PORT")
        .replaceAll(/(?<=process )\d+/g, "PID")
        .replaceAll(/[\d.]+ s$/gm, "TIME");
    return { code, stdout: text(stdout), stderr: text(stderr) };
  }

  /** The process of a service, by the file it left. */
  async pid(path: string): Promise<number> {
    return Number.parseInt(
      await Deno.readTextFile(`${this.folder}/.sluice/services/${path}/pid`),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.services(["down"]);
    await Deno.remove(this.folder, { recursive: true });
  }
}

Deno.test("services up starts ClickHouse, down stops it", async () => {
  await using place = await Workplace.make();
  assert.equal(
    (await place.services(["status"])).stdout,
    `Kafka            never started
Cassandra        never started
Schema registry  never started
ClickHouse       never started
`,
  );
  assert.deepEqual(await place.services(["up", "clickhouse"]), {
    code: 0,
    stdout: "export CLICKHOUSE_URL=http://127.0.0.1:PORT\n",
    stderr: "ClickHouse       http://127.0.0.1:PORT  started in TIME\n",
  });
  const pid = await place.pid("clickhouse");
  const port = await Deno.readTextFile(
    `${place.folder}/.sluice/services/clickhouse/port`,
  );
  const ping = async () =>
    await (await fetch(`http://127.0.0.1:${port}/ping`)).text();
  assert.equal(await ping(), "Ok.\n");
  assert.match(
    (await place.services(["up", "clickhouse"])).stderr,
    /runs already/,
  );
  assert.equal(await place.pid("clickhouse"), pid);
  assert.match(
    (await place.services(["status"])).stdout,
    /^ClickHouse {7}up {4}http:\/\/127\.0\.0\.1:PORT {2}process PID$/m,
  );
  assert.deepEqual(await place.services(["down"]), {
    code: 0,
    stdout: "",
    stderr: "ClickHouse       stopped\n",
  });
  await assert.rejects(ping);
  assert.match(
    (await place.services(["status"])).stdout,
    /^ClickHouse {7}down {2}http:\/\/127\.0\.0\.1:PORT$/m,
  );
});

Deno.test("services up leaves nothing in the terminal's process group", async () => {
  await using place = await Workplace.make();
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", MAIN, "up", "clickhouse"],
    cwd: place.folder,
    env: { CLICKHOUSE_URL: "" },
    stdout: "null",
    stderr: "null",
    detached: true,
  }).spawn();
  assert.equal((await command.status).code, 0);
  // What a terminal sends to the group of a command when it closes.
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", `kill -HUP -${command.pid} 2>&1`],
  }).output();
  assert.match(new TextDecoder().decode(stdout), /No such process/);
  assert.match((await place.services(["status"])).stdout, /ClickHouse +up /);
});

Deno.test("services up takes what the environment names", async () => {
  await using place = await Workplace.make();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const url = `http://127.0.0.1:${port}/?note=it's`;
  const said = await place.services(["up", "clickhouse"], {
    CLICKHOUSE_URL: url,
  });
  assert.deepEqual(said, {
    code: 0,
    stdout: "export CLICKHOUSE_URL='http://127.0.0.1:PORT/?note=it'\\''s'\n",
    stderr:
      "ClickHouse       http://127.0.0.1:PORT/?note=it's  CLICKHOUSE_URL is set\n",
  });
});

Deno.test("services up refuses an address where nothing answers", async () => {
  await using place = await Workplace.make();
  assert.deepEqual(
    await place.services(["up"], { KAFKA_BROKERS: "127.0.0.1:1" }),
    {
      code: 1,
      stdout: "",
      stderr: 'Kafka: KAFKA_BROKERS is "127.0.0.1:PORT", where nothing ' +
        'answers; run "unset KAFKA_BROKERS" to have one started here\n',
    },
  );
});

Deno.test("services up says what is missing without Java", async () => {
  await using place = await Workplace.make();
  const said = await place.services(["up"], {
    JAVA_HOME: `${place.folder}/nothing`,
  });
  assert.deepEqual(said, {
    code: 1,
    stdout: "",
    stderr: "Cannot start Kafka, Cassandra, Schema registry: Java 17 or " +
      "newer is not there: install a JDK, or set JAVA_HOME. With Docker, " +
      'use "deno task services up --docker"; ClickHouse needs neither: ' +
      '"deno task services up clickhouse"\n',
  });
  assert.match(
    (await place.services(["status"])).stdout,
    /ClickHouse +never started/,
  );
});

Deno.test("services up refuses a name it does not know", async () => {
  await using place = await Workplace.make();
  assert.equal(
    (await place.services(["up", "kafak"])).stderr,
    'There is no service "kafak"; write some of kafka, cassandra, registry, ' +
      "clickhouse\n",
  );
});

Deno.test("services --docker hands the file to Docker", async () => {
  await using place = await Workplace.make();
  // The stand-in shows what Docker would be asked; no daemon runs in tests.
  await Deno.writeTextFile(
    `${place.folder}/docker`,
    '#!/bin/sh\necho "docker $*" | sed "s|/[^ ]*/deploy|deploy|"\n',
    { mode: 0o755 },
  );
  const env = { PATH: `${place.folder}:${Deno.env.get("PATH")}` };
  const compose = "docker compose --file deploy/compose.yaml";
  const up = await place.services(["up", "--docker"], env);
  assert.equal(up.code, 0, up.stderr);
  assert.equal(
    up.stdout,
    `export KAFKA_BROKERS=127.0.0.1:PORT
export SCYLLA_HOSTS=127.0.0.1:PORT
export SCHEMA_REGISTRY_URL=http://127.0.0.1:PORT/apis/ccompat/v7
export CLICKHOUSE_URL=http://127.0.0.1:PORT
`,
  );
  assert.match(up.stderr, new RegExp(`^${compose} up --detach --wait\n`));
  const down = await place.services(["down", "--docker"], env);
  assert.equal(down.stderr, `${compose} down\n`);
});

Deno.test("services up --docker says what Docker needs", async () => {
  await using place = await Workplace.make();
  await Deno.writeTextFile(
    `${place.folder}/docker`,
    "#!/bin/sh\nexit 1\n",
    { mode: 0o755 },
  );
  const said = await place.services(["up", "--docker"], {
    PATH: `${place.folder}:${Deno.env.get("PATH")}`,
  });
  assert.equal(said.code, 1);
  assert.equal(said.stdout, "");
  assert.match(said.stderr, /^Cannot run "docker compose .* with code 1; /);
});

javaTest("services up starts all, and again after a crash", async () => {
  await using place = await Workplace.make();
  const first = await place.services(["up"]);
  assert.equal(first.code, 0, first.stderr);
  const exports = `export KAFKA_BROKERS=127.0.0.1:PORT
export SCYLLA_HOSTS=127.0.0.1:PORT
export SCHEMA_REGISTRY_URL=http://127.0.0.1:PORT/apis/ccompat/v7
export CLICKHOUSE_URL=http://127.0.0.1:PORT
`;
  assert.equal(first.stdout, exports);
  assert.equal(first.stderr.match(/started in TIME$/gm)?.length, 4);

  Deno.kill(await place.pid("kafka"), "SIGKILL");
  const second = await place.services(["up"]);
  assert.equal(second.stdout, exports);
  assert.match(second.stderr, /^Kafka .* started in TIME$/m);
  assert.equal(second.stderr.match(/runs already$/gm)?.length, 3);

  const { stderr } = await place.services(["down"]);
  assert.equal(stderr.match(/stopped$/gm)?.length, 4);
});
