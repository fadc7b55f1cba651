/**
 * A plan for people: the same plan always gives the same text.
 *
 * @module
 */
import type { PlannedCall } from "../component.ts";
import type { Deliver } from "../spec/spec.ts";
import { aligned, indented } from "./columns.ts";
import { budgetLines } from "./cost_text.ts";
import { forecastLines } from "./forecast_text.ts";
import { lookUpLines } from "./look_ups.ts";
import { normalSpecText } from "./normal_spec.ts";
import type {
  ColumnPlan,
  OutputPlan,
  Plan,
  SinkPlan,
  SourcePlan,
  TransformPlan,
} from "./plan.ts";

/** Columns that were listed before, by their signature: the name there. */
type Listed = Map<string, string>;

/** Write a plan as text; it ends without a line feed. */
export function planText(plan: Plan): string {
  const { description, file, name, state, tests } = plan;
  const listed: Listed = new Map();
  const blocks = [
    [
      `${name} (${file})`,
      ...description === undefined ? [] : [description],
      ...tests > 0 ? [`${tests} inline ${tests === 1 ? "test" : "tests"}`] : [],
      `state: ${state}`,
    ],
    [
      "Specification, with its defaults",
      "",
      ...indented(normalSpecText(plan.spec).trimEnd().split("\n")),
    ],
    ...plan.sources.map((source) => sourceLines(source, listed)),
    ...plan.transforms.map((transform) => transformLines(transform, listed)),
    ...plan.sinks.map((sink) => sinkLines(sink, { listed, plan })),
    ...plan.forecasts.map(forecastLines),
  ];
  return blocks.map((lines) => lines.join("\n")).join("\n\n");
}

function sourceLines(source: SourcePlan, listed: Listed): readonly string[] {
  const { budgets, calls, follows, from, outputs, rejects, reorgs, shared } =
    source;
  return [
    `Source ${titleOf(source)}`,
    "",
    ...indented([
      ...follows === undefined ? [] : [
        `reads ${from.join(", ")}, adds its rows to the units of ${follows}`,
      ],
      ...shared === undefined
        ? [
          reorgs
            ? "units may be replaced: reorgs are noticed and taken back"
            : "units are never replaced",
        ]
        : [
          "any number of processes may run this pipeline and share its units",
          `positions: in ${shared}, moved on when every sink has stored`,
        ],
      ...rejects ? ["may send rows to errors"] : [],
      ...callLines(calls),
      ...budgets ? budgetLines(budgets) : [],
      ...outputs.flatMap((output) => outputLines([output], listed)),
    ]),
  ];
}

function callLines(calls: readonly PlannedCall[]): readonly string[] {
  if (calls.length === 0) return [];
  const cells = calls.map(({ because, method, perUnit }) => [
    rounded(perUnit),
    method,
    because,
  ]);
  const sum = calls.reduce((total, { perUnit }) => total + perUnit, 0);
  const atHead = calls.reduce(
    (total, { atHead, perUnit }) => total + (atHead ?? perUnit),
    0,
  );
  const differ = calls.some(({ atHead }) => atHead !== undefined);
  const live = differ ? `, ${rounded(atHead)} at the head` : "";
  return [
    `calls a unit: ${rounded(sum)}${live}`,
    ...indented(aligned(cells)),
  ];
}

function rounded(count: number): string {
  return String(Number(count.toPrecision(3)));
}

function transformLines(
  transform: TransformPlan,
  listed: Listed,
): readonly string[] {
  const { from, lookUps, outputs, rejects } = transform;
  return [
    `Transform ${titleOf(transform)}`,
    "",
    ...indented([
      `reads ${from.join(", ")}`,
      ...rejects ? ["may send rows to errors"] : [],
      ...lookUpLines(lookUps),
      ...alike(outputs).flatMap((group) => outputLines(group, listed)),
    ]),
  ];
}

function sinkLines(
  sink: SinkPlan,
  { listed, plan }: { readonly listed: Listed; readonly plan: Plan },
): readonly string[] {
  const { batch, columns, ddl, deliver, delivery, from, name, source } = sink;
  const origin = plan.sources.find((one) => one.name === source);
  return [
    `Sink ${titleOf(sink)}`,
    "",
    ...indented([
      `reads ${from.join(", ")}, ` +
      (origin?.shared === undefined
        ? `keeps a cursor of ${source}`
        : `keeps no cursor`),
      `guarantee: ${delivery}`,
      `delivers: ${deliverText(deliver, origin)}`,
      `writes at ${batch.rows} rows, ${batch.bytes} or ${batch.every}, ` +
      "whichever comes first",
      ...columnLines(`sink ${name}`, columns, listed),
      ...ddl.length > 0 ? ["creates what is missing:"] : [],
      ...indented(ddl.flatMap(statementLines)),
    ]),
  ];
}

function statementLines(statement: string): readonly string[] {
  return `${statement.trim().replace(/;$/, "")};`.split("\n");
}

function deliverText(
  deliver: Deliver,
  origin: Pick<SourcePlan, "reorgs" | "shared"> | undefined,
): string {
  if (typeof deliver === "object") {
    return `confirmations: ${deliver.confirmations}, ` +
      "when so many blocks are above";
  }
  if (deliver !== "latest") return `${deliver}, when the chain says so`;
  if (origin?.shared !== undefined) {
    return "at once; what its source takes back is taken back";
  }
  return origin?.reorgs
    ? "latest, at once; a reorg is taken back"
    : "latest, at once";
}

/** Outputs of one stage that have the same columns. */
function outputLines(
  outputs: readonly OutputPlan[],
  listed: Listed,
): readonly string[] {
  const [first] = outputs;
  if (!first) return [];
  return [
    ...outputs.map(({ name, readers }) =>
      `output ${name}, read by ${
        readers.length > 0 ? readers.join(", ") : "nobody"
      }`
    ),
    ...indented(columnLines(first.name, first.columns, listed)),
  ];
}

function columnLines(
  name: string,
  columns: readonly ColumnPlan[],
  listed: Listed,
): readonly string[] {
  const signature = signatureOf(columns);
  const before = listed.get(signature);
  if (before !== undefined) {
    return [`${columns.length} columns, the same as ${before}`];
  }
  listed.set(signature, name);
  const used = columns.filter((column) => column.used).length;
  const cells = columns.map(({ name, nullable, type, used }) => [
    name,
    nullable ? `${type} or null` : type,
    used ? "" : "not used",
  ]);
  return [
    used === columns.length
      ? `${columns.length} columns`
      : `${columns.length} columns, ${used} of them used`,
    ...indented(aligned(cells)),
  ];
}

function signatureOf(columns: readonly ColumnPlan[]): string {
  return JSON.stringify(
    columns.map(({ name, nullable, type }) => [name, type, nullable]),
  );
}

/** Neighbours with the same columns, so that cases are listed together. */
function alike(outputs: readonly OutputPlan[]): readonly OutputPlan[][] {
  const groups: OutputPlan[][] = [];
  for (const output of outputs) {
    const last = groups.at(-1);
    const [first] = last ?? [];
    if (
      last && first &&
      signatureOf(first.columns) === signatureOf(output.columns)
    ) {
      last.push(output);
    } else groups.push([output]);
  }
  return groups;
}

function titleOf(
  { connection, name, type }: SourcePlan | TransformPlan | SinkPlan,
): string {
  return connection === undefined
    ? `${name}: ${type}`
    : `${name}: ${type}, connection ${connection}`;
}
