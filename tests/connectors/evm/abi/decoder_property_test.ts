/** Random ABIs and values: what viem encodes, we decode as viem does. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  compileEvent,
  compileFunction,
  compileParameters,
} from "../../../../connectors/evm/abi/decoder.ts";
import { cases, ourAbi } from "./cases.ts";
import { attempt, encode, encodeTopics, viemCall, viemLog } from "./oracle.ts";

/** Random ABIs in all; each is tried as a function and as an event. */
const RUNS = 10_000;
const ROUNDS = 4;

for (let round = 1; round <= ROUNDS; round++) {
  Deno.test(`decode() equals viem on random ABIs, round ${round}`, () => {
    fc.assert(
      fc.property(cases(1), (abi) => {
        const { functions: [call], events: [event] } = ourAbi(abi);
        assert(call && event);

        const data = encode(abi);
        const input = call.selector + data.slice(2);
        const expected = viemCall(abi, input);
        assert(expected, "viem refuses its own encoding");
        assert.deepEqual(
          attempt(() => compileFunction(call).decode(input)),
          expected,
        );
        assert.deepEqual(
          attempt(() => compileParameters(call.inputs).decode(data)),
          expected,
        );

        const log = {
          topics: encodeTopics(abi, event.topic0),
          data: encode(abi, (parameter) => !parameter.indexed),
        };
        const logged = viemLog(abi, log);
        assert(logged, "viem refuses its own encoding");
        assert.deepEqual(
          attempt(() => compileEvent(event).decode(log.topics, log.data)),
          logged,
        );
      }),
      { numRuns: RUNS / ROUNDS },
    );
  });
}
