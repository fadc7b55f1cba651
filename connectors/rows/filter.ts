/**
 * Keep the rows that match.
 *
 * @module
 */
import {
  type Config,
  defineTransform,
  fields,
  type Row,
} from "../../runtime/component.ts";

const filterFields = {
  where: fields.match("What a row must be like; all others are dropped"),
};

/** Keep the rows that match and drop all others. */
export const filter = defineTransform({
  type: "filter",
  summary: "Keep the rows that match and drop all others",
  fields: filterFields,
  outputs: ({ input }) => ({ rows: input }),
  uses: ({ config }, used) =>
    new Set([...used.get("rows") ?? [], ...config.where.columns]),
  needs: ({ config }) => config.where.predicate,
  example: `
name: whales
connections:
  eth: { type: evm, url: "recording:pipelines/recordings/local" }
sources:
  chain: { type: evm.chain, connection: eth, emit: [transactions] }
transforms:
  large:
    type: filter
    from: chain.transactions
    where: { value: { gte: 100 ether } }
sinks:
  whales: { type: file, from: large, path: data/whales.jsonl }
`,
  open({ where }: Config<typeof filterFields>) {
    return {
      apply(rows: readonly Row[], emit) {
        for (const row of rows) if (where(row)) emit("rows", row);
      },
    };
  },
});
