import assert from "node:assert/strict";
import { encodeFunctionData, parseAbi } from "viem";
import { explain } from "../../../../connectors/evm/decode/explain.ts";
import { createScheduler } from "../../../../runtime/budget/scheduler.ts";
import { openContext } from "../../../contracts/open_context.ts";

function tell(
  text: string,
  { abis = [], to }: { abis?: string[]; to?: string } = {},
) {
  const context = openContext();
  return explain(text, {
    abis,
    to,
    folder: ".",
    connection: undefined,
    context: { ...context, scheduler: createScheduler(context) },
  });
}

const abi = parseAbi([
  "function transfer(address to, uint256 amount)",
  "struct Call3 { address target; bool allowFailure; bytes callData; }",
  "function aggregate3(Call3[] calls)",
]);
const one = `0x${"11".repeat(20)}` as const;
const two = `0x${"22".repeat(20)}` as const;
const transfer = encodeFunctionData({
  abi,
  functionName: "transfer",
  args: [one, 1_000_000n],
});

Deno.test("explain() prints the tree of calls as a person would read it", async () => {
  const input = encodeFunctionData({
    abi,
    functionName: "aggregate3",
    args: [[
      { target: two, allowFailure: false, callData: transfer },
      { target: one, allowFailure: true, callData: "0xdeadbeef" },
    ]],
  });
  assert.equal(
    await tell(input),
    `aggregate3((address,bool,bytes)[]), signature
  calls:
    0:
      target: ${two}
      allowFailure: false
      callData: ${transfer.slice(0, 66)}… (68 bytes)
    1:
      target: ${one}
      allowFailure: true
      callData: 0xdeadbeef
  0: transfer(address,uint256) at ${two}, signature
    to: ${one}
    amount: 1000000
  1: 0xdeadbeef at ${one}, unknown
    No ABI for the function`,
  );
});

Deno.test("explain() takes ABIs as signatures or files", async () => {
  const text = await tell(transfer, {
    abis: ["transfer(address who, uint256 wad)"],
    to: two,
  });
  assert.equal(
    text,
    `transfer(address,uint256) at ${two}\n  who: ${one}\n  wad: 1000000`,
  );
  const file = new URL(
    "../../../../pipelines/abis/erc20.json",
    import.meta.url,
  );
  assert.match(
    await tell(transfer, { abis: [file.pathname] }),
    /^transfer\S+\n {2}/,
  );
  await assert.rejects(tell(transfer, { abis: ["nowhere.json"] }), {
    name: "UserError",
    message: 'Cannot find ABI file "nowhere.json"',
  });
});

Deno.test("explain() says what it cannot decode", async () => {
  assert.equal(await tell("0x12"), "call, unknown\n  No selector");
  await assert.rejects(tell("transfer"), /Cannot decode "transfer": not hex/);
  await assert.rejects(
    tell(`0x${"ab".repeat(32)}`),
    /without a chain; name a spec with --spec/,
  );
});
