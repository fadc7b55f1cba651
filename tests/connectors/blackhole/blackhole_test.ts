import assert from "node:assert/strict";
import { blackholeSink } from "../../../connectors/blackhole/sink.ts";
import { jsonLines } from "../../../runtime/encode/json.ts";
import { everyType, extremeRows } from "../../contracts/extreme_rows.ts";
import { openContext } from "../../contracts/open_context.ts";
import { sinkContract } from "../../contracts/sink_contract.ts";

for (const encode of ["none", "jsonl"] as const) {
  sinkContract({
    name: `blackhole, encode ${encode}`,
    definition: blackholeSink,
    delivers: "nothing",
    arrange: () =>
      Promise.resolve({
        config: { encode },
        connection: {},
        read: () => Promise.resolve([]),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      }),
  });

  Deno.test(`blackhole says how much it encoded, ${encode}`, async () => {
    const sink = await blackholeSink.open({ encode }, {
      ...openContext(),
      connection: {},
      schema: everyType,
      state: undefined,
    });
    const unit = {
      number: 1,
      id: "0x1",
      time: 0,
      op: "insert",
      version: 1,
    } as const;
    const rows = extremeRows(1);
    const { bytes } = sink.encode(rows, unit, () => assert.fail("rejected"));
    const text = jsonLines(everyType)(rows);
    const expected = new TextEncoder().encode(text).length;
    assert.equal(bytes, encode === "jsonl" ? expected : 0);
  });
}
