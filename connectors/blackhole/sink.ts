/**
 * Nowhere: count rows, to measure a pipeline or to try it without a store.
 *
 * @module
 */
import {
  defineSink,
  fields,
  jsonLines,
  optional,
  type SinkContext,
} from "../../runtime/component.ts";

/** Take rows and forget them. */
export const blackholeSink = defineSink({
  type: "blackhole",
  summary: "Take rows and forget them; the metrics count them",
  fields: {
    encode: optional(
      fields.choice(
        ["none", "jsonl"],
        "Whether to encode rows first, to measure what that costs",
      ),
      "none",
    ),
  },
  batch: () => ({ rows: 10_000, bytes: 1 << 20, every: 1_000 }),
  delivery: () => "nothing is stored",
  example: `
name: count-transfers
connections:
  eth: { type: evm, url: "recording:pipelines/recordings/local" }
sources:
  chain: { type: evm.chain, connection: eth, emit: [token_transfers] }
sinks:
  nowhere: { type: blackhole, from: chain.token_transfers, encode: jsonl }
`,
  open({ encode }, { schema }: SinkContext<unknown>) {
    const lines = encode === "jsonl" ? jsonLines(schema) : undefined;
    const utf8 = new TextEncoder();
    return {
      encode(rows) {
        const bytes = lines ? utf8.encode(lines(rows)).length : 0;
        return { data: undefined, bytes };
      },
      write: () => Promise.resolve(),
    };
  },
});
