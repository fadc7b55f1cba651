/**
 * Classify rows by the first case that matches.
 *
 * @module
 */
import {
  type Config,
  defineTransform,
  fields,
  type Row,
  type Schema,
} from "../../runtime/component.ts";

const classifyFields = {
  cases: fields.map(
    fields.match("What a row must be like; {} takes every row"),
    "Case name to match; each case is an output, order decides",
  ),
};

/** What the classified rows have more. */
const caseColumn = {
  name: "case",
  type: "string",
  doc: "Case that the row belongs to",
} as const;

/** Split rows into one output per case; the first case that matches wins. */
export const classify = defineTransform({
  type: "classify",
  summary: "Split rows into one output per case; the first case that matches " +
    "wins and its name becomes the column case",
  fields: classifyFields,
  // A case that takes every row leaves none to reject.
  rejects: ({ cases }) =>
    Object.values(cases).every(({ columns }) => columns.length > 0),
  check({ config, place }) {
    const cases = place.at("cases");
    const names = Object.keys(config.cases);
    if (names.length === 0) {
      cases.report("No case", "write a case: name: { column: value }");
    }
    for (const name of names) {
      if (/^[A-Za-z][A-Za-z0-9_]*$/.test(name) && name !== "errors") continue;
      cases.at(name).report(
        name === "errors"
          ? `A case cannot be called "errors"`
          : `"${name}" cannot be a case`,
        name === "errors"
          ? "that is the output of rejected rows"
          : "letters, digits and _ only, a letter first",
        { key: true },
      );
    }
    const all = Object.entries(config.cases)
      .findIndex(([, match]) => match.columns.length === 0);
    if (all < 0) return;
    for (const name of names.slice(all + 1)) {
      cases.at(name).report(
        `Case "${name}" gets no rows: "${names[all]}" takes them all`,
        `put it before "${names[all]}"`,
        { key: true },
      );
    }
  },
  outputs: ({ config, input }) =>
    Object.fromEntries(
      Object.keys(config.cases).map((name) => [name, withCase(input, name)]),
    ),
  uses({ config }, used) {
    const columns = new Set<string>();
    for (const names of used.values()) {
      for (const name of names) if (name !== "case") columns.add(name);
    }
    for (const match of Object.values(config.cases)) {
      for (const name of match.columns) columns.add(name);
    }
    return columns;
  },
  example: `
name: kinds
connections:
  eth: { type: evm, url: "recording:pipelines/recordings/local" }
sources:
  chain: { type: evm.chain, connection: eth, emit: [transactions] }
transforms:
  kind:
    type: classify
    from: chain.transactions
    cases:
      deploy: { to_address: null }
      transfer: { input: "0x" }
      call: {}
sinks:
  deploys: { type: file, from: kind.deploy, path: data/deploys.jsonl }
  others: { type: blackhole, from: [kind.transfer, kind.call] }
  rejects: { type: file, from: errors, path: data/rejects.jsonl }
`,
  open({ cases }: Config<typeof classifyFields>) {
    const rules = Object.entries(cases);
    return {
      apply(rows: readonly Row[], emit) {
        for (const row of rows) {
          const hit = rules.find(([, matches]) => matches(row));
          // No case is the user's decision to drop nothing: it is a reject,
          // not a silence.
          if (hit) emit(hit[0], { ...row, case: hit[0] });
          else emit.reject(row, "No case matches");
        }
      },
    };
  },
});

/** The input's columns with `case`, which an earlier classify may have set. */
function withCase(input: Schema, name: string): Schema {
  const others = input.filter(({ name }) => name !== caseColumn.name);
  return [...others, { ...caseColumn, values: [name] }];
}
