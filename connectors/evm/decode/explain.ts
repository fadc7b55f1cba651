/**
 * Calldata in words: the tree of calls as a person would read it.
 *
 * @module
 */
import type {
  ExplainOptions,
  Row,
  Schema,
  Value,
} from "../../../runtime/component.ts";
import { UserError } from "../../../runtime/component.ts";
import { type Abi, parseAbi } from "../abi/abi.ts";
import { AbiLookup } from "../lookup/client.ts";
import { readAbiFolder } from "../abi/field.ts";
import { AbiIndex } from "../abi/abi_index.ts";
import { AbiStore, abiStoreFile } from "../lookup/store.ts";
import { AbiError } from "../abi/types.ts";
import type { EvmClient } from "../rpc/client.ts";
import { RowDecoder } from "./rows.ts";
import { outward } from "../rpc/errors.ts";
import { Finder } from "./finder.ts";
import { Proxies } from "./proxies.ts";
import { schemas } from "../chain/schema.ts";
import { commonSignatures, SignatureDatabase } from "./signatures.ts";

/** Longest text of a value: what is longer is cut. */
const WIDTH = 66;

/** A store that keeps nothing. */
const MEMORY = ":memory:";

/** A person waits longer than a block may. */
const WAIT_MS = 30_000;

const input: Schema = schemas.transactions.filter(({ name }) =>
  ["hash", "to_address", "from_address", "nonce", "input", "value"]
    .includes(name) || name === "transaction_index"
);

/**
 * Tell what calldata does, or the transaction with a hash.
 *
 * @throws {UserError} It is neither, or nobody can be asked.
 */
export async function explain(
  text: string,
  options: ExplainOptions,
): Promise<string> {
  if (!/^0x(?:[0-9a-fA-F]{2})*$/.test(text)) {
    throw new UserError(
      `Cannot decode "${text}": not hex; give a transaction's hash or calldata`,
    );
  }
  const client = options.connection as EvmClient | undefined;
  const isHash = text.length === 66;
  if (isHash && !client) {
    throw new UserError(
      "Cannot look up a transaction without a chain; name a spec with --spec",
    );
  }
  const { row, unit } = isHash && client
    ? await transaction(client, text.toLowerCase())
    : { row: calldata(text, options.to), unit: undefined };
  const signatures = new SignatureDatabase();
  signatures.addText(commonSignatures());
  const index = new AbiIndex();
  for (const one of options.abis) index.add(readAbi(one));
  for (const { abi, address } of readAbiFolder(options.folder)) {
    if (address === undefined) signatures.addAbi(abi);
    else index.add(abi, address);
  }
  const decoder = new RowDecoder({ input, index, signatures });
  const rows: Row[] = [];
  const emit = Object.assign((_: string, one: Row) => void rows.push(one), {
    reject() {},
  });
  if (!client || !unit) decoder.decode([row], emit);
  else {
    const { context } = options;
    using kept = new AbiStore(await isThere(abiStoreFile) ? undefined : MEMORY);
    using memory = new AbiStore(MEMORY);
    const lookup = new AbiLookup({
      keys: [],
      store: kept,
      chainId: client.chainId ?? 0,
      noneFor: Infinity,
      timeout: 0,
      context,
    });
    const finder = new Finder({
      stage: "decode",
      index,
      signatures,
      store: memory,
      lookup,
      proxies: new Proxies(client, context.log),
      wait: WAIT_MS,
      clock: context.clock,
      log: context.log,
      signal: context.signal,
    });
    await finder.decode([row], emit, unit, decoder);
  }
  return rows.map(describe).join("\n");
}

/** Looking at a transaction creates nothing. */
async function isThere(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function calldata(text: string, to: string | undefined): Row {
  return {
    hash: null,
    to_address: to?.toLowerCase() ?? `0x${"0".repeat(40)}`,
    from_address: null,
    nonce: null,
    input: text.toLowerCase(),
    value: null,
    transaction_index: 0,
  };
}

async function transaction(client: EvmClient, hash: string) {
  const raw = await client.call<Readonly<Record<string, string>> | null>(
    "eth_getTransactionByHash",
    [hash],
    { priority: "lookup", nullable: true },
  ).catch((error) => {
    throw outward(error);
  });
  if (!raw) throw new UserError(`No transaction has the hash ${hash}`);
  const row: Row = {
    hash,
    to_address: raw["to"]?.toLowerCase() ?? null,
    from_address: raw["from"]?.toLowerCase() ?? null,
    nonce: Number(raw["nonce"]),
    input: (raw["input"] ?? "0x").toLowerCase(),
    value: BigInt(raw["value"] ?? 0),
    transaction_index: Number(raw["transactionIndex"] ?? 0),
  };
  const { blockHash, blockNumber } = raw;
  const unit = blockHash && blockNumber
    ? {
      id: blockHash,
      number: Number(blockNumber),
      time: 0,
      op: "insert" as const,
      version: 0,
    }
    : undefined;
  return { row, unit };
}

/** A file with an ABI, or a signature. */
function readAbi(text: string): Abi {
  try {
    return parseAbi(
      text.includes("(") ? [text] : Deno.readTextFileSync(text),
    );
  } catch (error) {
    if (error instanceof AbiError) throw new UserError(error.message);
    if (error instanceof Deno.errors.NotFound) {
      throw new UserError(`Cannot find ABI file "${text}"`);
    }
    throw error;
  }
}

/** A call with its arguments, indented by its place. */
function describe(row: Row): string {
  const path = String(row["call_path"]);
  const depth = path === "" ? 0 : path.split(".").length;
  const name = row["signature"] ?? row["selector"] ?? "call";
  const to = row["to_address"] ?? "a new contract";
  const via = row["implementation"] ? ` by ${row["implementation"]}` : "";
  const value = BigInt(String(row["value"] ?? 0));
  const paid = value > 0n ? `, ${value} wei` : "";
  const kind = row["decode_kind"] === "full" ? "" : `, ${row["decode_kind"]}`;
  const head = `${path === "" ? "" : `${path}: `}${name}`;
  const reason = row["decode_error"] === null ? [] : [
    `${row["decode_error"]}`,
  ];
  const candidates = row["candidates"] as readonly string[];
  const others = candidates.slice(1).map((one) => `or ${one}`);
  const args = Object.entries((row["args"] ?? {}) as Record<string, Value>)
    .flatMap(([name, value]) => lines(name, value));
  const at = /^0x0{40}$/.test(String(to)) ? "" : ` at ${to}`;
  return [
    `${head}${at}${via}${paid}${kind}`,
    ...[...reason, ...others, ...args].map((line) => `  ${line}`),
  ].map((line) => "  ".repeat(depth) + line).join("\n");
}

/** A value as one line, or as several where it has parts. */
function lines(name: string, value: Value): string[] {
  if (typeof value === "object" && value !== null) {
    const parts = Object.entries(value);
    if (parts.length === 0) return [`${name}: none`];
    return [
      `${name}:`,
      ...parts.flatMap(([key, part]) =>
        lines(key, part as Value).map((line) => `  ${line}`)
      ),
    ];
  }
  const text = String(value);
  if (text.length <= WIDTH) return [`${name}: ${text}`];
  const size = text.startsWith("0x")
    ? `${(text.length - 2) / 2} bytes`
    : `${text.length} characters`;
  return [`${name}: ${text.slice(0, WIDTH)}… (${size})`];
}
