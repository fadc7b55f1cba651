import assert from "node:assert/strict";
import fc from "fast-check";
import {
  Identities,
  type RecordHead,
} from "../../../connectors/kafka/identity.ts";
import { rowPlace, UserError } from "../../../runtime/component.ts";

const headers = {
  op: "insert",
  block_number: "19000000",
  block_hash: "0xabc",
  block_time: "1700000000000",
  version: "1700000000123",
  row: "17",
  schema: "mainnet.transactions@0f1e2d3c",
};

function head(more: Partial<RecordHead> = {}): RecordHead {
  return {
    topic: "transactions",
    partition: 2,
    offset: "41",
    timestamp: "1700000000456",
    ...more,
  };
}

Deno.test("Identities knows a row of a block by its headers", () => {
  const buffers = Object.fromEntries(
    Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)]),
  );
  const { identity, ours, problem } = new Identities()
    .identify(head({ headers: buffers }));
  assert.deepEqual([ours, problem], [true, undefined]);
  const { part, ...rest } = identity;
  assert.deepEqual(rest, {
    number: 19_000_000,
    id: "0xabc",
    op: "insert",
    time: 1_700_000_000_000,
    version: 1_700_000_000_123,
  });
  assert(part > 0);
});

Deno.test("Identities gives a row one part, wherever its record lies", () => {
  const part = (more: Partial<RecordHead>, changed = {}) =>
    new Identities().identify(
      head({ headers: { ...headers, ...changed }, ...more }),
    ).identity.part;
  const first = part({});
  assert.equal(part({ partition: 0, offset: "9", topic: "other" }), first);
  assert.equal(part({}, { op: "retract", version: "9" }), first);
  // Columns that are added later do not make it another row.
  assert.equal(part({}, { schema: "mainnet.transactions@9999" }), first);
  assert.notEqual(part({}, { row: "18" }), first);
  assert.notEqual(part({}, { schema: "mainnet.logs@0f1e2d3c" }), first);
});

Deno.test("Identities knows any other record by its offset", () => {
  const one = new Identities().identify(head());
  assert.deepEqual([one.ours, one.problem], [false, undefined]);
  const { part, ...rest } = one.identity;
  assert.deepEqual(rest, {
    number: 41,
    id: "transactions/2/41",
    op: "insert",
    time: 1_700_000_000_456,
    version: 1_700_000_000_456,
  });
  const again = new Identities().identify(head({ headers: { trace: "x" } }));
  assert.deepEqual(again.identity, one.identity);
  const other = new Identities().identify(head({ partition: 3 }));
  assert.notEqual(other.identity.part, part);
});

for (
  const [name, value] of [
    ["op", "upsert"],
    ["version", "-1"],
    ["block_time", "yesterday"],
    ["row", undefined],
    ["block_hash", undefined],
  ] as const
) {
  Deno.test(`Identities refuses a record whose header ${name} is ${value}`, () => {
    const { identity, problem } = new Identities().identify(
      head({ headers: { ...headers, [name]: value } }),
    );
    assert.match(problem ?? "", new RegExp(`^Header "${name}" is `));
    assert.equal(identity.id, "transactions/2/41");
  });
}

Deno.test("Identities tells all rows of one sink apart, also of a deep one", () => {
  const place = fc.oneof(fc.nat(2 ** 20 - 1), fc.maxSafeNat());
  fc.assert(fc.property(place, place, (a, b) => {
    const identities = new Identities();
    const partOf = (row: number) =>
      identities.identify(
        head({ headers: { ...headers, row: String(row) } }),
      ).identity.part;
    assert.equal(partOf(a) === partOf(b), a === b);
    assert(rowPlace({ part: partOf(a) }, 2 ** 14 - 1) >= 2 ** 20);
  }));
});

Deno.test("Identities refuses origins that it cannot tell apart", () => {
  const identities = new Identities();
  assert.throws(
    () => {
      for (let i = 0; i < 5000; i++) {
        identities.identify(head({ topic: `topic ${i}` }));
      }
    },
    (error) => {
      assert(error instanceof UserError);
      assert.match(error.message, /^Cannot tell rows of topic topic \d+ from/);
      return true;
    },
  );
});
