/** @module */
import assert from "node:assert/strict";
import { folderWith, sluice } from "./program.ts";

Deno.test("new lists all components by kind", async () => {
  const { code, out } = await sluice(["new"]);
  assert.equal(code, 0);
  assert.equal(
    out,
    `sources
  belt  Toys on a belt

transforms
  sort  Sort toys; the first case that matches wins
  keep  Keep the toys that match

sinks
  shop  Put toys on a table of a shop
  bin   Throw toys away

connections
  shop  A shop that keeps toys
  wire  A wire to nowhere`,
  );
  assert.equal((await sluice(["new", "--list"])).out, out);
  assert.equal((await sluice(["new", "bin", "--list"])).out, out);
});

Deno.test("new --kind lists one kind", async () => {
  const { out } = await sluice(["new", "--kind", "source"]);
  assert.equal(out, "sources\n  belt  Toys on a belt");
});

Deno.test("new prints a spec that passes check", async () => {
  const { code, err, out } = await sluice(["new", "bin"]);
  assert.deepEqual({ code, err }, { code: 0, err: "" });
  assert.match(
    out,
    /^# yaml-language-server: \$schema=\S+\nname: bin-example\n/,
  );
  await using folder = await folderWith({ "new.yaml": `${out}\n` });
  const checked = await sluice(["check", folder.at("new.yaml")]);
  assert.equal(checked.code, 0, checked.err);
});

Deno.test("new prefers the sink and says what else there is", async () => {
  const sink = await sluice(["new", "shop"]);
  assert.match(sink.out, /kept: \{ type: shop/);
  assert.equal(
    sink.err,
    'This is the sink "shop"; for the connection add --kind connection',
  );
  const connection = await sluice(["new", "shop", "--kind", "connection"]);
  assert.equal(connection.err, "");
});

Deno.test("new suggests what was meant and ends with 2", async () => {
  const near = await sluice(["new", "sotr"]);
  assert.equal(near.code, 2);
  assert.equal(near.err, 'Unknown component "sotr": did you mean "sort"?');
  const far = await sluice(["new", "aeroplane"]);
  assert.equal(far.code, 2);
  assert.equal(
    far.err,
    'Unknown component "aeroplane": "new --list" shows all of them',
  );
});
