import assert from "node:assert/strict";
import { join } from "node:path";
import { module } from "../../../connectors/rows/module.ts";
import type { Config, Row } from "../../../runtime/component.ts";
import { UserError } from "../../../runtime/component.ts";
import { Reports } from "../../contracts/reports.ts";
import { type Applied, apply, transactions } from "./apply.ts";

const input = [
  ...transactions,
  { name: "topics", type: "list<hash>", doc: "Topics" },
] as const;

const row: Row = {
  hash: "0x01",
  to_address: null,
  value: 5n,
  input: "0x",
  receipt_status: 1,
  topics: ["0x0a"],
};

type Columns = Config<typeof module.fields>["columns"];

const columns: Columns = {
  value: { type: "uint256" },
  label: { type: "string", nullable: true },
};

async function withModule<T>(
  source: string,
  run: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(join(folder, "mine.ts"), source);
    return await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function transformed(
  source: string,
  rows: readonly Row[] = [row],
): Promise<Applied> {
  return withModule(source, (folder) =>
    apply(module, {
      config: { module: "mine.ts", columns },
      folder,
      input,
      rows,
    }));
}

async function reason(source: string): Promise<string> {
  const { rows, rejects } = await transformed(source);
  assert.deepEqual(rows, {});
  assert.equal(rejects.length, 1);
  assert.equal(rejects[0]?.row, row);
  return rejects[0]?.reason ?? "";
}

Deno.test("module makes a row, several or none of a row", async () => {
  const { rows, rejects } = await transformed(
    `export function transform(row: { value: bigint }) {
      if (row.value === 0n) return null;
      if (row.value === 1n) return [];
      if (row.value === 2n) return [{ value: 2n }, { value: 3, label: "b" }];
      return { label: "c", value: row.value };
    }`,
    [0n, 1n, 2n, 5n].map((value) => ({ ...row, value })),
  );
  assert.deepEqual(rows["rows"], [
    { value: 2n, label: null },
    { value: 3n, label: "b" },
    { value: 5n, label: "c" },
  ]);
  assert.deepEqual(Object.keys(rows["rows"]?.[2] ?? {}), ["value", "label"]);
  assert.deepEqual(rejects, []);
});

Deno.test("module takes default and async functions, in order", async () => {
  const { rows } = await transformed(
    `export default async (row) => {
      for (let i = Number(row.value); i > 0; i--) await null;
      return { value: row.value };
    }`,
    [9n, 1n, 5n].map((value) => ({ ...row, value })),
  );
  const values = rows["rows"]?.map(({ value }) => value);
  assert.deepEqual(values, [9n, 1n, 5n]);
});

Deno.test("module gets the unit, but not whether it is retracted", async () => {
  const source = `export const transform = (row, context) =>
    ({ value: row.value, label: JSON.stringify(context) });`;
  await withModule(source, async (folder) => {
    const config = { module: "mine.ts", columns };
    const options = { config, folder, input, rows: [row] };
    const inserted = await apply(module, options);
    const retracted = await apply(module, { ...options, op: "retract" });
    assert.deepEqual(inserted, retracted);
    assert.equal(
      inserted.rows["rows"]?.[0]?.["label"],
      `{"unit":{"number":7,"id":"0x07","time":7000}}`,
    );
  });
});

Deno.test("module may change the row that it gets", async () => {
  const before = structuredClone(row);
  const { rows } = await transformed(
    `export function transform(row) {
      row.value = 9n;
      row.topics.push("0x0b");
      return { value: row.value, label: row.topics.join() };
    }`,
  );
  assert.deepEqual(rows["rows"], [{ value: 9n, label: "0x0a,0x0b" }]);
  assert.deepEqual(row, before);
});

Deno.test("module rejects a row with the name of what was thrown", async () => {
  assert.equal(
    await reason(`export const transform = (row) => row.nothing.at;`),
    "TypeError: Cannot read properties of undefined (reading 'at')",
  );
  assert.equal(
    await reason(`export async function transform() {
      throw new RangeError("too large");
    }`),
    "RangeError: too large",
  );
  assert.equal(
    await reason(`export function transform() { throw "words"; }`),
    "The module threw words",
  );
});

Deno.test("module rejects a row when a returned one does not fit", async () => {
  assert.equal(
    await reason(`export const transform = () => ({ value: "5" });`),
    `Column "value" expects uint256, found "5"`,
  );
  assert.equal(
    await reason(
      `export const transform = () => [{ value: 1n }, { label: "" }];`,
    ),
    `Column "value" expects uint256, found nothing`,
  );
  assert.equal(
    await reason(`export const transform = (row) => row;`),
    `Unknown column "hash"; columns: value, label`,
  );
  assert.equal(
    await reason(`export const transform = () => 5;`),
    "Expected a row, found 5",
  );
  assert.equal(
    await reason(`export const transform = () => {};`),
    "The module returned nothing; null drops a row",
  );
});

Deno.test("module says why a file cannot be its module", async () => {
  const message = (source: string) =>
    transformed(source).then(() => assert.fail("loaded"), (error) => {
      assert(error instanceof UserError, String(error));
      return error.message;
    });
  assert.match(
    await message(`export const other = 1, columns = 2;`),
    /mine\.ts" exports no function "transform", but columns, other$/,
  );
  assert.match(
    await message(`export const transform = ;`),
    /^Cannot load ".*mine\.ts": SyntaxError: [^]*mine\.ts:1:26$/,
  );
  assert.match(
    await message(`throw new Error("not today");`),
    /^Cannot load ".*mine\.ts": Error: not today$/,
  );
});

Deno.test("module reads its file again when it has changed", async () => {
  await withModule(`export default () => ({ value: 1 })`, async (folder) => {
    const config = { module: "mine.ts", columns };
    const options = { config, folder, input, rows: [row] };
    const first = await apply(module, options);
    const file = join(folder, "mine.ts");
    await Deno.writeTextFile(file, `export default () => ({ value: 2 })`);
    await Deno.utime(file, new Date(), new Date(Date.now() + 5000));
    const second = await apply(module, options);
    assert.equal(first.rows["rows"]?.[0]?.["value"], 1n);
    assert.equal(second.rows["rows"]?.[0]?.["value"], 2n);
  });
});

Deno.test("module states the columns of the spec", () => {
  const outputs = module.outputs({
    config: { module: "modules/mine.ts", columns },
    input,
  });
  assert.deepEqual(outputs, {
    rows: [
      { name: "value", type: "uint256", doc: "Made by mine.ts" },
      { name: "label", type: "string", nullable: true, doc: "Made by mine.ts" },
    ],
  });
});

Deno.test("module reads column types, with ? for null", () => {
  const read = (value: unknown) => {
    const reports = new Reports();
    const read = module.fields.columns.read(value, reports.place);
    return read ?? reports.lines;
  };
  assert.deepEqual(read({ a: "uint256", b: "address?", c: "list<hash>" }), {
    a: { type: "uint256", nullable: false },
    b: { type: "address", nullable: true },
    c: { type: "list<hash>", nullable: false },
  });
  const [line = ""] = read({ a: "uint25?" }) as string[];
  assert.match(
    line,
    /^a: Unknown column type "uint25\?" \(did you mean "uint256"/,
  );
});

Deno.test("module reports a missing file and wrong names at check", async () => {
  await withModule("export default () => null", (folder) => {
    const problems = (name: string, columns: Columns) => {
      const reports = new Reports(input, folder);
      const config = { module: name, columns };
      module.check?.({ config, input, place: reports.place });
      return reports.lines;
    };
    assert.deepEqual(problems("mine.ts", columns), []);
    assert.deepEqual(problems("mime.ts", columns), [
      `module: No file "mime.ts" (it would be ${join(folder, "mime.ts")})`,
    ]);
    assert.deepEqual(problems("mine.ts", {}), [
      "columns: No column (write name: type)",
    ]);
    assert.deepEqual(problems("mine.ts", { "_op": { type: "string" } }), [
      'columns._op!: "_op" cannot be a column (letters, digits and _ only, a letter first)',
    ]);
    return Promise.resolve();
  });
});
