import assert from "node:assert/strict";
import { components } from "../connectors/mod.ts";
import { checkSpec } from "../runtime/spec/check.ts";
import { formatDiagnostics } from "../runtime/spec/diagnostics.ts";
import { runSpecTests } from "../runtime/spec/run_tests.ts";

const root = new URL("../", import.meta.url).pathname;

/** Every page that shows YAML to a reader. */
function pages(): string[] {
  const reference = [...Deno.readDirSync(`${root}docs/reference`)]
    .map(({ name }) => `docs/reference/${name}`);
  return [
    "README.md",
    "runtime/README.md",
    "docs/contract_state.md",
    "docs/logs.md",
    "docs/decoding.md",
    "docs/plans.md",
    "docs/state.md",
    ...reference,
  ];
}

/** The blocks of YAML in a page, with their lines. */
function blocks(page: string): { line: number; text: string }[] {
  const text = Deno.readTextFileSync(`${root}${page}`);
  return [...text.matchAll(/^```ya?ml\n([\s\S]*?)^```$/gm)].map((match) => ({
    line: text.slice(0, match.index).split("\n").length + 1,
    text: match[1] ?? "",
  }));
}

Deno.test("every YAML block of the documentation passes check", () => {
  let count = 0;
  for (const page of pages()) {
    for (const { line, text } of blocks(page)) {
      count++;
      const file = `${root}pipelines/block.yaml`;
      const { diagnostics, spec } = checkSpec(file, {
        registry: components,
        env: (name) => name.endsWith("URL") ? "http://127.0.0.1:1" : "value",
        read: (path) => path === file ? text : Deno.readTextFileSync(path),
      });
      assert(
        spec,
        `${page}:${line}\n${formatDiagnostics(diagnostics, "text")}`,
      );
    }
  }
  assert(count > components.length, `only ${count} blocks were found`);
});

/** Where servers are, by what the names of their variables end with. */
const places: Readonly<Record<string, string>> = {
  URL: "http://127.0.0.1:1",
  BROKERS: "127.0.0.1:1",
  HOSTS: "127.0.0.1:1",
};

Deno.test("every pipeline that ships passes check, with its tests", async () => {
  for await (const { name } of Deno.readDir(`${root}pipelines`)) {
    // That one has no pipeline: it is included by the others.
    if (!name.endsWith(".yaml") || name === "connections.yaml") continue;
    const { diagnostics, spec } = checkSpec(`${root}pipelines/${name}`, {
      registry: components,
      env: (name) => places[/[A-Z]+$/.exec(name)?.[0] ?? ""],
    });
    assert(spec, formatDiagnostics(diagnostics, "text"));
    for (const { diagnostics } of await runSpecTests(spec)) {
      assert.equal(formatDiagnostics(diagnostics, "text"), "");
    }
  }
});
