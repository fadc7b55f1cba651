/**
 * What `plan` says that contract state will cost, against what it cost.
 *
 * @module
 */
import assert from "node:assert/strict";
import { forecastLines } from "../../runtime/plan/forecast_text.ts";
import {
  compareForecast,
  type ForecastCase,
  readForecast,
} from "./forecast_check.ts";

const contracts = Array.from(
  { length: 300 },
  (_, index) => `"0x${(index + 1).toString(16).padStart(40, "0")}"`,
);

const together = "Multicall3 is there, so that reads share calls";

const read = "read: { value: value() returns (uint256) }";

/** Methods have prices of their own, so that credits tell them apart. */
const endpoints: ForecastCase["endpoints"] = {
  one: [
    "price: 1, prices: { eth_call: 7, eth_getLogs: 3 }, " +
    "rate: 40 requests/s",
    { prices: { default: 1, eth_call: 7, eth_getLogs: 3 } },
  ],
};

/** A range of a spec with this state; the chain has sinks of these ports. */
function caseOf(
  state: string,
  { blocks = 150, emit = ["blocks"] }: {
    readonly blocks?: number;
    readonly emit?: readonly string[];
  } = {},
): ForecastCase {
  const isAlone = !/on: |from: /.test(state);
  const ports = isAlone ? [] : emit;
  return {
    blocks,
    endpoints,
    speed: 3,
    stages: [
      "sources:",
      ...ports.length === 0 ? [] : [
        "  chain: { type: evm.chain, connection: eth, start: 1, " +
        `emit: [${ports}] }`,
      ],
      `  state: { type: evm.state, connection: eth, start: 1, ${state}, ${read} }`,
      "sinks:",
      ...ports.map((port) =>
        `  ${port}: { type: memory, from: chain.${port} }`
      ),
      "  states: { type: memory, from: state }",
    ],
  };
}

Deno.test("forecastsOf() foretells a state that is read every so many blocks", async () => {
  // What 300 reads take is more than one call's gas.
  const { assumptions } = await compareForecast(
    caseOf(`every: 3 blocks, contracts: [${contracts}], call_gas: 2000000`),
  );
  assert.deepEqual(assumptions, [together]);
});

Deno.test("forecastsOf() foretells a state that is read at instants", async () => {
  const { assumptions } = await compareForecast(
    caseOf(`every: 1m, contracts: [${contracts[0]}]`, { blocks: 400 }),
  );
  assert.deepEqual(assumptions, ["a block comes every 12 s"]);
});

Deno.test("forecastsOf() foretells a state that every block causes", async () => {
  const { assumptions } = await compareForecast(
    caseOf(
      `every: { on: chain.blocks }, contracts: [${contracts.slice(0, 2)}]`,
    ),
  );
  assert.deepEqual(assumptions, [together]);
});

const seen = "contracts: { from: chain.token_transfers.token_address }";

Deno.test("forecastsOf() foretells a state of contracts that are seen", async () => {
  const { assumptions } = await compareForecast(
    // Logs come with the receipts of transactions: all of them, always.
    caseOf(`every: 4 blocks, ${seen}`, {
      blocks: 80,
      emit: ["transactions", "token_transfers"],
    }),
  );
  assert.match(
    assumptions.join("\n"),
    /one eth_call takes all of their reads, 1500 at most/,
  );
});

Deno.test("forecastsOf() foretells a state that another state causes", async () => {
  const { assumptions } = await compareForecast({
    ...caseOf(""),
    stages: [
      "sources:",
      "  listed: { type: evm.state, connection: eth, start: 1, " +
      `every: 2 blocks, contracts: [${contracts[0]}], ${read} }`,
      "  state: { type: evm.state, connection: eth, every: { on: listed }, " +
      `contracts: [${contracts[1]}], ${read} }`,
      "sinks:",
      "  rows: { type: memory, from: listed }",
      "  states: { type: memory, from: state }",
    ],
  });
  assert.match(assumptions.join("\n"), /^every block has rows of listed/);
});

const transfers =
  "every: { on: chain.token_transfers, contract: token_address, " +
  "where: { token_id: { gt: 60 } } }";

for (
  const [state, assumption] of [
    [`every: 4 blocks, ${seen}`, "no block has logs that tell which block"],
    [transfers, "every block has rows of chain.token_transfers that match"],
  ] as const
) {
  Deno.test(`forecastsOf() says what it assumes of a state with ${state}`, async () => {
    const { forecast, stats } = await readForecast(
      caseOf(state, { emit: ["token_transfers"] }),
    );
    assert.ok(stats.calls < forecast.calls, "it is a bound");
    assert.match(
      forecastLines(forecast).join("\n"),
      new RegExp(`\n +assumes that .*${assumption}`),
    );
  });
}
