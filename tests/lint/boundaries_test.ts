import assert from "node:assert/strict";
import boundaries from "../../lint/boundaries.ts";

const root = new URL("../../", import.meta.url).pathname;

/** What the rule says of an import in a file. */
function messages(file: string, source: string): string[] {
  return Deno.lint.runPlugin(boundaries, `${root}${file}`, source)
    .map(({ message }) => message);
}

for (
  const [file, source, message] of [
    [
      "connectors/kafka/sink.ts",
      'import { chain } from "../evm/source.ts";',
      "A connector imports no other connector",
    ],
    [
      "connectors/kafka/sink.ts",
      'export * from "../../runtime/run/log.ts";',
      "A connector imports runtime/component.ts and nothing else of ours",
    ],
    [
      "connectors/kafka/sink.ts",
      'const evm = await import("../evm/source.ts");',
      "A connector imports no other connector",
    ],
    [
      "runtime/run/flow.ts",
      'export { chain } from "../../connectors/evm/chain/source.ts";',
      "The runtime knows no connector; pass the registry in",
    ],
  ] as const
) {
  Deno.test(`boundaries refuses ${source} in ${file}`, () => {
    assert.deepEqual(messages(file, source), [message]);
  });
}

Deno.test("boundaries lets connectors import the door, their own folder and packages", () => {
  const source = `
    import { fields } from "../../runtime/component.ts";
    import { client } from "./client.ts";
    import { createClient } from "@clickhouse/client";
  `;
  assert.deepEqual(messages("connectors/kafka/sink.ts", source), []);
  const list = 'import { chain } from "./evm/source.ts";';
  assert.deepEqual(messages("connectors/mod.ts", list), []);
});
