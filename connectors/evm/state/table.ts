/**
 * The rows of a state: what is asked for each, and how answers fill it.
 *
 * @module
 */
import type { Column, Row, Schema, Value } from "../../../runtime/component.ts";
import { DecodeError } from "../abi/input.ts";
import { argumentColumns, combinationsOf, type Given } from "./arguments.ts";
import type { CallReader, Read, ReadOptions, ReadResult } from "./calls.ts";
import type { Contract } from "./contracts.ts";
import { compileOutputs, type ReadOutputs } from "./outputs.ts";
import { NO_ANSWER } from "./reason.ts";

// What a view function uses as a rule: a proxy, a few slots. Calls that are
// too many for the node are split, and the next ones are smaller.
const USUAL_GAS = 20_000;

/** What a row says of the block that it was read at. */
export interface ReadBlock {
  readonly number: number;
  readonly hash: string;
  /** Milliseconds since 1970. */
  readonly time: number;
}

/** What is read for a row, or for the rows of a list. */
export interface Target {
  readonly contract: Contract;
  /** Values of the argument columns. */
  readonly args: Readonly<Record<string, Value>>;
  /** Its contract and arguments: what makes the rows the same in each block. */
  readonly key: string;
  readonly reads: readonly Read[];
}

/** Rows with the key that stays the same from block to block. */
export interface KeyedRow {
  readonly key: string;
  readonly row: Row;
}

/** The table that a spec describes. */
export class StateTable {
  /** Columns in order. */
  readonly columns: Schema;
  readonly #given: Given;
  readonly #outputs: readonly (readonly [string, ReadOutputs])[];
  readonly #named: boolean;
  readonly #isList: boolean;

  /** @param given Its reads must have passed their check. */
  constructor(given: Given) {
    this.#given = given;
    this.#outputs = Object.entries(given.reads)
      .map(([name, read]) => [name, compileOutputs(name, read)]);
    this.#named = given.contracts.some(({ name }) => name !== undefined);
    this.#isList = this.#outputs.some(([, { list }]) => list);
    this.columns = [
      contractColumn,
      ...this.#named ? [nameColumn] : [],
      ...blockColumns,
      ...argumentColumns(given),
      ...this.#outputs.flatMap(([, { columns }]) => columns),
      errorColumn,
    ];
  }

  /**
   * What is read of a contract.
   *
   * @param row The row that has triggered the read, where one did.
   */
  targetsOf(contract: Contract, row?: Row): readonly Target[] {
    const { reads } = this.#given;
    const sizes = this.#outputs.map(([, { size }]) => size);
    const gas = Object.values(reads).map(({ gas }) => gas ?? USUAL_GAS);
    const combinations = combinationsOf(contract, this.#given, row);
    return combinations.map(({ calldata, values }) => ({
      contract,
      args: values,
      key: [contract.address, ...Object.values(values).map(String)].join(" "),
      reads: calldata.map((data, index) => ({
        to: contract.address,
        data,
        gas: gas[index] ?? USUAL_GAS,
        size: sizes[index] ?? 32,
      })),
    }));
  }

  /** Read targets at a block, into rows. */
  async read(
    targets: readonly Target[],
    block: ReadBlock,
    { calls, ...options }: ReadOptions & { readonly calls: CallReader },
  ): Promise<readonly KeyedRow[]> {
    if (targets.length === 0) return [];
    const reads = targets.flatMap(({ reads }) => reads);
    const results = await calls.read(reads, block, options);
    let at = 0;
    return targets.flatMap((target) => {
      const own = results.slice(at, at += target.reads.length);
      return this.#rowsOf(target, own, block);
    });
  }

  /** The rows of a target, from the results of its reads. */
  #rowsOf(
    target: Target,
    results: readonly ReadResult[],
    block: ReadBlock,
  ): readonly KeyedRow[] {
    const errors: string[] = [];
    let items: readonly (readonly Value[])[] = [[]];
    const parts = this.#outputs.map(([name, outputs], index) => {
      const decoded = decode(outputs, results[index]);
      if (typeof decoded === "string") {
        errors.push(`${name}: ${decoded}`);
        return outputs.columns.map(() => null);
      }
      if (!outputs.list) return decoded[0] ?? [];
      items = decoded;
      return undefined;
    });
    const { contract: { address, name }, args, key } = target;
    const error = errors.length > 0 ? errors.join("; ") : null;
    const head = {
      contract: address,
      ...this.#named ? { name: name ?? null } : {},
      block_number: block.number,
      block_hash: block.hash,
      block_timestamp: block.time,
      ...args,
    };
    return items.map((item, index) => {
      const row: Record<string, Value> = { ...head };
      this.#outputs.forEach(([, { columns }], at) => {
        const values = parts[at] ?? item;
        columns.forEach(({ name }, place) => {
          row[name] = values[place] ?? null;
        });
      });
      row["error"] = error;
      return { key: this.#isList ? `${key} ${index}` : key, row };
    });
  }
}

/** The values that a read gave, or why it gave none. */
function decode(
  outputs: ReadOutputs,
  result: ReadResult | undefined,
): readonly (readonly Value[])[] | string {
  if (result === undefined || "reason" in result) {
    return result?.reason ?? NO_ANSWER;
  }
  if (result.data === "0x") return NO_ANSWER;
  try {
    return outputs.decode(result.data);
  } catch (error) {
    if (error instanceof DecodeError) {
      return `not as the ABI says: ${error.reason}`;
    }
    throw error;
  }
}

const contractColumn: Column = {
  name: "contract",
  type: "address",
  doc: "Contract that was read",
};

const nameColumn: Column = {
  name: "name",
  type: "string",
  nullable: true,
  doc: "Its name in the spec",
};

const blockColumns: readonly Column[] = [
  {
    name: "block_number",
    type: "uint64",
    doc: "Block whose state was read",
  },
  { name: "block_hash", type: "hash", doc: "Hash of that block" },
  { name: "block_timestamp", type: "timestamp", doc: "Its time, UTC" },
];

const errorColumn: Column = {
  name: "error",
  type: "string",
  nullable: true,
  doc: "Why columns are null: each read that failed with its reason",
};
