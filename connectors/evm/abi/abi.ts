/**
 * Read contract ABIs, as JSON or as human-readable signatures, into functions
 * and events with their selectors.
 *
 * Start-up only: this file may be slow, `abi_decoder.ts` may not.
 *
 * @module
 */
import { parseAbi as parseHumanReadable } from "abitype";
import { keccak256 } from "../keccak.ts";
import {
  AbiError,
  type AbiParameter,
  type AbiPlace,
  isObject,
  parseParameters,
  unreadable,
} from "./types.ts";

/** A function of a contract. */
export interface AbiFunction {
  readonly name: string;
  /** Canonical, such as `transfer(address,uint256)`. */
  readonly signature: string;
  /** The first four bytes of calldata: `0x` and eight digits. */
  readonly selector: string;
  readonly inputs: readonly AbiParameter[];
  readonly outputs: readonly AbiParameter[];
}

/** A parameter of an event; indexed ones travel as topics. */
export interface AbiEventParameter extends AbiParameter {
  readonly indexed: boolean;
}

/** An event of a contract. */
export interface AbiEvent {
  readonly name: string;
  /** Canonical, such as `Transfer(address,address,uint256)`. */
  readonly signature: string;
  /** The hash of the signature: `0x` and 64 digits. */
  readonly topic0: string;
  readonly inputs: readonly AbiEventParameter[];
  readonly indexedCount: number;
  /** Logs of an anonymous event do not carry `topic0`. */
  readonly anonymous: boolean;
}

/** What a contract can be called with, and what it logs. */
export interface Abi {
  readonly functions: readonly AbiFunction[];
  readonly events: readonly AbiEvent[];
  /** Parameters of the constructor; undefined when the ABI names none. */
  readonly deploy?: readonly AbiParameter[];
}

/** Entries that say nothing about calldata, or about logs. */
const IGNORED = new Set(["error", "fallback", "receive"]);

/**
 * Read an ABI: a list of JSON entries and signatures, an artefact with an
 * `abi` field, or a file's text with either of them or one signature a line.
 *
 * @throws {AbiError} When it cannot be read; nothing is ever left out.
 */
export function parseAbi(source: unknown): Abi {
  const functions: AbiFunction[] = [];
  const events: AbiEvent[] = [];
  let deploy: readonly AbiParameter[] | undefined;
  for (const [position, entry] of readEntries(source).entries()) {
    const place = { label: `ABI entry ${position}`, depth: 0 };
    if (!isObject(entry)) throw unreadable(place, "expected an object");
    // The ABI specification: "type can be omitted, defaulting to function".
    const { type = "function" } = entry;
    if (type === "function") functions.push(parseFunction(entry, place));
    else if (type === "event") events.push(parseEvent(entry, place));
    else if (type === "constructor") {
      const label = "constructor, inputs";
      deploy = parseParameters(entry.inputs, { label, depth: 0 });
    } else if (typeof type !== "string" || !IGNORED.has(type)) {
      throw unreadable(
        place,
        `unknown kind ${JSON.stringify(type)}; ` +
          `use function, event, constructor, ${[...IGNORED].join(", ")}`,
      );
    }
  }
  return { functions, events, ...deploy ? { deploy } : {} };
}

function readEntries(source: unknown): readonly unknown[] {
  const value = typeof source === "string" ? readText(source) : source;
  const list = isObject(value) && "abi" in value ? value.abi : value;
  if (!Array.isArray(list)) {
    throw new AbiError(
      'Cannot read ABI: expected a list of entries, an object with "abi", ' +
        'or signatures such as "transfer(address,uint256)"',
    );
  }
  const texts = list.filter((entry) => typeof entry === "string");
  const structs = texts.filter((text) => /^\s*struct\b/.test(text));
  return list
    .filter((entry) => !structs.includes(entry))
    .map((entry) =>
      typeof entry === "string" ? readSignature(entry, structs) : entry
    );
}

function readText(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) {
    return text.split("\n").filter((line) => line.trim() !== "");
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new AbiError(`Cannot read ABI: not JSON: ${messageOf(error)}`);
  }
}

function readSignature(text: string, structs: readonly string[]): unknown {
  const [signature, anonymous] = normalise(text);
  const lines: readonly string[] = [signature, ...structs];
  try {
    const [entry] = parseHumanReadable(lines);
    return anonymous ? { ...entry, anonymous } : entry;
  } catch (error) {
    throw new AbiError(
      `Cannot read ABI signature "${text}": ${messageOf(error)}; ` +
        'write it like "transfer(address to, uint256 amount)"',
    );
  }
}

/** Bring a signature to the one spelling of it that the grammar knows. */
function normalise(text: string): [signature: string, anonymous: boolean] {
  const spaced = text
    .trim()
    .replace(/\s*;$/, "")
    .replace(/\s+/g, " ")
    .replace(/ ?\( ?/g, "(")
    .replace(/ ?\)/g, ")")
    .replace(/ ?, ?/g, ",")
    // ethers writes `tuple(…)`, Solidity and viem `(…)`.
    .replace(/(?<=[(,])tuple\(/g, "(");
  const signature = spaced.replace(/ anonymous$/, "");
  const keyword =
    /^(?:function|event|error|constructor|fallback|receive)(?: |\()/;
  return [
    keyword.test(signature) ? signature : `function ${signature}`,
    signature !== spaced,
  ];
}

/** What went wrong, without the pages of links and versions behind it. */
function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const lines = message.split("\n")
    .filter((line) => !/^(?:\s*|(?:Details|Docs|Version): .*)$/.test(line));
  return lines.slice(0, 2).join(" ").replace(/\.$/, "");
}

type Entry = Record<string, unknown>;

function parseFunction(entry: Entry, place: AbiPlace): AbiFunction {
  const name = nameOf(entry, place);
  const at = (list: string) => ({
    label: `function "${name}", ${list}`,
    depth: 0,
  });
  const inputs = parseParameters(entry.inputs, at("inputs"));
  const outputs = parseParameters(entry.outputs, at("outputs"));
  const signature = signatureOf(name, inputs);
  const selector = hash(signature).slice(0, 10);
  return { name, signature, selector, inputs, outputs };
}

function parseEvent(entry: Entry, place: AbiPlace): AbiEvent {
  const name = nameOf(entry, place);
  const label = `event "${name}", inputs`;
  const sources: unknown[] = Array.isArray(entry.inputs) ? entry.inputs : [];
  const inputs = parseParameters(entry.inputs, { label, depth: 0 })
    .map((input, position) => {
      const source = sources[position];
      return { ...input, indexed: isObject(source) && source.indexed === true };
    });
  const signature = signatureOf(name, inputs);
  return {
    name,
    signature,
    topic0: hash(signature),
    inputs,
    indexedCount: inputs.filter((input) => input.indexed).length,
    anonymous: entry.anonymous === true,
  };
}

function nameOf({ name }: Entry, place: AbiPlace): string {
  if (typeof name === "string" && name !== "") return name;
  throw unreadable(place, 'expected a "name"');
}

function signatureOf(name: string, inputs: readonly AbiParameter[]): string {
  return `${name}(${inputs.map((input) => input.canonical).join(",")})`;
}

const utf8 = new TextEncoder();

function hash(signature: string): string {
  return keccak256(utf8.encode(signature));
}
