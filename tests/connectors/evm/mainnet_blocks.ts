/**
 * The recorded mainnet blocks, read where they lie.
 *
 * @module
 */
import type { Raw } from "../../../connectors/evm/chain/extra.ts";

/** Where recorded data lies; the environment may say it is elsewhere. */
export const SHARED_DATA = Deno.env.get("SLUICE_SHARED_DATA") ??
  new URL("../../../../shared/data", import.meta.url).pathname;

/** A transaction, receipt, log or withdrawal as a node returned it. */
export type RawObject = Raw;

/** A recorded block with its transactions. */
export type RecordedBlock = Raw & {
  readonly number: string;
  readonly hash: string;
  readonly timestamp: string;
  readonly transactions: readonly RawObject[];
  readonly withdrawals?: readonly RawObject[];
};

/** A recorded receipt with its logs. */
export type RecordedReceipt = Raw & { readonly logs: readonly RawObject[] };

/** One file: a block and its receipts, when somebody recorded them. */
export interface RecordedUnit {
  readonly name: string;
  readonly block: RecordedBlock;
  readonly receipts: readonly RecordedReceipt[] | null;
}

/** Whether recorded data is there; says so loudly when it is not. */
export function hasSharedData(): boolean {
  try {
    return Deno.statSync(`${SHARED_DATA}/mainnet`).isDirectory;
  } catch {
    // deno-lint-ignore no-console -- a skipped test must not look like a pass
    console.error(`SKIPPED: recorded data not found at ${SHARED_DATA}`);
    return false;
  }
}

/** Every recorded block, in the order of their numbers. */
export function* recordedBlocks(): Generator<RecordedUnit> {
  const names = Array.from(Deno.readDirSync(`${SHARED_DATA}/mainnet`))
    .map(({ name }) => name)
    .filter((name) => /^\d+\.json$/.test(name))
    .sort((a, b) => parseInt(a) - parseInt(b));
  for (const name of names) {
    yield { name, ...JSON.parse(recordedText(name)) };
  }
}

/** The text of a recorded file. */
export function recordedText(name: string): string {
  return Deno.readTextFileSync(`${SHARED_DATA}/mainnet/${name}`);
}
