import { scyllaSink } from "../../../connectors/scylla/sink.ts";
import { canonicalRows } from "../../contracts/canonical.ts";
import { sinkContract } from "../../contracts/sink_contract.ts";
import { hot, ignore } from "./hot.ts";

const config = {
  table: "rows",
  ttl: undefined,
  compaction: undefined,
  consistency: undefined,
  add_columns: false,
};

const keys = {
  "rows of a block together": [["block_number"], "log_index"],
  "each row alone": [["block_number", "log_index"]],
};

for (const [name, key] of Object.entries(keys)) {
  sinkContract({
    name: `scylla, ${name}`,
    definition: scyllaSink,
    ignore,
    largest: { uint64: 2n ** 63n - 1n },
    rejected: { nonce: 2n ** 63n, topics: [null] },
    async arrange(schema) {
      const server = await hot();
      const { client } = server;
      return {
        config: { ...config, primary_key: key },
        connection: client,
        async read() {
          return canonicalRows(
            schema,
            await Array.fromAsync(client.rows("SELECT * FROM rows")),
          );
        },
        [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
      };
    },
  });
}
