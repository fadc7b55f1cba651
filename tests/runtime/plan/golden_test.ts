/**
 * The plans of all valid specs and of every component's own example.
 * `deno test … -- --update` rewrites them.
 *
 * @module
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { components } from "../../../connectors/mod.ts";
import type { Registry } from "../../../runtime/component.ts";
import { mermaid } from "../../../runtime/plan/mermaid.ts";
import { planOf } from "../../../runtime/plan/plan.ts";
import { planText } from "../../../runtime/plan/plan_text.ts";
import { checkSpec } from "../../../runtime/spec/check.ts";
import { formatDiagnostics } from "../../../runtime/spec/diagnostics.ts";
import { assertGolden } from "../golden.ts";
import { registry } from "../spec/registry.ts";

/** What every secret is; no plan may show it. */
const secret = "correct-horse-battery-staple";

/** The environment of every spec. */
function env(name: string): string | undefined {
  if (name === "FIFTY") return "50";
  if (name === "EMPTY") return "";
  if (name === "WORD") return "fifty";
  if (name.endsWith("_URL")) return "https://node.example.org";
  if (name.endsWith("_BROKERS")) return "kafka-1:9092";
  if (name.endsWith("_HOSTS")) return "scylla-1";
  return /KEYS|PASSWORD|TOKEN/.test(name) ? secret : undefined;
}

/** A plan and a drawing as one text. */
function planned(file: string, options: {
  readonly registry: Registry;
  read(path: string): string;
}): string {
  const { diagnostics, spec } = checkSpec(file, {
    ...options,
    env,
  });
  assert.ok(spec, formatDiagnostics(diagnostics));
  const text = `${planText(planOf(spec))}\n\n${mermaid(spec)}`;
  assert.ok(!text.includes(secret), "The plan shows a secret");
  return text;
}

for (const { example, kind, type } of components) {
  const name = `${type}_${kind}`;
  Deno.test(`planText() of the example of ${name} is as expected`, async () => {
    const golden = new URL(`./examples/${name}.plan.txt`, import.meta.url);
    const text = planned(`pipelines/${name}.yaml`, {
      registry: components,
      read: (path) =>
        path === `pipelines/${name}.yaml` ? example : Deno.readTextFileSync(
          fileURLToPath(new URL(`../../../${path}`, import.meta.url)),
        ),
    });
    await assertGolden(golden, text);
  });
}

const valid = new URL("../../specs/valid/", import.meta.url);

for (const { isFile, name } of Deno.readDirSync(valid)) {
  if (!isFile || !name.endsWith(".yaml")) continue;
  Deno.test(`planText() of valid/${name} is as expected`, async () => {
    const text = planned(`pipelines/${name}`, {
      registry,
      read: (path) =>
        Deno.readTextFileSync(new URL(path.replace(/^pipelines\//, ""), valid)),
    });
    const golden = name.replace(/\.yaml$/, ".plan.txt");
    await assertGolden(new URL(golden, valid), text);
  });
}
