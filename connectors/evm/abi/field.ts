/**
 * ABIs as a spec names them: files, signatures, and the folder `abis` beside
 * it.
 *
 * @module
 */
import { isAbsolute, join } from "node:path";
import { type Field, fields, optional } from "../../../runtime/component.ts";
import { type Abi, parseAbi } from "./abi.ts";
import { AbiError } from "./types.ts";

/** The folder of ABIs beside a spec. */
const FOLDER = "abis";

/** A file of that folder that holds the ABI of one contract. */
const OF_CONTRACT = /^(0x[0-9a-fA-F]{40})\.json$/;

/** Fields of an entry of `abis`. */
export const abiFields = {
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

/** A field whose text leads to an ABI. */
export function abiField(
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

/** An ABI of the folder, and the contract that its file is named after. */
export interface FolderAbi {
  readonly abi: Abi;
  readonly address: string | undefined;
}

/**
 * Read the ABIs in the folder beside a spec, if there is one.
 *
 * @throws {AbiError} One cannot be read; the message names the file.
 */
export function readAbiFolder(folder: string): readonly FolderAbi[] {
  const path = join(folder, FOLDER);
  let names: string[];
  try {
    names = [...Deno.readDirSync(path)].map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  return names.filter((name) => name.endsWith(".json")).sort().map((name) => {
    try {
      const abi = parseAbi(Deno.readTextFileSync(join(path, name)));
      return { abi, address: OF_CONTRACT.exec(name)?.[1] };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new AbiError(`Cannot read ABI file "${FOLDER}/${name}": ${reason}`);
    }
  });
}
