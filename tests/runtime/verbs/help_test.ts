/** @module */
import assert from "node:assert/strict";
import { assertGolden } from "../golden.ts";
import { sluice } from "./program.ts";

const verbs = [
  "run",
  "check",
  "plan",
  "graph",
  "new",
  "status",
  "reset",
  "migrate",
  "keys",
  "query",
  "record",
  "decode",
  "redecode",
  "schema",
];

for (const verb of ["", ...verbs]) {
  const title = `sluice ${verb} --help`.replace("  ", " ");
  Deno.test(`main() prints the help of "${title}"`, async () => {
    const args = verb === "" ? ["--help"] : [verb, "--help"];
    const { code, err, out } = await sluice(args);
    assert.deepEqual({ code, err }, { code: 0, err: "" });
    const file = `./help/${verb || "sluice"}.txt`;
    await assertGolden(new URL(file, import.meta.url), out);
  });
}

Deno.test("main() lists every verb that has a golden help", async () => {
  const { out } = await sluice(["--help"]);
  const listed = [...out.matchAll(/^ {2}(\w+) /gm)].map(([, name]) => name);
  assert.deepEqual(listed.filter((one) => one !== "help"), verbs);
});

Deno.test("main() without a verb prints the help and ends with 2", async () => {
  const { code, err, out } = await sluice([]);
  assert.equal(code, 2);
  assert.equal(out, "");
  assert.match(err, /^Usage: sluice/);
});

Deno.test("main() suggests what was meant", async () => {
  const verb = await sluice(["chekc"]);
  assert.equal(verb.code, 2);
  assert.match(verb.err, /unknown command 'chekc'\n\(Did you mean check\?\)/);
  const option = await sluice(["check", "--onlin", "x.yaml"]);
  assert.equal(option.code, 2);
  assert.match(option.err, /unknown option '--onlin'/);
  assert.match(option.err, /Did you mean --online\?/);
});

Deno.test("main() ends with 2 when an argument is missing or wrong", async () => {
  const missing = await sluice(["plan"]);
  assert.equal(missing.code, 2);
  assert.match(missing.err, /missing required argument 'spec'/);
  const wrong = await sluice(["plan", "x.yaml", "--format", "xml"]);
  assert.equal(wrong.code, 2);
  assert.match(wrong.err, /Allowed choices are text, json/);
  const many = await sluice(["graph", "a.yaml", "b.yaml"]);
  assert.equal(many.code, 2);
  assert.match(many.err, /too many arguments/);
});
