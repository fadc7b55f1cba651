/**
 * Mistakes of a state that no field alone can see.
 *
 * @module
 */
import type { Place } from "../../../runtime/component.ts";
import {
  argumentColumns,
  checkArguments,
  columnOf,
  type Given,
  parametersOf,
} from "./arguments.ts";
import { givenOf, type StateConfig } from "./fields.ts";
import { compileOutputs, partCount } from "./outputs.ts";
import type { WrittenRead } from "./reads.ts";
import { StateTable } from "./table.ts";

/** Report columns that clash or are not there, and arguments that do not fit. */
export function checkState(config: StateConfig, place: Place): void {
  const given = givenOf(config);
  const { reads } = given;
  if (Object.keys(reads).length === 0) {
    place.at("read").report(
      "Expected a function, found none",
      "write answer: latestAnswer() returns (int256)",
    );
    return;
  }
  const lists: string[] = [];
  for (const [name, read] of Object.entries(reads)) {
    const at = place.at("read").at(name);
    checkShape(name, read, at);
    if (compileOutputs(name, read).list) lists.push(name);
  }
  const [first, second] = lists;
  if (first !== undefined && second !== undefined) {
    place.at("read").at(second).report(
      `Both "${first}" and "${second}" make a row an item`,
      "read them in two sources, or leave one as json",
    );
  }
  checkContracts(config, place);
  checkArguments(given, place);
  checkRowArguments(config, place);
  checkColumns(given, place);
  const { columns } = new StateTable(given);
  config.only_changes?.forEach((name, index) => {
    if (columns.some((column) => column.name === name)) return;
    place.at("only_changes").at(index).report(
      `Unknown column "${name}"`,
      `columns: ${columns.map(({ name }) => name).join(", ")}`,
    );
  });
}

function checkShape(name: string, read: WrittenRead, at: Place): void {
  const { abi: { outputs }, columns, explode } = read;
  const [only] = outputs;
  const kind = only?.type.kind;
  if (explode && (outputs.length > 1 || kind !== "array" && kind !== "tuple")) {
    at.at("explode").report(
      outputs.length > 1
        ? `"${name}" has ${outputs.length} outputs, which are columns already`
        : `Nothing to explode: "${name}" is ${only?.canonical}`,
      "explode is for one list or one struct",
    );
  }
  const count = partCount(name, read);
  if (columns && columns.length !== count) {
    at.at("columns").report(
      `"${name}" fills ${count} columns, ${columns.length} are named`,
    );
  }
}

/** No two columns may have one name. */
function checkColumns(given: Given, place: Place): void {
  const own = [
    ...new StateTable({ ...given, reads: {} }).columns,
    ...argumentColumns(given),
  ];
  const known = new Map(own.map(({ name }) => [name, "every row has it"]));
  for (const [name, read] of Object.entries(given.reads)) {
    for (const column of compileOutputs(name, read).columns) {
      const other = known.get(column.name);
      if (other !== undefined) {
        place.at("read").at(name).report(
          `Column "${column.name}" is there twice: ${other}`,
          read.abi.outputs.length > 1
            ? "name its columns: { function: …, columns: [ … ] }"
            : "give it another name",
          { key: true },
        );
      }
      known.set(column.name, `"${name}" fills it`);
    }
  }
}

/** Without contracts the rows must name them. */
function checkContracts(
  { contracts: { known, seen }, every }: StateConfig,
  place: Place,
): void {
  if (every.kind !== "rows") {
    if (known.length > 0 || seen) return;
    place.report(
      "Nothing says which contracts to read",
      'write contracts: { name: "0x…" }, a list, or { from: stage.column }',
      { key: true },
    );
    return;
  }
  const at = place.at("every");
  const { contract = seen || known.length > 0 ? undefined : "address" } = every;
  if (contract === undefined) return;
  const column = at.input?.find(({ name }) => name === contract);
  if (column?.type === "address") return;
  const fit = at.input?.filter(({ type }) => type === "address") ?? [];
  at.at(every.contract === undefined ? "on" : "contract").report(
    column
      ? `Column "${contract}" is of type ${column.type}, not an address`
      : `"${every.on}" has no column "${contract}"`,
    fit.length > 0
      ? `name the contract: contract: ${fit.map(({ name }) => name).join(", ")}`
      : "name the contracts: contracts: …",
  );
}

/** Arguments that come with the triggering row. */
function checkRowArguments({ args, every, read }: StateConfig, place: Place) {
  const parameters = parametersOf(read);
  for (const [name, value] of Object.entries(args)) {
    const column = columnOf(value);
    if (column === undefined) continue;
    const at = place.at("args").at(name).at("column");
    const parameter = parameters.get(name);
    if (every.kind !== "rows") {
      at.report(
        `No row gives "${column}"`,
        "only every: { on: stage.output } has rows to take it from",
      );
      continue;
    }
    const input = place.at("every").input ?? [];
    const found = input.find((one) => one.name === column);
    if (!found) {
      at.report(
        `"${every.on}" has no column "${column}"`,
        `columns: ${input.map(({ name }) => name).join(", ")}`,
      );
    } else if (
      parameter && (parameter.type.kind === "address") !==
        (found.type === "address")
    ) {
      at.report(
        `Argument "${name}" is ${parameter.canonical}, column "${column}" ` +
          `of type ${found.type}`,
      );
    }
  }
}
