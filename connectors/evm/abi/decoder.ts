/**
 * Compile the types of an ABI into decoders of calldata and logs.
 *
 * What decodes and what does not is viem's verdict (`decodeFunctionData`,
 * `decodeEventLog` in strict mode), so that a row is never decoded here and
 * refused elsewhere. In particular:
 *
 * - trailing bytes, the upper bytes of an address, the padding of `bytesN` and
 *   of tails, and topics that the event does not name, are ignored;
 * - a `bool` other than 0 and 1 is refused, and so is an integer of up to 48
 *   bits beyond ±(2^53-1); any other integer is the whole word, even where that
 *   is out of its type's range;
 * - data shorter than a word is refused, unless there is nothing to decode.
 *
 * It is stricter than viem where viem guesses or would be flooded:
 *
 * - hex of odd length (viem shifts it by a digit), or without `0x`;
 * - a topic that is not 32 bytes;
 * - data that ends before its last argument (after a dynamic one, viem reads
 *   that argument from the wrong place);
 * - data that decodes into more than twice itself (`AbiInput.spend`; viem
 *   counts 8,192 repeated reads, whatever their length).
 *
 * And laxer for `function` (24 bytes) and for that counter, in long data.
 * Anonymous events are read from their first topic on, as the specification of
 * the ABI has it; viem takes that topic for a signature.
 *
 * @module
 */
import type { AbiEvent, AbiFunction } from "./abi.ts";
import {
  type AbiValue,
  compileRecord,
  compileTopic,
  compileType,
  type Frame,
  layOut,
} from "./codec.ts";
import { argumentKeys } from "./encode.ts";
import { AbiInput, DecodeError } from "./input.ts";
import type { AbiParameter } from "./types.ts";

/** Where the digits begin: after `0x`, and after the selector. */
const PREFIX_END = 2;
const SELECTOR_END = 10;

/** Arguments by name, or by position where a name is missing or repeated. */
export type AbiArguments = { readonly [name: string]: AbiValue };

/** Decodes the arguments of one function. */
export interface FunctionDecoder {
  readonly abi: AbiFunction;
  /**
   * Decode calldata, selector included; the selector is not compared.
   *
   * @throws {DecodeError} When the calldata does not fit; nothing else.
   */
  decode(input: string): AbiArguments;
}

/** Decodes the arguments of one event. */
export interface EventDecoder {
  readonly abi: AbiEvent;
  /**
   * Decode a log, the signature topic included; it is not compared. Indexed
   * strings, bytes, arrays and tuples yield the hash that the log carries.
   *
   * @throws {DecodeError} When the log does not fit; nothing else.
   */
  decode(topics: readonly string[], data: string): AbiArguments;
}

/** Decodes a list of values without a selector, such as returned ones. */
export interface ParametersDecoder {
  /**
   * Decode `0x…` data.
   *
   * @throws {DecodeError} When the data does not fit; nothing else.
   */
  decode(data: string): AbiArguments;
}

/** Compile a function into the decoder of its calldata. */
export function compileFunction(abi: AbiFunction): FunctionDecoder {
  return { abi, decode: compileData(abi.inputs, SELECTOR_END) };
}

/** Compile parameters, such as the outputs of a function. */
export function compileParameters(
  parameters: readonly AbiParameter[],
): ParametersDecoder {
  return { decode: compileData(parameters, PREFIX_END) };
}

/** Compile an event into the decoder of its logs. */
export function compileEvent(abi: AbiEvent): EventDecoder {
  const first = abi.anonymous ? 0 : 1;
  const end = first + abi.indexedCount;
  // The topics are put before the data, so that one load takes in the log.
  const base = 32 * abi.indexedCount;
  const topics = abi.inputs
    .filter((input) => input.indexed)
    .map((input, i) => ({ at: 32 * i, read: compileTopic(input.type) }));
  const frame = layOutArguments(abi.inputs.filter((input) => !input.indexed));
  const values = frame.fields.map(({ at, read }) => ({ at: base + at, read }));
  const hasData = values.length > 0;
  const decodeDigits = compileDigits(abi.inputs, {
    ...frame,
    fields: abi.inputs.flatMap((input) =>
      (input.indexed ? topics : values).splice(0, 1)
    ),
    base,
  });

  function decode(topics: readonly string[], data: string): AbiArguments {
    if (topics.length < end) {
      throw new DecodeError(
        `Log has ${topics.length} topics instead of ${end}`,
      );
    }
    let digits = "";
    for (let i = first; i < end; i++) {
      const topic = topics[i] ?? "";
      if (topic.length !== 66) {
        throw new DecodeError(`Topic ${i} is not 32 bytes`);
      }
      digits += digitsAfter(PREFIX_END, topic);
    }
    if (hasData) digits += digitsAfter(PREFIX_END, data);
    return decodeDigits(digits);
  }
  return { abi, decode };
}

function compileData(
  parameters: readonly AbiParameter[],
  start: number,
): (data: string) => AbiArguments {
  const hasData = parameters.length > 0;
  const frame = { ...layOutArguments(parameters), base: 0 };
  const decodeDigits = compileDigits(parameters, frame);
  return (data) => {
    const digits = digitsAfter(start, data);
    return decodeDigits(hasData ? digits : "");
  };
}

function layOutArguments(parameters: readonly AbiParameter[]): Frame {
  const codecs = parameters.map((parameter) => compileType(parameter.type));
  const frame = layOut(codecs, 0);
  // Not even a value without bytes is read from less than a word.
  const need = parameters.length > 0 ? Math.max(frame.need, 32) : 0;
  return { ...frame, need };
}

// Decoding never waits, so one input serves every decoder.
const input = new AbiInput();

function compileDigits(
  parameters: readonly AbiParameter[],
  { fields, need, cost, base }: Frame & { readonly base: number },
): (digits: string) => AbiArguments {
  const readArguments = compileRecord(argumentKeys(parameters), fields);
  return (digits) => {
    input.load(digits);
    input.require(base + need);
    input.spend(cost);
    return readArguments(input, 0, base);
  };
}

function digitsAfter(start: number, data: string): string {
  if (data.length >= start && data.startsWith("0x")) return data.slice(start);
  throw new DecodeError(
    start === PREFIX_END
      ? 'Data does not start with "0x"'
      : "Calldata is shorter than a selector",
  );
}
