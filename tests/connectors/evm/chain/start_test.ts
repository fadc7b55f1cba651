import assert from "node:assert/strict";
import {
  firstBlockAt,
  startField,
} from "../../../../connectors/evm/chain/start.ts";
import { Reports } from "../../../contracts/reports.ts";
import { ScriptedClient } from "../rpc/scripted_client.ts";

function read(value: unknown, interpolated = false) {
  const reports = new Reports();
  const place = { ...reports.place, interpolated };
  return startField.read(value, place) ?? reports.lines;
}

const utc = (text: string) => ({ instant: Date.parse(text) });

for (
  const [written, expected] of [
    [0, 0],
    [19_000_000, 19_000_000],
    ["latest", { behind: 0 }],
    ["latest - 300", { behind: 300 }],
    ["2024-01-31", utc("2024-01-31T00:00:00Z")],
    ["2024-01-31T12:30:00Z", utc("2024-01-31T12:30:00Z")],
    ["2024-01-31T12:30:00+02:00", utc("2024-01-31T10:30:00Z")],
    ["2024-01-31 12:30:00", utc("2024-01-31T12:30:00Z")],
  ] as const
) {
  Deno.test(`startField reads ${written}`, () => {
    assert.deepEqual(read(written), expected);
  });
}

for (const wrong of [-1, 1.5, "0x10", "2024-13-01", "soon", null, [1]]) {
  Deno.test(`startField refuses ${JSON.stringify(wrong)}`, () => {
    const lines = read(wrong);
    assert.ok(Array.isArray(lines) && lines.length === 1, String(lines));
  });
}

Deno.test("startField takes a number out of the environment", () => {
  assert.equal(read("19000000", true), 19_000_000);
});

Deno.test("firstBlockAt() finds the block in a few calls", async () => {
  // Slots are missed, so that no formula tells the number.
  const times = Array.from({ length: 5000 }, () => 0);
  let time = 1_000_000;
  for (let number = 0; number < times.length; number++) {
    times[number] = time;
    time += number % 7 === 3 ? 24 : 12;
  }
  for (const wanted of [0, 1, 17, 2500, 4999]) {
    for (const offset of [-1, 0]) {
      const bench = new ScriptedClient({
        a: ({ params: [number] }) => ({
          number,
          hash: `0x${"ab".repeat(32)}`,
          parentHash: `0x${"cd".repeat(32)}`,
          timestamp: `0x${times[Number(number)]!.toString(16)}`,
          transactions: [],
        }),
      });
      const instant = (times[wanted]! + offset) * 1000;
      const found = await bench.settle(
        firstBlockAt(bench.client, { instant, last: 4999 }),
      );
      assert.equal(found, wanted);
      assert.ok(bench.order.length <= 13, `${bench.order.length} calls`);
    }
  }
});

Deno.test("firstBlockAt() gives the block after the last for the future", async () => {
  const bench = new ScriptedClient({
    a: ({ params: [number] }) => ({
      number,
      hash: `0x${"ab".repeat(32)}`,
      parentHash: `0x${"cd".repeat(32)}`,
      timestamp: "0x1",
      transactions: [],
    }),
  });
  const found = await bench.settle(
    firstBlockAt(bench.client, { instant: 1e12, last: 99 }),
  );
  assert.equal(found, 100);
});
