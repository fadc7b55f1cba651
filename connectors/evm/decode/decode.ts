/**
 * Decode calls and logs: with the ABIs of the spec, with those that are found,
 * or with signatures that fit.
 *
 * @module
 */
import { isAbsolute, join } from "node:path";
import {
  type Config,
  defineTransform,
  fields,
  optional,
  type Place,
  type Predicate,
  type TransformShape,
} from "../../../runtime/component.ts";
import { abiFields, readAbiFolder } from "../abi/field.ts";
import { abiLookup } from "../lookup/connection.ts";
import { AbiError } from "../abi/types.ts";
import { evm } from "../rpc/connection.ts";
import { kindOf, needed, shapeOf, useful } from "./schema.ts";
import { commonSignatures, SignatureDatabase } from "./signatures.ts";

/** The name of the signatures that come with Sluice. */
const COMMON = "common";

const decodeFields = {
  abis: optional(
    fields.list(
      fields.object(abiFields, "ABI of some contracts or of any"),
      "ABIs to decode with; an address's own go first. Files of the folder " +
        "abis beside the spec that are called ADDRESS.json go next",
    ),
    [],
  ),
  signatures: optional(
    fields.list(
      fields.string("common, or a file"),
      "Signatures for contracts without an ABI: common (they come with " +
        "Sluice), or files with one a line; those of the folder abis add to it",
    ),
    [COMMON],
  ),
  wait: optional(
    fields.duration(
      "How long a unit waits at most for look-ups; what comes later is for " +
        "the verb redecode",
    ),
    "2s",
  ),
};

/** A decode transform's config. */
export type DecodeConfig = Config<typeof decodeFields>;
type DecodeShape = TransformShape<typeof decodeFields>;

/** Decode call input and logs; what has no arguments goes to `unknown`. */
export const decode = defineTransform({
  type: "decode",
  summary: "Decode call input and logs with ABIs or signatures that fit; " +
    "what cannot be decoded goes to the output unknown with the reason",
  connections: { lookup: abiLookup, proxies: evm },
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
    reporting(place, () => readAbiFolder(place.folder));
    config.signatures.forEach((name, index) => {
      const at = place.at("signatures").at(index);
      reporting(at, () => readSignatures([name], place.folder));
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
    const there = new Set(input.map(({ name }) => name));
    for (const name of kind ? useful[kind] : []) {
      if (there.has(name)) columns.add(name);
    }
    for (const { from, name } of shapeOf(input)) {
      if (from !== undefined && wanted.has(name)) columns.add(from);
    }
    return columns;
  },
  needs({ config, connections, folder, input }, used) {
    // Rows that cannot be decoded all go to `unknown`.
    if (kindOf(input) !== "logs" || used.has("unknown")) return undefined;
    // Then any contract's events may be decoded.
    if (config.signatures.length > 0 || connections.size > 0) return undefined;
    return eventsOf(config, folder);
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
  calls(fields, { wait }) {
    const atMost = `at most ${wait / 1000} s each`;
    const assumes = `no unit waits for look-ups, ${atMost}`;
    return [
      ...fields.has("proxies")
        ? [{
          method: "eth_getLogs",
          perUnit: 1,
          because: "upgrades of proxies",
          assumes: "no contract is new to proxies: each takes one to three " +
            "reads",
        }]
        : [],
      ...fields.has("lookup")
        ? [
          {
            method: "abi",
            perUnit: 0,
            because: "once for each contract that is met without an ABI",
            assumes,
          },
          {
            method: "signatures",
            perUnit: 0,
            because: "once for each selector and topic that nothing explains",
            assumes,
          },
        ]
        : [],
    ];
  },
  explain: async (text, options) =>
    await (await import("./explain.ts")).explain(text, options),
  open: async (config, context) =>
    (await import("./open_decode.ts")).openDecode(config, context),
});

/** Report what cannot be read. */
function reporting(place: Place, read: () => unknown): void {
  try {
    read();
  } catch (error) {
    if (error instanceof AbiError) place.report(error.message);
    else if (error instanceof Deno.errors.NotFound) {
      place.report(
        "Cannot find the file",
        "files are relative to the folder of the spec",
      );
    } else throw error;
  }
}

/** The signatures of the databases that a spec names. */
export function readSignatures(
  names: readonly string[],
  folder: string,
): SignatureDatabase {
  const database = new SignatureDatabase();
  for (const name of names) {
    const path = isAbsolute(name) ? name : join(folder, name);
    database.addText(
      name === COMMON ? commonSignatures() : Deno.readTextFileSync(path),
    );
  }
  return database;
}

/** Logs of the contracts with a signature that an ABI of theirs knows. */
function eventsOf({ abis }: DecodeConfig, folder: string): Predicate {
  const known = [
    ...abis.map(({ address, file, signatures }) => ({
      addresses: address,
      abis: [...(file ? [file] : []), ...(signatures ?? [])],
    })),
    ...readAbiFolder(folder).map(({ abi, address }) => ({
      addresses: address === undefined ? undefined : [address.toLowerCase()],
      abis: [abi],
    })),
  ];
  return known.flatMap(({ abis, addresses }) => {
    const topics = abis.flatMap(({ events }) =>
      events.filter(({ anonymous }) => !anonymous).map(({ topic0 }) => topic0)
    );
    if (topics.length === 0) return [];
    return [
      new Map([
        ["topics.0", new Set(topics)],
        ...(addresses ? [["address", new Set(addresses)] as const] : []),
      ]),
    ];
  });
}
