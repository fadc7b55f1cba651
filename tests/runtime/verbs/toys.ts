/**
 * Components that reach nothing, for tests of the verbs.
 *
 * @module
 */
import {
  type Config,
  type Connected,
  defineConnection,
  defineSink,
  defineSource,
  defineTransform,
  fields,
  optional,
  type Registry,
  RetryableError,
  type Schema,
  UserError,
} from "../../../runtime/component.ts";

const example = `
name: toy-example
connections:
  shop: { type: shop }
sources:
  belt: { type: belt, connection: shop }
sinks:
  kept: { type: shop, connection: shop, from: belt.toys, table: toys }
`;

const toyColumns: Schema = [
  { name: "number", type: "uint64", doc: "Position on the belt" },
  { name: "name", type: "string", doc: "What it is called" },
  { name: "price", type: "uint256", nullable: true, doc: "Price, wei" },
];

const boxColumns: Schema = [
  { name: "number", type: "uint64", doc: "Position on the belt" },
  { name: "size", type: "uint32", doc: "Size of the box, cm" },
];

const shopFields = {
  mood: optional(
    fields.choice(["fine", "closed", "busy"], "How it is today"),
    "fine",
  ),
  password: optional(fields.secret("Password of the back door")),
  city: optional(fields.string("Where it is")),
};

/** A database, a chain and a sink's connection in one. */
const shop = defineConnection<typeof shopFields, Connected>({
  type: "shop",
  summary: "A shop that keeps toys",
  offers: ["keys", "query", "record"],
  fields: shopFields,
  example,
  open({ city, mood }) {
    return {
      health() {
        if (mood === "closed") throw new UserError("The shop is closed");
        if (mood === "busy") throw new RetryableError("The shop is busy");
        return Promise.resolve();
      },
      keys({ test }) {
        const works = mood === "busy" ? "closed until noon" : "open";
        return Promise.resolve([{
          name: "till",
          key: "…1234",
          group: "team",
          plan: "toys/free",
          state: test ? works : "not asked",
          limits: [
            { limit: "5 toys/s", used: 0, left: 5 },
            { limit: "100 toys/day", used: 40, left: 60 },
          ],
          ...test && mood !== "busy"
            ? { test: { latency: 12.4, head: 7, chainId: 1 } }
            : {},
        }]);
      },
      query(sql, { format }) {
        if (mood === "busy") throw new RetryableError("The shop is busy");
        if (sql.startsWith("BAD")) {
          throw new UserError(`Cannot run "${sql}": syntax error`);
        }
        return Promise.resolve(`${city ?? "shop"} ${format}: ${sql}\n`);
      },
      async record({ from, out, overwrite, progress, to }) {
        if (!overwrite && out.endsWith("taken")) {
          throw new UserError(`Cannot record to "${out}": it exists`);
        }
        let recorded = { blocks: 0, calls: 0, bytes: 0 };
        for (let block = from; block <= to; block++) {
          const { blocks, bytes, calls } = recorded;
          recorded = {
            blocks: blocks + 1,
            calls: calls + 2,
            bytes: bytes + 1_000_000,
          };
          progress(recorded);
        }
        await Promise.resolve();
        return { ...recorded, file: `${out}.gz` };
      },
    };
  },
});

const wire = defineConnection({
  type: "wire",
  summary: "A wire to nowhere",
  fields: { url: fields.string("Where it would go") },
  example,
  open: () => ({}),
});

const beltFields = {
  emit: optional(
    fields.list(fields.choice(["toys", "boxes"], "An output"), "Outputs"),
    ["toys"],
  ),
};

const belt = defineSource<typeof beltFields>({
  type: "belt",
  summary: "Toys on a belt",
  connection: shop,
  reorgs: true,
  fields: beltFields,
  outputs: ({ emit }) =>
    Object.fromEntries(
      emit.map((port) => [port, port === "toys" ? toyColumns : boxColumns]),
    ),
  calls: ({ emit }, used) => [
    { method: "look", perUnit: 1, because: "every toy is seen once" },
    ...emit.includes("boxes") && used.has("boxes")
      ? [{ method: "open_box", perUnit: 0.25, because: "boxes" }]
      : [],
  ],
  example,
  open: () => ({ read: async function* () {} }),
});

const sortFields = {
  cases: fields.map(fields.match("What a toy is like"), "Case to match"),
};

const sort = defineTransform({
  type: "sort",
  summary: "Sort toys; the first case that matches wins",
  fields: sortFields,
  rejects: true,
  outputs: ({ config, input }) =>
    Object.fromEntries(Object.keys(config.cases).map((name) => [name, input])),
  uses: ({ config }, used) => [
    ...[...used.values()].flatMap((names) => [...names]),
    ...Object.values(config.cases).flatMap(({ columns }) => columns),
  ],
  example,
  open: ({ cases }: Config<typeof sortFields>) => ({
    apply(rows, emit) {
      for (const row of rows) {
        const hit = Object.entries(cases).find(([, matches]) => matches(row));
        if (hit) emit(hit[0], row);
        else emit.reject(row, "No case matches");
      }
    },
  }),
});

const keep = defineTransform({
  type: "keep",
  summary: "Keep the toys that match",
  fields: { where: fields.match("What a toy is like") },
  outputs: ({ input }) => ({ rows: input }),
  example,
  open: ({ where }) => ({
    apply(rows, emit) {
      for (const row of rows) if (where(row)) emit("rows", row);
    },
  }),
});

const limits = { rows: 1000, bytes: 1 << 20, every: 2000 };

const openSink = {
  encode: () => ({ data: "", bytes: 0 }),
  write: () => Promise.resolve(),
};

const shopSink = defineSink({
  type: "shop",
  summary: "Put toys on a table of a shop",
  connection: shop,
  fields: {
    table: fields.string("Table"),
    owner: optional(fields.object({
      name: fields.string("Who owns it"),
      rights: optional(fields.choice(["all", "some"], "Rights"), "all"),
    }, "Owner of the table")),
  },
  batch: () => limits,
  delivery: () => "exactly once",
  ddl: ({ config, schema }) => [
    `CREATE TABLE ${config.table} (\n${
      schema.map(({ name, type }) => `  ${name} ${type}`).join(",\n")
    }\n)`,
    `GRANT SELECT ON ${config.table} TO visitor;`,
  ],
  example,
  open: () => openSink,
});

const bin = defineSink({
  type: "bin",
  summary: "Throw toys away",
  fields: {},
  batch: () => limits,
  delivery: () => "nothing is stored",
  example: example.replace("toy-example", "bin-example"),
  open: () => openSink,
});

/** The components of these tests. */
export const toys: Registry = [shop, wire, belt, sort, keep, shopSink, bin];

/** A spec that uses most of them. */
export const toySpec = `
name: toy-factory
description: Toys, sorted.
connections:
  shop: { type: shop, password: "\${SHOP_PASSWORD}" }
sources:
  belt: { type: belt, connection: shop, emit: [toys, boxes] }
transforms:
  kind:
    type: sort
    from: belt.toys
    cases:
      dear: { price: { gte: 1 ether } }
      cheap: { price: { lt: 1 gwei } }
  teddies: { type: keep, from: kind, where: { name: bear } }
sinks:
  dear: { type: shop, connection: shop, from: kind.dear, table: dear }
  bears:
    type: shop
    connection: shop
    from: teddies
    table: bears
    owner: { name: "\${OWNER:-nobody}" }
    batch: { rows: 10, every: 500ms }
    deliver: { confirmations: 12 }
  rejects: { type: bin, from: errors }
tests:
  - name: a toy of two ether is dear
    given: { belt.toys: [{ name: car, price: 2 ether }] }
    expect: { kind.dear: [{ name: car }], kind.cheap: [] }
`;

/** What the spec above needs. */
export const toyEnvironment = { SHOP_PASSWORD: "open-sesame" };
