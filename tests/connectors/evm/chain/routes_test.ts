import assert from "node:assert/strict";
import type { AccountTariff } from "../../../../runtime/component.ts";
import { readFields } from "../../../../runtime/spec/members.ts";
import { evm } from "../../../../connectors/evm/rpc/connection.ts";
import {
  planRoutes,
  type RouteDemand,
} from "../../../../connectors/evm/chain/routes.ts";
import { Reports } from "../../../contracts/reports.ts";

/** Tariffs of endpoints as a spec has them. */
function tariffs(
  ...endpoints: readonly Readonly<Record<string, unknown>>[]
): readonly AccountTariff[] {
  const reports = new Reports();
  const written = {
    endpoints: endpoints.map((one, index) => ({
      name: `e${index}`,
      url: `http://e${index}.example`,
      ...one,
    })),
  };
  const config = readFields(evm.fields, written, reports.place);
  if (!config) throw new Error(reports.lines.join("\n"));
  return evm.tariffs!(config);
}

const onlyLogs: RouteDemand = {
  blocks: undefined,
  receipts: undefined,
  logs: "logs",
  query: "all",
  questions: 1,
  range: 1000,
  transactions: undefined,
};

function calls(demand: RouteDemand, of: readonly AccountTariff[]) {
  return planRoutes(demand, of).calls.map(({ method, perUnit }) =>
    `${perUnit} ${method}`
  );
}

Deno.test("planRoutes() asks for logs by ranges where logs are all that is used", () => {
  for (const own of [{}, { plan: "infura/free" }, { plan: "drpc/free" }]) {
    assert.deepEqual(calls(onlyLogs, tariffs(own)), [
      "0.001 eth_getLogs",
      "0 eth_getBlockByNumber",
    ]);
  }
});

Deno.test("planRoutes() keeps to the range that a plan allows", () => {
  const { calls, range } = planRoutes(
    onlyLogs,
    tariffs({ plan: "alchemy/free" }),
  );
  assert.equal(range, 10);
  assert.equal(calls[0]?.perUnit, 0.1);
});

Deno.test("planRoutes() asks where wide ranges are cheap", () => {
  const { calls, range } = planRoutes(
    onlyLogs,
    tariffs({ plan: "alchemy/free" }, { plan: "drpc/free" }),
  );
  assert.equal(range, Infinity);
  assert.equal(calls[0]?.perUnit, 0.001);
});

Deno.test("planRoutes() takes receipts where they are used", () => {
  const demand = { ...onlyLogs, receipts: "receipt_*" };
  for (const own of [{}, { plan: "infura/free" }, { plan: "alchemy/free" }]) {
    const plan = planRoutes(demand, tariffs(own));
    assert.deepEqual(plan.routes, ["receipts", "transactions"]);
  }
});

Deno.test("planRoutes() takes receipts one by one where blocks are small and receipts of blocks dear", () => {
  // Infura: 80 credits a receipt, 1000 for those of a block.
  const demand = { ...onlyLogs, receipts: "receipt_*" };
  const first = (transactions: number) =>
    planRoutes({ ...demand, transactions }, tariffs({ plan: "infura/free" }))
      .routes[0];
  assert.equal(first(12), "transactions");
  assert.equal(first(13), "receipts");
});

Deno.test("planRoutes() goes where a method exists", () => {
  const lacking = (...lacks: string[]) =>
    planRoutes(onlyLogs, tariffs({ lacks })).routes[0];
  assert.equal(lacking("eth_getLogs"), "receipts");
  assert.equal(lacking("eth_getLogs", "eth_getBlockReceipts"), "transactions");
  assert.equal(lacking("eth_getBlockReceipts"), "logs");
});

Deno.test("planRoutes() reads whole blocks of a recording", () => {
  const recorded = tariffs({ url: "recording:somewhere" });
  assert.equal(planRoutes(onlyLogs, recorded).routes[0], "receipts");
});

Deno.test("planRoutes() asks for nothing but the block when that is enough", () => {
  const demand = { ...onlyLogs, logs: undefined, blocks: "blocks" };
  assert.deepEqual(calls(demand, tariffs({})), ["1 eth_getBlockByNumber"]);
});
