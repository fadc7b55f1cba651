import assert from "node:assert/strict";
import { parseAbi } from "../../../../connectors/evm/abi/abi.ts";
import { AbiError } from "../../../../connectors/evm/abi/types.ts";

// Public values: ERC-20, ERC-721 and Uniswap's router.
const TRANSFER = "0xa9059cbb";
const TRANSFER_EVENT =
  "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";
const SWAP = "0x38ed1739";
const EXACT_INPUT_SINGLE = "0x04e45aaf";

Deno.test("parseAbi() reads JSON, a file's text and an artefact alike", () => {
  const entries = [
    {
      type: "function",
      name: "transfer",
      inputs: [{ name: "to", type: "address" }, {
        name: "amount",
        type: "uint256",
      }],
      outputs: [{ name: "", type: "bool" }],
    },
    { type: "constructor", inputs: [] },
    { type: "receive", stateMutability: "payable" },
    { type: "fallback" },
    { type: "error", name: "Late", inputs: [] },
  ];
  const abi = parseAbi(entries);
  assert.deepEqual(abi.events, []);
  assert.deepEqual(abi.functions, [{
    name: "transfer",
    signature: "transfer(address,uint256)",
    selector: TRANSFER,
    inputs: [
      { name: "to", canonical: "address", type: { kind: "address" } },
      {
        name: "amount",
        canonical: "uint256",
        type: { kind: "uint", bits: 256 },
      },
    ],
    outputs: [{ name: "", canonical: "bool", type: { kind: "bool" } }],
  }]);
  assert.deepEqual(parseAbi(JSON.stringify(entries)), abi);
  assert.deepEqual(parseAbi({ contractName: "T", abi: entries }), abi);
  assert.deepEqual(parseAbi(`\n ${JSON.stringify({ abi: entries })}`), abi);
});

Deno.test("parseAbi() reads signatures with and without keyword", () => {
  for (
    const text of [
      "transfer(address,uint256)",
      "transfer(address to, uint amount)",
      "function transfer(address to, uint256 amount) external returns (bool)",
      "  function  transfer ( address to ,uint256 amount ) ;",
    ]
  ) {
    const { functions: [transfer] } = parseAbi(text);
    assert.equal(transfer?.selector, TRANSFER, text);
  }
  const { functions: [answer] } = parseAbi("latestAnswer() returns (int256)");
  assert.equal(answer?.outputs[0]?.canonical, "int256");
  const { functions: [swap] } = parseAbi([
    "function swapExactTokensForTokens(uint amountIn, uint amountOutMin, " +
    "address[] calldata path, address to, uint deadline)",
  ]);
  assert.equal(swap?.selector, SWAP);
});

Deno.test("parseAbi() reads tuples and structs in every spelling", () => {
  const fields = "address tokenIn, address tokenOut, uint24 fee, " +
    "address recipient, uint256 amountIn, uint256 amountOutMinimum, " +
    "uint160 sqrtPriceLimitX96";
  for (
    const source of [
      `exactInputSingle((${fields}) params)`,
      `exactInputSingle(tuple(${fields}) params)`,
      [
        "function exactInputSingle(Params params) payable",
        `struct Params { ${fields.replaceAll(",", ";")}; }`,
      ],
    ]
  ) {
    const { functions } = parseAbi(source);
    assert.equal(functions.length, 1);
    assert.equal(functions[0]?.selector, EXACT_INPUT_SINGLE);
    assert.equal(functions[0]?.inputs[0]?.name, "params");
  }
});

Deno.test("parseAbi() reads events, indexed and anonymous", () => {
  const { events: [transfer, note] } = parseAbi(
    "event Transfer(address indexed from, address indexed to, uint256 value)\n" +
      "event Note(bytes32 indexed key, string text) anonymous",
  );
  assert.equal(transfer?.topic0, TRANSFER_EVENT);
  assert.equal(transfer?.signature, "Transfer(address,address,uint256)");
  assert.equal(transfer?.indexedCount, 2);
  assert.equal(transfer?.anonymous, false);
  assert.deepEqual(transfer?.inputs.map((input) => input.indexed), [
    true,
    true,
    false,
  ]);
  assert.equal(note?.anonymous, true);
  assert.equal(note?.indexedCount, 1);
});

Deno.test("parseAbi() takes a function where an entry has no type", () => {
  const { functions } = parseAbi([{ name: "f" }]);
  assert.equal(functions[0]?.signature, "f()");
  assert.equal(functions[0]?.selector, "0x26121ff0");
});

Deno.test("parseAbi() refuses what it cannot read, and says why", () => {
  const list = 'expected a list of entries, an object with "abi", ' +
    'or signatures such as "transfer(address,uint256)"';
  const types = "use address, bool, string, bytes, bytes1 to bytes32, " +
    "uint8 to uint256, int8 to int256, tuple, or arrays of them";
  const input = (type: unknown, more: object = {}) => [
    { type: "function", name: "f", inputs: [{ name: "a", type, ...more }] },
  ];
  const where = 'Cannot read function "f", inputs, parameter 0: ';
  const messages: [source: unknown, message: string][] = [
    [null, `Cannot read ABI: ${list}`],
    [7, `Cannot read ABI: ${list}`],
    [{}, `Cannot read ABI: ${list}`],
    [
      [{ type: "fuction", name: "f" }],
      'Cannot read ABI entry 0: unknown kind "fuction"; ' +
      "use function, event, constructor, error, fallback, receive",
    ],
    [["f()", 7], "Cannot read ABI entry 1: expected an object"],
    [[{ type: "event" }], 'Cannot read ABI entry 0: expected a "name"'],
    [
      [{ name: "f", inputs: {} }],
      'Cannot read function "f", inputs: expected a list of parameters',
    ],
    [
      [{ type: "event", name: "f", inputs: {} }],
      'Cannot read event "f", inputs: expected a list of parameters',
    ],
    [
      [{ name: "f", outputs: [7] }],
      'Cannot read function "f", outputs, parameter 0: ' +
      'expected an object with a "type"',
    ],
    [input("uint257"), `${where}unknown type "uint257"; ${types}`],
    [input("uint08"), `${where}unknown type "uint08"; ${types}`],
    [input("int7"), `${where}unknown type "int7"; ${types}`],
    [input("bytes33"), `${where}unknown type "bytes33"; ${types}`],
    [input("bytes0"), `${where}unknown type "bytes0"; ${types}`],
    [input("uint8]["), `${where}unknown type "uint8]["; ${types}`],
    [input("uint8[-1]"), `${where}unknown type "uint8[-1]"; ${types}`],
    [input(7), `${where}expected an object with a "type"`],
    [input("bool", { name: 7 }), `${where}"name" must be text, not number`],
    [input("tuple"), `${where}a "tuple" needs "components"`],
    [
      input("tuple[]", { components: [{ name: "x", type: "enum E" }] }),
      `${where.slice(0, -2)}, parameter 0: unknown type "enum E"; ${types}`,
    ],
    [
      input(`bool[${"9".repeat(400)}]`),
      `${where}array length "${"9".repeat(400)}" is too large`,
    ],
    [
      input("bool" + "[]".repeat(64)),
      `${where}types nest deeper than 64 levels`,
    ],
    [
      "transfer(addres to)",
      'Cannot read ABI signature "transfer(addres to)": Unknown type. ' +
      'Type "addres" is not a valid ABI type; ' +
      'write it like "transfer(address to, uint256 amount)"',
    ],
    [
      ["f(uint256 indexed a)"],
      'Cannot read ABI signature "f(uint256 indexed a)": ' +
      'Invalid ABI parameter. Modifier "indexed" not allowed in "function" ' +
      'type; write it like "transfer(address to, uint256 amount)"',
    ],
  ];
  for (const [source, message] of messages) {
    assert.throws(() => parseAbi(source), (error: unknown) => {
      assert(error instanceof AbiError);
      assert.equal(error.message, message);
      return true;
    });
  }
});

Deno.test("parseAbi() survives bottomless input", () => {
  const bottomless = '[{"components":'.repeat(20_000);
  let tuple: unknown = { name: "a", type: "bool" };
  for (let i = 0; i < 20_000; i++) {
    tuple = { name: "a", type: "tuple", components: [tuple] };
  }
  for (
    const source of [
      bottomless,
      [{ name: "f", inputs: [tuple] }],
      `f(${"(".repeat(20_000)}`,
      `f(${"uint256 a,".repeat(20_000)}uint256 b)`,
    ]
  ) {
    assert.throws(() => parseAbi(source), AbiError);
  }
});
