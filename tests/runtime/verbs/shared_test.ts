import assert from "node:assert/strict";
import { defineSink, defineSource } from "../../../runtime/component.ts";
import { folderWith, sluice } from "./program.ts";

const schema = [{ name: "id", type: "uint64", doc: "Id" }] as const;

const topic = defineSource<Record<never, never>>({
  type: "topic",
  summary: "Records",
  reorgs: false,
  shared: true,
  positions: (_, pipeline) => `group "${pipeline}"`,
  fields: {},
  outputs: () => ({ rows: schema }),
  example: "",
  open: () => ({ read: async function* () {} }),
});

const nowhere = defineSink<Record<never, never>>({
  type: "nowhere",
  summary: "Forgets rows",
  fields: {},
  batch: () => ({ rows: 1, bytes: 1, every: 1 }),
  delivery: () => "at least once",
  example: "",
  open: () => ({
    encode: () => ({ data: undefined, bytes: 0 }),
    write: () => Promise.resolve(),
  }),
});

const registry = [topic, nowhere];

const spec = `
name: many
sources:
  records: { type: topic }
sinks:
  out: { type: nowhere, from: records }
`;

Deno.test("status says who keeps the positions of a shared source", async () => {
  await using folder = await folderWith({ "many.yaml": spec });
  const file = folder.at("many.yaml");
  const text = await sluice(["status", file], { registry });
  assert.equal(
    text.out,
    'records: group "many" keeps what its sinks have stored',
  );
  const json = await sluice(["status", file, "--json"], { registry });
  assert.deepEqual(JSON.parse(json.out), [{
    source: "records",
    keeper: 'group "many"',
  }]);
});

Deno.test("reset says who keeps the positions of a shared source", async () => {
  await using folder = await folderWith({ "many.yaml": spec });
  const { code, err } = await sluice(["reset", folder.at("many.yaml")], {
    registry,
  });
  assert.equal(code, 1);
  assert.match(
    err,
    /^error: Cannot reset "many": group "many" keeps what the sinks of "records" have stored; move it there while no process runs/,
  );
});

for (const option of ["--from", "--to", "--until"]) {
  Deno.test(`run refuses ${option} for a shared source`, async () => {
    await using folder = await folderWith({ "many.yaml": spec });
    const { code, err } = await sluice(
      ["run", folder.at("many.yaml"), option, "5"],
      { registry },
    );
    assert.equal(code, 1);
    assert.match(err, /^error: Cannot run a range of "many": group "many"/);
  });
}

Deno.test("run keeps no state of a shared source", async () => {
  await using folder = await folderWith({ "many.yaml": spec });
  const { code, err } = await sluice(["run", folder.at("many.yaml")], {
    registry,
  });
  assert.equal(code, 0, err);
  await assert.rejects(Deno.stat(".sluice/many.db"), Deno.errors.NotFound);
});
