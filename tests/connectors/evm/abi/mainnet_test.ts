/** Every recorded call and log that a known ABI names, decoded as by viem. */
import assert from "node:assert/strict";
import { DecodeError } from "../../../../connectors/evm/abi/input.ts";
import { RowDecoder } from "../../../../connectors/evm/decode/rows.ts";
import { schemas } from "../../../../connectors/evm/chain/schema.ts";
import {
  commonSignatures,
  SignatureDatabase,
} from "../../../../connectors/evm/decode/signatures.ts";
import type { Row } from "../../../../runtime/component.ts";
import { figure } from "../../../integration/figure.ts";
import { attempt, viemCall, viemLog } from "./oracle.ts";
import { readRecorded } from "./recorded.ts";

const recorded = readRecorded();
const ignore = recorded === undefined;

Deno.test("decode() equals viem on recorded calls", { ignore }, () => {
  const { calls, index, entries } = recorded!;
  const seen = { decoded: 0, refused: 0 };
  for (const { to, input } of calls) {
    if (to === null) continue;
    for (const decoder of index.function(to, input.slice(0, 10))) {
      const { name, inputs } = entries.get(decoder.abi)!;
      const ours = attempt(() => decoder.decode(input));
      const refused = ours instanceof DecodeError;
      assert.deepEqual(
        refused ? undefined : ours,
        viemCall({ name, parameters: inputs }, input),
      );
      seen[refused ? "refused" : "decoded"]++;
    }
  }
  // The ABIs' README counts 1,989 at their addresses; tokens come on top.
  assert.equal(seen.refused, 0);
  assert(seen.decoded >= 1_989, `Only ${seen.decoded} calls were decoded`);
});

Deno.test("decode() equals viem on recorded logs", { ignore }, () => {
  const { logs, index, entries } = recorded!;
  const seen = { decoded: 0, refused: 0 };
  for (const { address, topics, data } of logs) {
    const [topic0 = ""] = topics;
    for (const decoder of index.event(address, topic0, topics.length)) {
      const { name, inputs } = entries.get(decoder.abi)!;
      const ours = attempt(() => decoder.decode(topics, data));
      const refused = ours instanceof DecodeError;
      assert.deepEqual(
        refused ? undefined : ours,
        viemLog({ name, parameters: inputs }, { topics, data }),
      );
      seen[refused ? "refused" : "decoded"]++;
    }
  }
  assert.equal(seen.refused, 0);
  assert(seen.decoded >= 18_605, `Only ${seen.decoded} logs were decoded`);
});

Deno.test("RowDecoder says how much of the recorded blocks it decodes", {
  ignore,
}, () => {
  const { calls, index, logs } = recorded!;
  const signatures = new SignatureDatabase();
  signatures.addText(commonSignatures());
  const shares = (
    port: "transactions" | "logs",
    rows: readonly Row[],
  ): Record<string, number> => {
    const decoder = new RowDecoder({ index, input: schemas[port], signatures });
    const kinds: Record<string, number> = {};
    let own = 0;
    const emit = Object.assign((_: string, row: Row) => {
      // Calls within calls are counted as well, as rows of their own.
      const kind = String(row["decode_kind"]);
      kinds[kind] = (kinds[kind] ?? 0) + 1;
      if ((row["call_path"] ?? "") === "") own++;
    }, { reject() {} });
    decoder.decode(rows, emit);
    assert.equal(own, rows.length, "a row was dropped");
    const total = Object.values(kinds).reduce((sum, one) => sum + one, 0);
    const parts = Object.entries(kinds).sort(([, a], [, b]) => b - a)
      .map(([kind, count]) => `${kind} ${(100 * count / total).toFixed(1)} %`);
    figure(`${port}: ${total} rows: ${parts.join(", ")}`);
    return kinds;
  };
  const called = calls.filter(({ input, to }) => to !== null && input !== "0x")
    .map(({ input, to }) => ({ input, to_address: to }));
  const callKinds = shares("transactions", called);
  const logKinds = shares("logs", logs as unknown as readonly Row[]);
  assert(callKinds["full"]! >= 1_989 && logKinds["full"]! >= 18_605);
  // Of what no ABI names the most common calls are known by signature.
  assert(callKinds["signature"]! > 500);
  assert(logKinds["signature"]! > 500);
});
