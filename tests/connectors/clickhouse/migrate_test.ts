import assert from "node:assert/strict";
import { components } from "../../../connectors/mod.ts";
import { assertGolden } from "../../runtime/golden.ts";
import { folderWith, sluice } from "../../runtime/verbs/program.ts";
import { clickhouse as server } from "../../services/mod.ts";
import { database } from "./warehouses.ts";

function spec(url: string, { name, more = "" }: {
  readonly name: string;
  readonly more?: string;
}): string {
  return `name: withdrawals
connections:
  eth: { type: evm, url: "recording:pipelines/recordings/local" }
  warehouse: { type: clickhouse, url: "${url}", database: ${name} }
sources:
  chain: { type: evm.chain, connection: eth, emit: [withdrawals] }
sinks:
  out:
    type: clickhouse
    connection: warehouse
    from: chain.withdrawals
    table: withdrawals
    order_by: [block_number, index]
${more}`;
}

Deno.test("migrate adds to tables of a ClickHouse and refuses what it must", async () => {
  await using place = await database();
  const { database: name } = place.warehouse;
  const url = await server();
  await using folder = await folderWith({
    "old.yaml": spec(url, { name }),
    "new.yaml": spec(url, { name, more: "    index: [address]\n" }),
    "other.yaml": spec(url, { name, more: "    partition_by: none\n" }),
  });
  const migrate = async (file: string, ...options: string[]) => {
    const args = ["migrate", folder.at(file), ...options];
    const { code, err, out } = await sluice(args, { registry: components });
    return { code, text: `${out}\n${err}`.trim().replaceAll(name, "chain") };
  };
  const fresh = await migrate("old.yaml");
  assert.deepEqual(fresh, {
    code: 0,
    text: "out: nothing is there yet; `run` creates it",
  });
  const plan = await sluice(
    ["plan", folder.at("old.yaml"), "--format", "json"],
    {
      registry: components,
    },
  );
  const ddl: string[] = JSON.parse(plan.out).sinks[0].ddl;
  for (const statement of ddl) await place.warehouse.command(statement);
  assert.deepEqual(await migrate("old.yaml"), { code: 0, text: "out: fits" });
  await place.warehouse.command(
    "ALTER TABLE withdrawals_rows DROP COLUMN validator_index",
  );
  const texts = [
    await migrate("new.yaml"),
    await migrate("other.yaml", "--apply"),
    await migrate("new.yaml", "--apply"),
    await migrate("new.yaml"),
  ];
  assert.deepEqual(texts.map(({ code }) => code), [0, 1, 0, 0]);
  await assertGolden(
    new URL("migrate.txt", import.meta.url),
    texts.map(({ text }) => text).join("\n\n---\n\n"),
  );
});
