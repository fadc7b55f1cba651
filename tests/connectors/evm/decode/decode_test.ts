import assert from "node:assert/strict";
import {
  encodeDeployData,
  encodeFunctionData,
  getContractAddress,
  parseAbi,
} from "viem";
import { decode } from "../../../../connectors/evm/decode/decode.ts";
import type { Row, Schema } from "../../../../runtime/component.ts";
import { openContext } from "../../../contracts/open_context.ts";
import { readFields } from "../../../../runtime/spec/members.ts";
import { Reports } from "../../../contracts/reports.ts";

const router = "0x7a250d5630b4cf539739df2c5dacb4c659f2488d";

const transactions: Schema = [
  { name: "hash", type: "hash", doc: "Hash" },
  { name: "to_address", type: "address", nullable: true, doc: "To" },
  { name: "input", type: "bytes", doc: "Input" },
];

const logs: Schema = [
  { name: "transaction_hash", type: "hash", doc: "Hash" },
  { name: "address", type: "address", doc: "Contract" },
  { name: "topics", type: "list<hash>", doc: "Topics" },
  { name: "data", type: "bytes", doc: "Data" },
];

/** Run rows through a decode transform; rows by port. */
async function run(
  abis: unknown,
  input: Schema,
  ...[rows, { folder = ".", ...fields } = {}]: [
    rows: readonly Row[],
    options?: { folder?: string; signatures?: string[] },
  ]
) {
  const reports = new Reports(input);
  const config = readFields(decode.fields, { abis, ...fields }, reports.place);
  assert(config, reports.lines.join());
  const transform = await decode.open(config, {
    ...openContext({ folder }),
    connections: {},
    input,
  });
  const ports: Record<string, Row[]> = { decoded: [], unknown: [] };
  const emit = Object.assign(
    (port: string, row: Row) => void ports[port]?.push(row),
    { reject: () => assert.fail("decode rejects nothing") },
  );
  await transform.apply(rows, emit, {
    number: 1,
    id: "0x01",
    op: "insert",
    time: 0,
    version: 0,
  });
  const names = (schema: Schema) => schema.map(({ name }) => name);
  const outputs = decode.outputs({ config, input });
  for (const [port, list] of Object.entries(ports)) {
    for (const row of list) {
      assert.deepEqual(Object.keys(row), names(outputs[port] ?? []));
    }
  }
  return ports;
}

const call = (input: string, to: string | null = router): Row => ({
  hash: "0x" + "ab".repeat(32),
  to_address: to,
  input,
});

const abi = parseAbi([
  "function transfer(address to, uint256 amount)",
  "function multicall(bytes[] data)",
  "function execute(bytes commands, bytes[] inputs)",
]);
const signatures = [
  "function transfer(address to, uint256 amount)",
  "function multicall(bytes[] data)",
  "function execute(bytes commands, bytes[] inputs)",
];
const transfer = encodeFunctionData({
  abi,
  functionName: "transfer",
  args: [`0x${"11".repeat(20)}`, 2n ** 255n],
});

Deno.test("decode decodes a call at any address", async () => {
  const { decoded } = await run([{ signatures }], transactions, [
    call(transfer),
  ]);
  assert.deepEqual(decoded, [{
    transaction_hash: "0x" + "ab".repeat(32),
    to_address: router,
    input: transfer,
    call_path: "",
    selector: "0xa9059cbb",
    function: "transfer",
    signature: "transfer(address,uint256)",
    args: { to: `0x${"11".repeat(20)}`, amount: String(2n ** 255n) },
    decode_kind: "full",
    decode_error: null,
    implementation: null,
    candidates: [],
  }]);
});

Deno.test("decode drops nothing: what it cannot decode goes to unknown with the reason", async () => {
  const { decoded, unknown } = await run([{ signatures }], transactions, [
    call("0x6080", null),
    call("0x"),
    call("0xa9"),
    call("0xdeadbeef"),
    call("0xa9059cbb00"),
  ]);
  assert.equal(decoded?.length, 0);
  assert.deepEqual(unknown?.map((row) => row["decode_error"]).slice(0, 4), [
    "Contract creation",
    "No calldata",
    "No selector",
    "No ABI for the function",
  ]);
  assert.equal(unknown?.length, 5);
  assert.match(String(unknown?.[4]?.["decode_error"]), /\w/);
  assert.equal(unknown?.[4]?.["selector"], "0xa9059cbb");
});

Deno.test("decode opens multicalls, and only what is a call", async () => {
  const inner = encodeFunctionData({
    abi,
    functionName: "multicall",
    args: [[transfer]],
  });
  const outer = encodeFunctionData({
    abi,
    functionName: "multicall",
    args: [[transfer, "0xdeadbeef", inner]],
  });
  const commands = encodeFunctionData({
    abi,
    functionName: "execute",
    args: ["0x0b", [`0x${"00".repeat(64)}`]],
  });
  const { decoded, unknown } = await run([{ signatures }], transactions, [
    call(outer),
    call(commands),
  ]);
  assert.deepEqual(
    decoded?.map((row) => [row["call_path"], row["function"]]),
    [
      ["", "multicall"],
      ["0", "transfer"],
      ["2", "multicall"],
      ["2.0", "transfer"],
      ["", "execute"],
    ],
  );
  assert.equal(decoded?.[1]?.["input"], transfer);
  assert.equal(unknown?.length, 0);
});

Deno.test("decode prefers an address's own ABI", async () => {
  const { decoded } = await run(
    [
      { signatures },
      { address: router, signatures: ["transfer(address who, uint256 wad)"] },
    ],
    transactions,
    [call(transfer), call(transfer, `0x${"22".repeat(20)}`)],
  );
  assert.deepEqual(
    decoded?.map(({ args }) => Object.keys(args as object)),
    [["who", "wad"], ["to", "amount"]],
  );
});

Deno.test("decode tells ERC-20 and ERC-721 transfers apart", async () => {
  const topic0 =
    "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";
  const word = (n: number) => "0x" + n.toString(16).padStart(64, "0");
  const log = (topics: string[], data: string): Row => ({
    transaction_hash: word(1),
    address: router,
    topics,
    data,
  });
  const { decoded, unknown } = await run(
    [{
      signatures: [
        "event Transfer(address indexed from, address indexed to, uint256 value)",
        "event Transfer(address indexed from, address indexed to, uint256 indexed tokenId)",
      ],
    }],
    logs,
    [
      log([topic0, word(1), word(2)], word(3)),
      log([topic0, word(1), word(2), word(3)], "0x"),
      log([topic0, word(1), word(2)], "0x"),
      log([], "0x"),
    ],
  );
  assert.deepEqual(
    decoded?.map(({ args, event }) => [event, Object.keys(args as object)]),
    [
      ["Transfer", ["from", "to", "value"]],
      ["Transfer", ["from", "to", "tokenId"]],
    ],
  );
  assert.equal(unknown?.length, 2);
  assert.equal(unknown?.[1]?.["decode_error"], "No topic");
});

const kinds = (rows: readonly Row[] | undefined) =>
  rows?.map(({ decode_kind, signature }) => [decode_kind, signature]);

Deno.test("decode uses signatures where no ABI is known, and says so", async () => {
  const { decoded, unknown } = await run([], transactions, [
    call(transfer),
    call("0xa9059cbb00"),
    call("0xdeadbeef"),
  ]);
  assert.deepEqual(kinds(decoded), [[
    "signature",
    "transfer(address,uint256)",
  ]]);
  assert.deepEqual(kinds(unknown), [
    ["partial", "transfer(address,uint256)"],
    ["unknown", null],
  ]);
});

Deno.test("decode guesses nothing without signatures", async () => {
  const rows = [call(transfer)];
  const { unknown } = await run([], transactions, rows, { signatures: [] });
  assert.deepEqual(kinds(unknown), [["unknown", null]]);
});

Deno.test("decode reads the ABIs of the folder beside the spec", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/abis`);
    await Deno.writeTextFile(
      `${folder}/abis/${router}.json`,
      JSON.stringify(parseAbi(["function own(uint256 amount)"])),
    );
    await Deno.writeTextFile(
      `${folder}/abis/anybody.json`,
      JSON.stringify(parseAbi(["function anybodys(uint256 amount)"])),
    );
    const input = (name: string) =>
      encodeFunctionData({
        abi: parseAbi([`function ${name}(uint256)`]),
        args: [7n],
      });
    const { decoded } = await run([], transactions, [
      call(input("own")),
      call(input("anybodys")),
    ], { folder });
    assert.deepEqual(kinds(decoded), [
      ["full", "own(uint256)"],
      ["signature", "anybodys(uint256)"],
    ]);
    assert.deepEqual(decoded?.map(({ args }) => args), [
      { amount: "7" },
      { amount: "7" },
    ]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("decode finds the arguments of a constructor behind the code", async () => {
  const sender = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
  const address = getContractAddress({ from: sender, nonce: 3n });
  const code = "0x60806040" + "5b".repeat(77);
  const abi = parseAbi(["constructor(string name, uint256 supply)"]);
  const input = encodeDeployData({
    abi,
    bytecode: code as `0x${string}`,
    args: ["a token with a name longer than a word", 7n],
  });
  const columns: Schema = [
    ...transactions,
    { name: "from_address", type: "address", doc: "From" },
    { name: "nonce", type: "uint64", doc: "Nonce" },
  ];
  const row = { ...call(input, null), from_address: sender, nonce: 3 };
  const signatures = ["constructor(string name, uint256 supply)"];
  const { decoded, unknown } = await run([{ address, signatures }], columns, [
    row,
    { ...row, input: code },
    { ...row, nonce: 4 },
  ]);
  assert.deepEqual(kinds(decoded), [["full", "constructor(string,uint256)"]]);
  assert.deepEqual(decoded?.[0]?.["args"], {
    name: "a token with a name longer than a word",
    supply: "7",
  });
  assert.deepEqual(kinds(unknown), [
    ["partial", "constructor(string,uint256)"],
    ["unknown", null],
  ]);
});

Deno.test("decode checks its files before anything runs", async () => {
  const mistakes = (fields: object, folder: string) => {
    const reports = new Reports(transactions);
    const place = { ...reports.place, folder };
    const config = readFields(decode.fields, { ...fields }, place);
    if (config) decode.check?.({ config, input: transactions, place });
    return reports.lines.join();
  };
  const folder = await Deno.makeTempDir();
  try {
    assert.equal(mistakes({}, folder), "");
    await Deno.writeTextFile(`${folder}/mine.txt`, "set(uint256)\n\nset(uint)");
    assert.equal(mistakes({ signatures: ["mine.txt"] }, folder), "");
    await Deno.writeTextFile(`${folder}/mine.txt`, "set(uint999)");
    assert.match(mistakes({ signatures: ["mine.txt"] }, folder), /uint999/);
    assert.match(
      mistakes({ signatures: ["nowhere.txt"] }, folder),
      /Cannot find the file/,
    );
    await Deno.mkdir(`${folder}/abis`);
    await Deno.writeTextFile(`${folder}/abis/broken.json`, "{");
    assert.match(
      mistakes({}, folder),
      /Cannot read ABI file "abis\/broken.json"/,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("decode opens no more inner calls than their data has room for", async () => {
  // Both parts of each multicall are the same bytes: twice as many a level.
  let input = transfer.slice(2) + "00".repeat(20_000);
  for (let level = 0; level < 20; level++) {
    const size = input.length / 2;
    const padded = input.padEnd(64 * Math.ceil(size / 32), "0");
    input = "ac9650d8" + [32, 2, 64, 64, size]
      .map((n) => n.toString(16).padStart(64, "0")).join("") +
      padded;
  }
  const started = performance.now();
  const { decoded } = await run([{ signatures }], transactions, [
    call(`0x${input}`),
  ]);
  const size = (decoded ?? []).reduce(
    (sum, { input }) => sum + String(input).length,
    0,
  );
  assert((decoded?.length ?? 0) > 3);
  assert(size <= 5 * (input.length + 2), `${size} of ${input.length}`);
  // With all of them it would take minutes.
  assert(performance.now() - started < 5_000);
});

Deno.test("decode opens multicalls of contracts that nobody knows", async () => {
  const input = encodeFunctionData({
    abi,
    functionName: "multicall",
    args: [[transfer, "0xdeadbeef"]],
  });
  const { decoded, unknown } = await run([], transactions, [call(input)]);
  assert.deepEqual(
    decoded?.map((row) => [row["call_path"], row["signature"]]),
    [["", "multicall(bytes[])"], ["0", "transfer(address,uint256)"]],
  );
  assert.deepEqual(unknown, []);
});
