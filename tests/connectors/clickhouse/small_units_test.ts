import assert from "node:assert/strict";
import { native } from "../../../connectors/clickhouse/native.ts";
import { unitEncoder } from "../../../connectors/clickhouse/small_units.ts";
import type { Row, Schema, UnitInfo } from "../../../runtime/component.ts";

const schema: Schema = [
  { name: "id", type: "uint64", doc: "" },
  { name: "tags", type: "list<string>", doc: "" },
];

const unit = (number: number): UnitInfo => ({
  number,
  id: `${number}`,
  op: "insert",
  time: 0,
  version: 9,
});

const rows = (count: number): Row[] =>
  Array.from({ length: count }, (_, id) => ({ id, tags: [`${id}`] }));

const never = () => assert.fail("Nothing is rejected");

Deno.test("unitEncoder() joins small units and leaves large ones as they are", () => {
  const { blocks, encode } = unitEncoder(schema);
  const sizes = [1, 3, 500, 2, 0, 1];
  const data = sizes.map((count, index) =>
    encode(rows(count), unit(index), never).data
  );
  const made = blocks(data);
  assert.equal(made.length, 3);
  // The number of columns, then that of rows.
  assert.deepEqual(made.map((block) => block[1]), [4, 500 & 127 | 128, 3]);
  assert.deepEqual(made[1], native(schema)(rows(500), unit(2), never));
  assert.deepEqual(blocks(data), made, "The same units give the same blocks");
});

Deno.test("unitEncoder() gives every row its own place in a joined block", () => {
  const { blocks, encode } = unitEncoder(schema);
  const one = rows(1);
  const alone = native(schema)(one, { ...unit(7), part: 3 }, never);
  const [joined] = blocks([
    encode(one, { ...unit(7), part: 3 }, never).data,
  ]);
  assert.deepEqual(joined, alone);
});

Deno.test("unitEncoder() makes blocks of at most some thousand small units", () => {
  const { blocks, encode } = unitEncoder(schema);
  const data = Array.from(
    { length: 25_000 },
    (_, index) => encode(rows(1), unit(index), never).data,
  );
  assert.equal(blocks(data).length, 3);
});
