/** @module */
import assert from "node:assert/strict";
import {
  defineSink,
  fields,
  type Migration,
  type Registry,
  UserError,
} from "../../../runtime/component.ts";
import { assertGolden } from "../golden.ts";
import { folderWith, sluice } from "./program.ts";
import { toys } from "./toys.ts";

/** A sink that finds what its field says, and keeps what is applied. */
function shelves(): { registry: Registry; applied: string[] } {
  const applied: string[] = [];
  const shelf = defineSink({
    type: "shelf",
    summary: "Put toys on a shelf",
    fields: {
      found: fields.choice(
        ["nothing", "all", "less", "other"],
        "What is there",
      ),
    },
    batch: () => ({ rows: 1, bytes: 1, every: 1 }),
    delivery: () => "exactly once",
    example: "",
    migrate({ config, name, schema }): Promise<Migration | undefined> {
      const add = schema.map((column) => `ALTER ${name} ADD ${column.name}`);
      const statements = config.found === "less" ? add : [];
      const refusals = config.found === "other"
        ? [
          { reason: "no hook", statements: [`DROP ${name}`, "MAKE\n  IT"] },
          { reason: "it is a box", statements: [] },
        ]
        : [];
      return Promise.resolve(
        config.found === "nothing" ? undefined : {
          statements,
          refusals,
          apply() {
            if (name === "stuck") throw new UserError("The shelf is stuck");
            applied.push(...statements);
            return Promise.resolve();
          },
        },
      );
    },
    open: () => ({
      encode: () => ({ data: "", bytes: 0 }),
      write: () => Promise.resolve(),
    }),
  });
  return { registry: [...toys, shelf], applied };
}

function spec(sinks: string): string {
  return `name: toys
connections:
  shop: { type: shop }
sources:
  belt: { type: belt, connection: shop }
sinks:
${sinks}`;
}

function sinkOf(name: string, found: string): string {
  return `  ${name}: { type: shelf, from: belt.toys, found: ${found} }\n`;
}

const some = spec(
  sinkOf("fresh", "nothing") + sinkOf("same", "all") + sinkOf("old", "less"),
);

Deno.test("migrate prints the statements and runs none", async () => {
  const { applied, registry } = shelves();
  await using folder = await folderWith({ "a.yaml": some });
  const { code, err, out } = await sluice(["migrate", folder.at("a.yaml")], {
    registry,
  });
  assert.equal(code, 0);
  assert.deepEqual(applied, []);
  assert.equal(
    out,
    "-- old\nALTER old ADD number;\nALTER old ADD name;\nALTER old ADD price;",
  );
  assert.equal(
    err,
    "fresh: nothing is there yet; `run` creates it\nsame: fits\n" +
      "Run it with --apply to have 3 statements run",
  );
});

Deno.test("migrate --apply runs the statements", async () => {
  const { applied, registry } = shelves();
  await using folder = await folderWith({ "a.yaml": some });
  const args = ["migrate", folder.at("a.yaml"), "--apply"];
  const { code, err } = await sluice(args, { registry });
  assert.equal(code, 0);
  assert.deepEqual(applied, [
    "ALTER old ADD number",
    "ALTER old ADD name",
    "ALTER old ADD price",
  ]);
  assert.match(err, /Applied 3 statements$/);
});

Deno.test("migrate applies nothing at all when a sink is refused", async () => {
  const { applied, registry } = shelves();
  const text = spec(sinkOf("old", "less") + sinkOf("odd", "other"));
  await using folder = await folderWith({ "a.yaml": text });
  const args = ["migrate", folder.at("a.yaml"), "--apply"];
  const { code, err, out } = await sluice(args, { registry });
  assert.equal(code, 1);
  assert.deepEqual(applied, []);
  await assertGolden(
    new URL("./migrate_refused.txt", import.meta.url),
    `${out}\n---\n${err}`,
  );
});

Deno.test("migrate ends with 1 when a statement fails", async () => {
  const { registry } = shelves();
  await using folder = await folderWith({
    "a.yaml": spec(sinkOf("stuck", "less")),
  });
  const args = ["migrate", folder.at("a.yaml"), "--apply"];
  const { code, err } = await sluice(args, { registry });
  assert.equal(code, 1);
  assert.match(err, /error: The shelf is stuck$/);
});

Deno.test("migrate takes one sink when it is asked to", async () => {
  const { registry } = shelves();
  const text = some + "  away: { type: bin, from: belt.toys }\n";
  await using folder = await folderWith({ "a.yaml": text });
  const ask = ["migrate", folder.at("a.yaml"), "--sink"];
  const same = await sluice([...ask, "same"], { registry });
  assert.deepEqual([same.code, same.out, same.err], [0, "", "same: fits"]);
  const away = await sluice([...ask, "away"], { registry });
  assert.equal(away.code, 1);
  assert.match(
    away.err,
    /Sink "away" has no tables to migrate; sinks with tables: fresh, same, old/,
  );
  const unknown = await sluice([...ask, "sam"], { registry });
  assert.equal(unknown.code, 1);
  assert.match(unknown.err, /"toys" has no sink "sam"; sinks with tables/);
});

Deno.test("migrate says so when no sink has tables", async () => {
  await using folder = await folderWith({
    "a.yaml": spec("  away: { type: bin, from: belt.toys }\n"),
  });
  const { code, err } = await sluice(["migrate", folder.at("a.yaml")]);
  assert.equal(code, 1);
  assert.match(err, /"toys" has no sink with tables to migrate$/);
});
