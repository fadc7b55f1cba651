import assert from "node:assert/strict";
import { components } from "../../connectors/mod.ts";
import { checkSpec } from "../../runtime/spec/check.ts";
import { formatDiagnostics } from "../../runtime/spec/diagnostics.ts";
import { runSpecTests } from "../../runtime/spec/run_tests.ts";
import type { Spec } from "../../runtime/spec/spec.ts";

const folder = new URL("../../pipelines/scale_out/", import.meta.url).pathname;

const env: Readonly<Record<string, string>> = {
  ETH_RPC_URL: "http://127.0.0.1:1",
  KAFKA_BROKERS: "127.0.0.1:1",
  CLICKHOUSE_URL: "http://127.0.0.1:1",
};

function checked(name: string): Spec {
  const { diagnostics, spec } = checkSpec(`${folder}${name}`, {
    registry: components,
    env: (name) => env[name],
  });
  assert.equal(formatDiagnostics(diagnostics), "");
  assert(spec);
  return spec;
}

Deno.test("pipelines/scale_out passes check, with its tests", async () => {
  for (const name of ["watch.yaml", "decode.yaml"]) {
    for (const { diagnostics } of await runSpecTests(checked(name))) {
      assert.equal(formatDiagnostics(diagnostics), "");
    }
  }
});

Deno.test("pipelines/scale_out/decode.yaml declares the columns that watch.yaml writes", () => {
  const [topic] = checked("watch.yaml").stages.flatMap((stage) =>
    stage.kind === "sink" ? [stage] : []
  );
  const [source] = checked("decode.yaml").stages.flatMap((stage) =>
    stage.kind === "source" ? [stage] : []
  );
  const plain = (columns: NonNullable<typeof topic>["schema"] = []) =>
    columns.map(({ name, nullable = false, type }) => ({
      name,
      nullable,
      type,
    }));
  assert.deepEqual(plain(source?.outputs["rows"]), plain(topic?.schema));
});
