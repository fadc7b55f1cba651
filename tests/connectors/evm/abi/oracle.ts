/**
 * viem as the oracle of the ABI decoder: what it makes of calldata and logs, in
 * the form of a `json` column.
 *
 * @module
 */
import assert from "node:assert/strict";
import {
  decodeEventLog,
  decodeFunctionData,
  encodeAbiParameters,
} from "viem/utils";
import type { Hex } from "viem";
import type { AbiArguments } from "../../../../connectors/evm/abi/decoder.ts";
import type { AbiValue } from "../../../../connectors/evm/abi/codec.ts";
import { DecodeError } from "../../../../connectors/evm/abi/input.ts";
import type { AbiCase, AbiItem, JsonParameter } from "./cases.ts";

// Without names viem keeps the values apart which share one.
function unnamed(parameters: readonly JsonParameter[]): { type: string }[] {
  return parameters.map(({ type, indexed, components }) => ({
    type,
    indexed,
    ...(components ? { components: unnamed(components) } : {}),
  }));
}

/** viem's encoding of a case as calldata, without a selector. */
export function encode(
  { parameters, values }: AbiCase,
  only: (parameter: JsonParameter) => boolean = () => true,
): Hex {
  const chosen = parameters.map((parameter) => only(parameter));
  return encodeAbiParameters(
    unnamed(parameters.filter((_, i) => chosen[i])),
    values.filter((_, i) => chosen[i]),
  );
}

/** Topics of a case's event, `topic0` included, by viem. */
export function encodeTopics(abi: AbiCase, topic0: string): string[] {
  const topics = abi.parameters.flatMap((parameter, i) => {
    if (!parameter.indexed) return [];
    if (isReference(parameter.type)) return [`0x${"5a".repeat(32)}`];
    const value = { parameters: [parameter], values: [abi.values[i]] };
    return [encode(value)];
  });
  return [topic0, ...topics];
}

function isReference(type: string): boolean {
  return /^(?:string|bytes|tuple)$|\]$/.test(type);
}

/** What viem decodes calldata into; undefined when it refuses. */
export function viemCall(
  { name = "f", parameters }: AbiItem,
  input: string,
): AbiArguments | undefined {
  const inputs = unnamed(parameters);
  const abi = [{ type: "function", name, inputs }];
  try {
    const { args = [] } = decodeFunctionData({ abi, data: input as Hex });
    return argumentsOf(parameters, args);
  } catch {
    return undefined;
  }
}

/** What viem decodes a log into; undefined when it refuses. */
export function viemLog(
  { name = "f", parameters }: AbiItem,
  log: { topics: readonly string[]; data: string },
): AbiArguments | undefined {
  const abi = [{ type: "event", name, inputs: unnamed(parameters) }];
  const topics = log.topics as [Hex, ...Hex[]];
  try {
    const { args = [] } = decodeEventLog({
      abi,
      topics,
      data: log.data as Hex,
    });
    const values: readonly unknown[] = args;
    return argumentsOf(
      parameters.map((each) => ({
        ...each,
        ...(each.indexed && isReference(each.type) ? { type: "bytes32" } : {}),
      })),
      values,
    );
  } catch {
    return undefined;
  }
}

/** Name arguments and bring their values to the form of a `json` column. */
export function argumentsOf(
  parameters: readonly JsonParameter[],
  values: readonly unknown[],
): AbiArguments {
  assert.equal(values.length, parameters.length);
  const all = parameters.map(({ name }) => name);
  return Object.fromEntries(parameters.map((parameter, i) => {
    const { name } = parameter;
    const kept = all.filter((each) => each === name).length === 1 &&
      /\D/.test(name);
    return [kept ? name : `${i}`, canonical(parameter, values[i])];
  }));
}

function canonical(parameter: JsonParameter, value: unknown): AbiValue {
  if (Array.isArray(value)) {
    const item = parameter.type.replace(/\[\d*\]$/, "");
    if (item !== parameter.type) {
      return value.map((each) => canonical({ ...parameter, type: item }, each));
    }
    const { components = [] } = parameter;
    const values: AbiValue[] = components.map((each, i) =>
      canonical(each, value[i])
    );
    const unique = new Set(components.map(({ name }) => name));
    if (unique.has("") || unique.size < components.length) return values;
    if (components.length === 0) return values;
    return Object.fromEntries(
      components.map(({ name }, i) => [name, values[i]!]),
    );
  }
  if (typeof value === "bigint" || typeof value === "number") return `${value}`;
  if (typeof value === "boolean") return value;
  assert.equal(typeof value, "string");
  return parameter.type === "address" ? `${value}`.toLowerCase() : `${value}`;
}

/** Run one of our decoders; anything it throws but DecodeError is a bug. */
export function attempt(
  decode: () => AbiArguments,
): AbiArguments | DecodeError {
  try {
    return decode();
  } catch (error) {
    if (error instanceof DecodeError) return error;
    throw error;
  }
}
