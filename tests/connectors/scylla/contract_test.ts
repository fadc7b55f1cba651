import { scyllaSink } from "../../../connectors/scylla/sink.ts";
import { canonicalRows } from "../../contracts/canonical.ts";
import { sinkContract } from "../../contracts/sink_contract.ts";
import { uniqueName } from "../../services/mod.ts";
import { hot, ignore, sinkConfig } from "./hot.ts";

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
      const client = await hot();
      const table = uniqueName("rows");
      return {
        config: sinkConfig({ table, primary_key: key }),
        connection: client,
        async read() {
          const rows = client.rows(`SELECT * FROM ${table}`);
          return canonicalRows(schema, await Array.fromAsync(rows));
        },
        [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
      };
    },
  });
}
