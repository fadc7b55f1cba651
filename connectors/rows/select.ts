/**
 * Pick, drop and rename columns.
 *
 * @module
 */
import {
  type Column,
  type Config,
  defineTransform,
  fields,
  optional,
  type Place,
  type Row,
  type Schema,
} from "../../runtime/component.ts";

const selectFields = {
  columns: optional(
    fields.list(
      fields.column("A column of the input"),
      "Columns to keep, in this order; by default all",
    ),
  ),
  drop: optional(
    fields.list(
      fields.column("A column of the input"),
      "Columns to leave out",
    ),
  ),
  rename: optional(
    fields.map(
      fields.string("The new name"),
      "Column to its new name: { value: value_wei }",
    ),
  ),
};

type SelectConfig = Config<typeof selectFields>;

/** Keep, drop and rename columns. */
export const select = defineTransform({
  type: "select",
  summary: "Keep, drop and rename columns; what nobody keeps is not fetched",
  fields: selectFields,
  check({ config, input, place }) {
    const { columns, drop, rename } = config;
    if (!columns && !drop && !rename) {
      place.report(
        `Nothing to do`,
        "write columns, drop or rename",
        { key: true },
      );
    }
    if (columns && drop) {
      place.at("drop").report(
        `Both "columns" and "drop"`,
        "leave drop out: what columns does not name is dropped",
        { key: true },
      );
      return;
    }
    const kept = picked(config, input).map(([old]) => old);
    for (const [old, name] of Object.entries(rename ?? {})) {
      checkRename(place.at("rename").at(old), { old, name, kept });
    }
    checkTwice(config, { input, place });
    if (kept.length === 0) {
      place.at("drop").report("No column is left", undefined, { key: true });
    }
  },
  outputs: ({ config, input }) => ({
    rows: picked(config, input).map(([, column]) => column),
  }),
  uses({ config, input }, used) {
    const names = used.get("rows");
    return picked(config, input)
      .filter(([, { name }]) => names?.has(name))
      .map(([old]) => old);
  },
  example: `
name: payments
connections:
  eth: { type: evm, url: "recording:pipelines/recordings/local" }
sources:
  chain: { type: evm.chain, connection: eth, emit: [transactions] }
transforms:
  slim:
    type: select
    from: chain.transactions
    columns: [block_number, hash, from_address, to_address, value]
    rename: { from_address: payer, to_address: payee }
sinks:
  payments: { type: file, from: slim, path: data/payments.csv }
`,
  open(config: SelectConfig, { input }) {
    const copy = compileCopy(picked(config, input));
    return {
      apply(rows: readonly Row[], emit) {
        for (const row of rows) emit("rows", copy(row));
      },
    };
  },
});

/** The columns that are kept: old name and new column. */
function picked(
  { columns, drop = [], rename = {} }: SelectConfig,
  input: Schema,
): (readonly [string, Column])[] {
  const names = columns ??
    input.map(({ name }) => name).filter((name) => !drop.includes(name));
  return names.flatMap((old) => {
    const column = input.find(({ name }) => name === old);
    const name = Object.hasOwn(rename, old) ? rename[old] : undefined;
    return column ? [[old, { ...column, name: name ?? old }] as const] : [];
  });
}

function checkRename(
  place: Place,
  { old, name, kept }: { old: string; name: string; kept: readonly string[] },
): void {
  if (!kept.includes(old)) {
    // Read as a column for its spelling hint, underlined where it stands.
    const known = fields.column("").read(old, atKey(place));
    if (known !== undefined) {
      atKey(place).report(`Column "${old}" is not kept`, "add it to columns");
    }
  }
  if (!/^[A-Za-z][A-Za-z0-9_]*$/.test(name)) {
    place.report(
      `"${name}" cannot be a column`,
      "letters, digits and _ only, a letter first",
    );
  }
}

function checkTwice(
  config: SelectConfig,
  { input, place }: { input: Schema; place: Place },
): void {
  const { columns, rename = {} } = config;
  const seen = new Map<string, string>();
  for (const [old, { name }] of picked(config, input)) {
    const earlier = seen.get(name);
    seen.set(name, old);
    if (earlier === undefined) continue;
    const renamed = [old, earlier].find((one) => Object.hasOwn(rename, one));
    const where = renamed === undefined
      ? place.at(columns ? "columns" : "rename")
      : place.at("rename").at(renamed);
    where.report(`Two columns would be called "${name}"`);
  }
}

/** The same place, but the key is underlined. */
function atKey(place: Place): Place {
  const { path, folder, interpolated, input } = place;
  return {
    path,
    folder,
    interpolated,
    input,
    report: (message, hint, options) =>
      place.report(message, hint, { ...options, key: true }),
    at: (key) => place.at(key),
  };
}

/** One object literal: every row has the same shape, and it is fast. */
function compileCopy(
  columns: readonly (readonly [string, Column])[],
): (row: Row) => Row {
  const members = columns.map(([old, { name }]) =>
    `${JSON.stringify(name)}:row[${JSON.stringify(old)}]`
  );
  return new Function("row", `return {${members.join(",")}}`) as (
    row: Row,
  ) => Row;
}
