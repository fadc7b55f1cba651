/**
 * Every spec under tests/specs with what the checker says about it.
 * `deno test … -- --update` rewrites what is expected.
 *
 * @module
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { checkSpec } from "../../../runtime/spec/check.ts";
import { formatDiagnostics } from "../../../runtime/spec/diagnostics.ts";
import { runSpecTests } from "../../../runtime/spec/run_tests.ts";
import { registry } from "./registry.ts";

const folder = fileURLToPath(new URL("../../specs/", import.meta.url));
const update = Deno.args.includes("--update");

/** The environment of every golden spec. */
const environment: Readonly<Record<string, string>> = {
  ETH_RPC_URL: "https://rpc.example.org/v2/0123456789abcdef0123456789abcdef",
  ALCHEMY_KEYS: "alchemy-key-one,alchemy-key-two",
  KAFKA_BROKERS: "kafka-1:9092",
  SCYLLA_HOSTS: "scylla-1",
  CLICKHOUSE_URL: "http://reader:p4ssw0rd@clickhouse:8123",
  CLICKHOUSE_PASSWORD: "hunter2-from-the-environment",
  EMPTY: "",
  FIFTY: "50",
  WORD: "fifty",
};

/** Specs are shown as lying in pipelines/, whose files they read. */
async function messages(kind: string, name: string): Promise<string> {
  const { diagnostics, spec } = checkSpec(`pipelines/${name}.yaml`, {
    registry,
    env: (name) => environment[name],
    read: (path) =>
      Deno.readTextFileSync(
        `${folder}${kind}/${path.replace(/^pipelines\//, "")}`,
      ),
  });
  const results = spec ? await runSpecTests(spec) : [];
  return formatDiagnostics([
    ...diagnostics,
    ...results.flatMap(({ diagnostics }) => diagnostics),
  ]);
}

function names(kind: string): string[] {
  return [...Deno.readDirSync(`${folder}${kind}`)]
    .filter(({ isFile, name }) => isFile && name.endsWith(".yaml"))
    .map(({ name }) => name.slice(0, -".yaml".length))
    .sort();
}

for (const name of names("invalid")) {
  Deno.test(`checkSpec() explains invalid/${name}.yaml`, async () => {
    const got = await messages("invalid", name);
    const golden = `${folder}invalid/${name}.txt`;
    if (update) return await Deno.writeTextFile(golden, got);
    assert.equal(got, await Deno.readTextFile(golden));
  });
}

for (const name of names("valid")) {
  Deno.test(`checkSpec() has nothing to say about valid/${name}.yaml`, async () => {
    assert.equal(await messages("valid", name), "");
  });
}

Deno.test("checkSpec() is proved by at least 40 invalid and 10 valid specs", () => {
  assert.ok(names("invalid").length >= 40);
  assert.ok(names("valid").length >= 10);
});
