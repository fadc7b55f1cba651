/** Every recorded call and log that a known ABI names, decoded as by viem. */
import assert from "node:assert/strict";
import { DecodeError } from "../../../connectors/evm/abi_input.ts";
import { attempt, viemCall, viemLog } from "./abi_oracle.ts";
import { readRecorded } from "./abi_recorded.ts";

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
