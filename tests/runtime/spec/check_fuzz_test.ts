import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { formatDiagnostics } from "../../../runtime/spec/diagnostics.ts";
import { check } from "./registry.ts";

const folder = fileURLToPath(new URL("../../specs/valid/", import.meta.url));

const specs = [...Deno.readDirSync(folder)]
  .filter(({ name }) => name.endsWith(".yaml"))
  .map(({ name }) => Deno.readTextFileSync(`${folder}${name}`));

const files = {
  "pipelines/parts/connections.yaml": Deno.readTextFileSync(
    `${folder}parts/connections.yaml`,
  ),
};

/** Everything is missing now and then. */
const env = { ETH_RPC_URL: "https://rpc.example.org", FIFTY: "50" };

/** Whatever is wrong, it is said at a place that there is. */
function explained(text: string): void {
  const { diagnostics, spec } = check(text, { env, files });
  const errors = diagnostics.filter(({ severity }) => severity === "error");
  assert.equal(spec === undefined, errors.length > 0);
  const lines = text.replace(/^\ufeff/, "").split(/\r?\n/);
  for (const { column, file, length, line, message, source } of diagnostics) {
    if (file !== "pipelines/test.yaml") continue;
    const shown = lines[line - 1];
    assert.ok(shown !== undefined || text === "", `${message}: line ${line}`);
    assert.ok(column >= 1 && column <= source.length + 1, message);
    assert.ok(length >= 1, message);
    assert.ok(column + length <= Math.max(source.length, column) + 1, message);
    assert.match(message, /^["A-Z]/);
    assert.doesNotMatch(message, /\.$/);
  }
  formatDiagnostics(diagnostics);
}

const piece = fc.oneof(
  fc.string({ maxLength: 8 }),
  fc.constantFrom(
    "{ }",
    "[ ]",
    "${",
    "${A}",
    "${A:-b}",
    "{a}",
    "null",
    "5",
    "- ",
    ": ",
    "\n",
    "  ",
    "\t",
    "*a",
    "&a ",
    "0x12",
    "any",
    "errors",
    "from",
    "type: filter",
    "1e999",
    "日本",
  ),
);

Deno.test("checkSpec() explains a spec with any piece of it replaced", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...specs),
      fc.nat(),
      fc.nat({ max: 20 }),
      piece,
      (spec, at, length, text) => {
        const start = at % (spec.length + 1);
        explained(spec.slice(0, start) + text + spec.slice(start + length));
      },
    ),
    { numRuns: Number(Deno.env.get("SLUICE_FUZZ_RUNS") ?? 300) },
  );
});

Deno.test("checkSpec() explains a spec with any of its lines left out", () => {
  for (const spec of specs) {
    const lines = spec.split("\n");
    for (const index of lines.keys()) {
      explained(lines.toSpliced(index, 1).join("\n"));
    }
  }
});

Deno.test("checkSpec() explains a spec with any of its values replaced", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...specs),
      fc.nat(),
      fc.oneof(piece, fc.json({ maxDepth: 2 })),
      (spec, at, text) => {
        const values = [...spec.matchAll(/(?<=: )[^\s,{}[\]]+/g)];
        const found = values[at % values.length];
        if (!found) return;
        const { 0: value, index } = found;
        explained(
          spec.slice(0, index) + text + spec.slice(index + value.length),
        );
      },
    ),
    { numRuns: Number(Deno.env.get("SLUICE_FUZZ_RUNS") ?? 300) },
  );
});
