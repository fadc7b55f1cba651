/**
 * Decode calls and logs with known ABIs.
 *
 * @module
 */
import { isAbsolute, join } from "node:path";
import {
  type Column,
  type Config,
  defineTransform,
  type Emit,
  type Field,
  fields,
  optional,
  type Row,
  type Schema,
  type TransformShape,
  type Value,
} from "../../runtime/component.ts";
import { type Abi, parseAbi } from "./abi.ts";
import type { AbiArguments } from "./abi_decoder.ts";
import { AbiIndex } from "./abi_index.ts";
import { DecodeError } from "./abi_input.ts";
import { AbiError } from "./abi_types.ts";

const abiFields = {
  address: optional(
    fields.list(fields.address("Contract"), "Contracts; absent: any address"),
  ),
  file: optional(abiField(
    "JSON file with the ABI, relative to the spec",
    (path, folder) =>
      Deno.readTextFileSync(isAbsolute(path) ? path : join(folder, path)),
  )),
  signatures: optional(fields.list(
    abiField("Signature", (text) => [text]),
    "Human-readable: function transfer(address to, uint256 amount)",
  )),
};

const decodeFields = {
  abis: fields.list(
    fields.object(abiFields, "ABI of some contracts or of any"),
    "ABIs to decode with; an address's own go first",
  ),
};

type DecodeShape = TransformShape<typeof decodeFields>;

/** A field whose text leads to an ABI. */
function abiField(
  doc: string,
  source: (text: string, folder: string) => unknown,
): Field<Abi> {
  const schema = { type: "string" };
  return {
    doc,
    required: true,
    schema,
    read(value, place) {
      if (typeof value !== "string") {
        return place.report("Expected text for an ABI");
      }
      try {
        return parseAbi(source(value, place.folder));
      } catch (error) {
        if (error instanceof AbiError) return place.report(error.message);
        if (error instanceof Deno.errors.NotFound) {
          return place.report(
            `Cannot find ABI file "${value}"`,
            "files are relative to the folder of the spec",
          );
        }
        const reason = error instanceof Error ? error.message : String(error);
        return place.report(`Cannot read ABI file "${value}": ${reason}`);
      }
    },
  };
}

/** Columns that decoding adds to calls. */
const callColumns: Schema = [
  {
    name: "call_path",
    type: "string",
    doc: 'Place in a multicall: "" for the call itself, "0" for its first part',
  },
  {
    name: "selector",
    type: "bytes",
    nullable: true,
    doc: "First four bytes of the calldata",
  },
  named("function", "Name of the function"),
];

/** Columns that decoding adds to logs. */
const logColumns: Schema = [named("event", "Name of the event")];

const commonColumns: Schema = [
  named("signature", "Canonical signature, such as transfer(address,uint256)"),
  {
    name: "args",
    type: "json",
    nullable: true,
    doc: "Arguments by name; integers as decimal strings",
  },
  {
    name: "decode_kind",
    type: "string",
    doc: "full: decoded with an ABI; unknown: not decoded",
  },
  named("decode_error", "Why it was not decoded"),
];

function named(name: string, doc: string): Column {
  return { name, type: "string", nullable: true, doc };
}

/** What the input holds, told by its columns. */
type Kind = "calls" | "logs";

const needed: Readonly<Record<Kind, readonly string[]>> = {
  calls: ["to_address", "input"],
  logs: ["address", "topics", "data"],
};

function kindOf(input: Schema): Kind | undefined {
  const names = new Set(input.map(({ name }) => name));
  const kinds: Kind[] = ["calls", "logs"];
  return kinds.find((kind) => needed[kind].every((name) => names.has(name)));
}

/** Output columns with the input column that each is taken from. */
function shapeOf(input: Schema): (Column & { readonly from?: string })[] {
  const kind = kindOf(input);
  const added = [
    ...(kind === "logs" ? logColumns : callColumns),
    ...commonColumns,
  ];
  const replaced = new Set(added.map(({ name }) => name));
  const kept = input.filter(({ name }) => !replaced.has(name)).map((column) =>
    kind === "calls" && column.name === "hash"
      ? { ...column, name: "transaction_hash", from: "hash" }
      : { ...column, from: column.name }
  );
  return [...kept, ...added];
}

/** Decode call input and logs; what cannot be decoded goes to `unknown`. */
export const decode = defineTransform({
  type: "decode",
  summary: "Decode call input and logs with known ABIs; what cannot be " +
    "decoded goes to the output unknown with the reason",
  fields: decodeFields,
  check({ config, input, place }) {
    if (!kindOf(input)) {
      place.at("from").report(
        "Nothing to decode in the input",
        `decode needs ${needed.calls.join(", ")} (transactions) or ` +
          `${needed.logs.join(", ")} (logs)`,
      );
    }
    config.abis.forEach(({ file, signatures }, index) => {
      if ((file === undefined) !== (signatures === undefined)) return;
      place.at("abis").at(index).report(
        file ? "Both file and signatures" : "No ABI",
        "give either file: or signatures:",
      );
    });
  },
  outputs({ input }) {
    const schema = shapeOf(input).map(({ from: _, ...column }) => column);
    return { decoded: schema, unknown: schema };
  },
  uses({ input }: DecodeShape, used) {
    const kind = kindOf(input);
    const wanted = new Set([...used.values()].flatMap((names) => [...names]));
    const columns = new Set(kind ? needed[kind] : []);
    for (const { from, name } of shapeOf(input)) {
      if (from !== undefined && wanted.has(name)) columns.add(from);
    }
    return columns;
  },
  example: `
name: token-transfers
connections:
  eth: { type: evm, url: "recording:pipelines/recordings/local" }
sources:
  chain: { type: evm.chain, connection: eth, emit: [logs] }
transforms:
  events:
    type: decode
    from: chain.logs
    abis:
      - signatures:
          - event Transfer(address indexed from, address indexed to, uint256 value)
sinks:
  transfers: { type: file, from: events.decoded, path: data/transfers.jsonl }
  others: { type: blackhole, from: events.unknown }
`,
  open(config, { input }) {
    const index = indexOf(config);
    const build = rowBuilder(input);
    const apply = kindOf(input) === "logs"
      ? (row: Row, emit: Emit) => decodeLog(row, { index, build, emit })
      : (row: Row, emit: Emit) => decodeCall(row, { index, build, emit });
    return {
      apply(rows, emit) {
        for (const row of rows) apply(row, emit);
      },
    };
  },
});

function indexOf({ abis }: Config<typeof decodeFields>): AbiIndex {
  const index = new AbiIndex();
  for (const { address, file, signatures } of abis) {
    for (const abi of [...(file ? [file] : []), ...(signatures ?? [])]) {
      if (!address) index.add(abi);
      for (const one of address ?? []) index.add(abi, one);
    }
  }
  return index;
}

type Added = Readonly<Record<string, Value>>;
type Build = (row: Row, added: Added) => Row;

/** Compiled: a block has hundreds of rows of some forty columns. */
function rowBuilder(input: Schema): Build {
  const members = shapeOf(input).map(({ from, name }) => {
    const value = from === undefined
      ? `added[${JSON.stringify(name)}]`
      : `row[${JSON.stringify(from)}]`;
    return `[${JSON.stringify(name)}]:${value}`;
  });
  return new Function("row", "added", `return {${members.join(",")}}`) as Build;
}

interface Decoding {
  readonly index: AbiIndex;
  readonly build: Build;
  readonly emit: Emit;
}

function decodeLog(row: Row, { build, emit, index }: Decoding): void {
  const topics = row["topics"] as readonly string[];
  const data = String(row["data"]);
  const [topic0] = topics;
  let failure = topic0 === undefined ? "No topic" : "No ABI for the event";
  const candidates = topic0 === undefined
    ? []
    : index.event(String(row["address"]), topic0, topics.length);
  for (const { abi, decode } of candidates) {
    const args = attempt(() => decode(topics, data));
    if (typeof args === "object") {
      const { name: event, signature } = abi;
      emit("decoded", build(row, { event, ...full(signature, args) }));
      return;
    }
    failure = args;
  }
  emit("unknown", build(row, { event: null, ...unknown(failure) }));
}

function decodeCall(row: Row, decoding: Decoding): void {
  const to = row["to_address"];
  const input = String(row["input"]);
  if (typeof to !== "string") {
    return missed(row, "Contract creation", { ...decoding, path: "" });
  }
  const parts = decodeCalldata(row, to, { ...decoding, input, path: "" });
  parts?.forEach((part, position) => {
    // A list of bytes need not be calls: what is not one of the contract's
    // functions is left to the arguments.
    const isCall = decoding.index.function(to, part.slice(0, 10)).length > 0;
    if (!isCall) return;
    const path = String(position);
    decodeCalldata({ ...row, input: part }, to, {
      ...decoding,
      input: part,
      path,
    });
  });
}

/** Emit one call; returns the parts of a multicall. */
function decodeCalldata(
  row: Row,
  to: string,
  decoding: Decoding & { readonly input: string; readonly path: string },
): readonly string[] | undefined {
  const { build, emit, index, input, path } = decoding;
  if (input.length < 10) {
    missed(row, input === "0x" ? "No calldata" : "No selector", decoding);
    return undefined;
  }
  const selector = input.slice(0, 10);
  let failure = "No ABI for the function";
  for (const { abi, decode } of index.function(to, selector)) {
    const args = attempt(() => decode(input));
    if (typeof args === "string") {
      failure = args;
      continue;
    }
    const { inputs, name, signature } = abi;
    const call = { call_path: path, selector, function: name };
    emit("decoded", build(row, { ...call, ...full(signature, args) }));
    const at = inputs.findIndex(({ canonical }) => canonical === "bytes[]");
    const list = args[inputs[at]?.name || at] ?? args[at];
    return Array.isArray(list) ? list.map(String) : undefined;
  }
  missed(row, failure, { ...decoding, selector });
  return undefined;
}

function missed(
  row: Row,
  reason: string,
  { build, emit, path, selector = null }: Decoding & {
    readonly path: string;
    readonly selector?: string | null;
  },
): void {
  const call = { call_path: path, selector, function: null };
  emit("unknown", build(row, { ...call, ...unknown(reason) }));
}

/** Arguments, or why there are none. */
function attempt(decode: () => AbiArguments): AbiArguments | string {
  try {
    return decode();
  } catch (error) {
    if (error instanceof DecodeError) return error.message;
    throw error;
  }
}

function full(signature: string, args: AbiArguments): Added {
  return { signature, args, decode_kind: "full", decode_error: null };
}

function unknown(reason: string): Added {
  const none = { signature: null, args: null };
  return { ...none, decode_kind: "unknown", decode_error: reason };
}
