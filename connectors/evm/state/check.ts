/**
 * Mistakes of a state that no field alone can see.
 *
 * @module
 */
import type { Place } from "../../../runtime/component.ts";
import { argumentColumns, checkArguments, type Given } from "./arguments.ts";
import { compileOutputs, partCount } from "./outputs.ts";
import type { WrittenRead } from "./reads.ts";
import { StateTable } from "./table.ts";

/** What is checked. */
export interface Checked extends Given {
  readonly onlyChanges: readonly string[] | undefined;
}

/** Report columns that clash or are not there, and arguments that do not fit. */
export function checkState(given: Checked, place: Place): void {
  const { onlyChanges, reads } = given;
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
  checkArguments(given, place);
  checkColumns(given, place);
  const { columns } = new StateTable(given);
  onlyChanges?.forEach((name, index) => {
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
