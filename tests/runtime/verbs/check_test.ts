/** @module */
import assert from "node:assert/strict";
import { folderWith, sluice } from "./program.ts";
import { toyEnvironment as env, toySpec } from "./toys.ts";

const small = `\
name: small
connections:
  shop: { type: shop }
sources:
  belt: { type: belt, connection: shop }
sinks:
  kept: { type: bin, from: belt.toys }
`;

const broken = small.replace("type: bin", "type: bim")
  .replace("belt.toys", "belt.boxes");

Deno.test("check says ok for every right spec and counts its parts", async () => {
  await using folder = await folderWith({ "a.yaml": toySpec, "b.yaml": small });
  const { code, err, out } = await sluice(
    ["check", folder.at("a.yaml"), folder.at("b.yaml")],
    { env },
  );
  assert.equal(err, "");
  assert.equal(
    out,
    "ok: toy-factory (6 stages, 1 test)\nok: small (2 stages, 0 tests)",
  );
  assert.equal(code, 0);
});

Deno.test("check ends with 2 and shows mistakes on standard error", async () => {
  await using folder = await folderWith({ "a.yaml": broken, "b.yaml": small });
  const file = folder.at("a.yaml");
  const { code, err, out } = await sluice(["check", file, folder.at("b.yaml")]);
  assert.equal(code, 2);
  assert.equal(out, "ok: small (2 stages, 0 tests)");
  assert.match(err, /a\.yaml:7:17: Unknown sink type "bim"/);
  assert.match(err, /did you mean "bin"\?/);
  assert.match(err, /"belt" has no output "boxes"/);
  assert.ok(!err.endsWith("\n"));
});

Deno.test("check --format json prints one document on standard output", async () => {
  await using folder = await folderWith({ "a.yaml": broken, "b.yaml": small });
  const files = [folder.at("a.yaml"), folder.at("b.yaml")];
  const { code, err, out } = await sluice([
    "check",
    ...files,
    "--format",
    "json",
  ]);
  assert.equal(code, 2);
  const found = JSON.parse(out) as { line: number; severity: string }[];
  assert.deepEqual(found.map(({ line }) => line), [7, 7]);
  assert.ok(found.every(({ severity }) => severity === "error"));
  assert.equal(err, "ok: small (2 stages, 0 tests)");
  const fine = await sluice(["check", folder.at("b.yaml"), "--format", "json"]);
  assert.deepEqual(JSON.parse(fine.out), []);
  assert.equal(fine.code, 0);
});

Deno.test("check --format github prints annotations", async () => {
  await using folder = await folderWith({ "a.yaml": broken });
  const file = folder.at("a.yaml");
  const { code, out } = await sluice(["check", file, "--format", "github"]);
  assert.equal(code, 2);
  assert.match(out, /^::error file=.*a\.yaml,line=7,col=17,endColumn=20::/);
});

Deno.test("check shows a mistake of an included file once", async () => {
  const including = small.replace(
    /connections:\n.*\n/,
    "include: [shops.yaml]\n",
  );
  await using folder = await folderWith({
    "shops.yaml": "connections: { shop: { type: shop, mood: sad } }\n",
    "a.yaml": including,
    "b.yaml": including.replace("small", "other"),
  });
  const files = [folder.at("a.yaml"), folder.at("b.yaml")];
  const { code, err } = await sluice(["check", ...files]);
  assert.equal(code, 2);
  assert.equal(err.split("shops.yaml:1:").length - 1, 1, err);
});

Deno.test("check runs inline tests", async () => {
  await using folder = await folderWith({
    "a.yaml": toySpec.replace("price: 2 ether", "price: 0"),
  });
  const file = folder.at("a.yaml");
  const { code, err, out } = await sluice(["check", file], { env });
  assert.equal(code, 2);
  assert.equal(out, "");
  assert.match(err, /Test "a toy of two ether is dear" fails/);
});

Deno.test("check asks for the environment of what is used", async () => {
  await using folder = await folderWith({
    "a.yaml": toySpec.replace(
      "sources:",
      '  line: { type: wire, url: "${LINE_URL}" }\nsources:',
    ),
  });
  const missing = await sluice(["check", folder.at("a.yaml")]);
  assert.equal(missing.code, 2);
  assert.match(missing.err, /Missing environment variable "SHOP_PASSWORD"/);
  // Nothing uses the other connection, so nothing asks for its variable.
  assert.doesNotMatch(missing.err, /LINE_URL/);
});

Deno.test("check --online asks every connection in use", async () => {
  await using folder = await folderWith({
    "fine.yaml": small,
    "closed.yaml": small.replace("type: shop", "type: shop, mood: closed"),
    "busy.yaml": small.replace("type: shop", "type: shop, mood: busy"),
  });
  const fine = await sluice(["check", folder.at("fine.yaml"), "--online"]);
  assert.equal(fine.code, 0);
  assert.equal(
    fine.out,
    "ok: small (2 stages, 0 tests)\nok: connection shop of small",
  );
  for (const mood of ["closed", "busy"]) {
    const file = folder.at(`${mood}.yaml`);
    const down = await sluice(["check", file, "--online"]);
    assert.equal(down.code, 1);
    assert.equal(
      down.err,
      `error: connection shop of small: The shop is ${mood}`,
    );
  }
});

Deno.test("check --online asks nobody when a spec is wrong", async () => {
  await using folder = await folderWith({
    "a.yaml": broken.replace("type: shop", "type: shop, mood: closed"),
  });
  const { code, err } = await sluice([
    "check",
    folder.at("a.yaml"),
    "--online",
  ]);
  assert.equal(code, 2);
  assert.doesNotMatch(err, /The shop is closed/);
});
