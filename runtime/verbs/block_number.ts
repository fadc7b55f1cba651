/**
 * Block numbers on the command line.
 *
 * @module
 */
import { InvalidArgumentError } from "@commander-js/extra-typings";

/** A block number on the command line. */
export function blockNumber(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It is not a block number.");
}
