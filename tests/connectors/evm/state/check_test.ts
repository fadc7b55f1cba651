/**
 * Mistakes in states and what the checker says about each.
 * `deno test … -- --update` rewrites what is expected.
 *
 * @module
 */
import { components } from "../../../../connectors/mod.ts";
import { checkSpec } from "../../../../runtime/spec/check.ts";
import { formatDiagnostics } from "../../../../runtime/spec/diagnostics.ts";
import { assertGolden } from "../../../runtime/golden.ts";

const folder = new URL("./invalid/", import.meta.url);

for (const { name } of Deno.readDirSync(folder)) {
  if (!name.endsWith(".yaml")) continue;
  Deno.test(`evm.state explains invalid/${name}`, async () => {
    const { diagnostics } = checkSpec(`pipelines/${name}`, {
      registry: components,
      env: () => undefined,
      read: (path) =>
        Deno.readTextFileSync(
          new URL(path.replace(/^pipelines\//, ""), folder),
        ),
    });
    const golden = new URL(name.replace(/\.yaml$/, ".txt"), folder);
    await assertGolden(golden, formatDiagnostics(diagnostics));
  });
}
