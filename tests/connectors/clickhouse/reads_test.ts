import assert from "node:assert/strict";
import fc from "fast-check";
import type { Row, Schema, UnitInfo } from "../../../runtime/component.ts";
import {
  database,
  openSink,
  type SinkOptions,
  unit,
  write,
  type Written,
} from "./warehouses.ts";

const schema: Schema = [
  { name: "block_number", type: "uint64", doc: "Block" },
  { name: "log_index", type: "uint32", doc: "Position" },
  { name: "address", type: "address", doc: "Contract" },
  { name: "hash", type: "hash", doc: "Transaction" },
  { name: "kind", type: "string", values: ["a", "b"], doc: "Kind" },
  { name: "block_timestamp", type: "timestamp", doc: "Time" },
];

/** Two minutes before a month ends: blocks 10 and later are in the next one. */
const nearlyFebruary = Date.parse("2024-01-31T23:58:00Z");

/** A chain that changes its mind, and the units that tell a sink. */
class Chain {
  readonly blocks: Written[] = [];
  #version = 0;

  /** Replace the last blocks by others; what a sink is told. */
  change(depth: number, length: number): Written[] {
    this.#version++;
    const kept = Math.max(0, this.blocks.length - depth);
    const gone = this.blocks.splice(kept).reverse();
    const retracted = gone.map(({ rows, unit }) => ({
      rows,
      unit: { ...unit, op: "retract" as const, version: this.#version },
    }));
    this.#version++;
    for (let count = 0; count < length; count++) {
      this.blocks.push(this.#block(this.blocks.length));
    }
    return [...retracted, ...this.blocks.slice(kept)];
  }

  get rows(): Row[] {
    return this.blocks.flatMap(({ rows }) => [...rows]);
  }

  /** Every fork has other rows, more or fewer of them, at another time. */
  #block(number: number): Written {
    const version = this.#version;
    const seed = (number * 31 + version * 7) % 997;
    const time = nearlyFebruary + number * 12_000 + seed % 10 * 1000;
    const made: UnitInfo = unit(number, {
      id: `0x${number}-${version}`,
      time,
      version,
    });
    const rows = Array.from({ length: seed % 4 }, (_, index) => ({
      block_number: number,
      log_index: index,
      address: `0x${String((seed + index) % 3).padStart(40, "0")}`,
      hash: `0x${String(seed * 10 + index).padStart(64, "0")}`,
      kind: index % 2 ? "a" : "b",
      block_timestamp: time,
    }));
    return { unit: made, rows };
  }
}

const layouts: Readonly<Record<string, Partial<SinkOptions>>> = {
  "by block": { order_by: ["block_number", "log_index"], index: ["hash"] },
  "by address": { order_by: ["address"], index: ["hash"] },
  "in one partition": { order_by: ["block_number"], partition_by: "none" },
};

for (const [name, layout] of Object.entries(layouts)) {
  Deno.test(`the view is right after every one of many small reorgs, ${name}`, async () => {
    await using place = await database();
    const { warehouse } = place;
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.tuple(
            fc.integer({ min: 0, max: 6 }),
            fc.integer({ max: 8, min: 1 }),
          ),
          { minLength: 3, maxLength: 12 },
        ),
        fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
        async (changes, merged) => {
          const table = `rows_${++run}`;
          const options = { ...layout, schema, table };
          const sink = await openSink(warehouse, options);
          // Unmerged parts overlap as long as they can.
          await warehouse.command(`SYSTEM STOP MERGES ${table}_rows`);
          const chain = new Chain();
          for (const [step, [depth, length]] of changes.entries()) {
            const units = chain.change(depth, length);
            if (merged[step]) {
              // Each unit a part of its own, and every write a second time.
              for (const one of units) await write(sink, [one]);
              for (const one of units) await write(sink, [one], `${step}`);
            } else await write(sink, units);
            const truth = chain.rows;
            const rows = await warehouse.rows<Record<string, unknown>>(
              `SELECT hash, address, kind, block_number FROM ${table} ` +
                "ORDER BY hash",
            );
            const wanted = truth.map((
              { address, block_number, hash, kind },
            ) => ({
              ...{ hash, address, kind },
              block_number: String(block_number),
            }));
            wanted.sort((a, b) => a.hash! < b.hash! ? -1 : 1);
            assert.deepEqual(rows, wanted);
            // Through the skip index: what is there, and what was there.
            for (const { hash } of [...truth.slice(-2), ...units[0]!.rows]) {
              const [found] = await warehouse.rows<{ n: string }>(
                `SELECT count() AS n FROM ${table} WHERE hash = {hash:String}`,
                { hash },
              );
              const there = truth.filter((row) => row["hash"] === hash);
              assert.equal(found?.n, String(there.length));
            }
          }
          await warehouse.command(`SYSTEM START MERGES ${table}_rows`);
          await warehouse.command(`OPTIMIZE TABLE ${table}_rows FINAL`);
          const [count] = await warehouse.rows<{ n: string }>(
            `SELECT count() AS n FROM ${table}`,
          );
          assert.equal(count?.n, String(chain.rows.length));
        },
      ),
      { numRuns: 3, seed: 7 },
    );
  });
}

Deno.test("the view shows no row whose time to live is over", async () => {
  await using place = await database();
  const { warehouse } = place;
  const sink = await openSink(warehouse, {
    schema,
    order_by: ["block_number"],
    index: [],
    ttl: 24 * 3600_000,
  });
  await warehouse.command("SYSTEM STOP TTL MERGES rows_rows");
  const row = (number: number, age: number) => ({
    block_number: number,
    log_index: 0,
    address: `0x${"0".repeat(40)}`,
    hash: `0x${"0".repeat(64)}`,
    kind: "a",
    block_timestamp: Date.now() - age,
  });
  await write(sink, [
    { unit: unit(1), rows: [row(1, 25 * 3600_000)] },
    { unit: unit(2), rows: [row(2, 23 * 3600_000)] },
  ]);
  assert.deepEqual(
    await warehouse.rows("SELECT block_number AS n FROM rows"),
    [{ n: "2" }],
  );
});
