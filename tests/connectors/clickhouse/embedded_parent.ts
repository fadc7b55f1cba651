/**
 * A program with an embedded ClickHouse, for tests that kill programs: it
 * prints the server's process number, then the number of every insert that was
 * acknowledged, for ever.
 *
 * @module
 */
import { connectEmbedded } from "../../../connectors/clickhouse/embedded.ts";
import { clientOf } from "../../servers/clickhouse/warehouse.ts";

const [dir = ""] = Deno.args;
const server = await connectEmbedded(dir);
const client = clientOf(server);
print(`${server.owned ? "owns" : "uses"} ${server.pid}`);
await client.command({
  query: "CREATE TABLE IF NOT EXISTS t (n UInt64, text String) " +
    "ENGINE = MergeTree ORDER BY n",
});
for (let n = 0;; n++) {
  await client.insert({
    table: "t",
    values: [{ n, text: "x".repeat(1000) }],
    format: "JSONEachRow",
  });
  print(String(n));
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
