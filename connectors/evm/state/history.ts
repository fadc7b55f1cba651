/**
 * Since when a chain, or the nodes that serve it, have something.
 *
 * @module
 */
import { RetryableError, UserError } from "../../../runtime/component.ts";
import { type Asking, blockHashAt } from "../chain/header.ts";
import { RpcError } from "../rpc/errors.ts";
import { quantity, whole } from "../hex.ts";

// Nodes lag by a few blocks; whoever lacks a state this deep has dropped it.
const DEEP = 64;

const NOBODY = `0x${"0".repeat(40)}`;

/**
 * The block at which a contract was deployed that is not there at `above`;
 * infinite where it is not there yet.
 */
export async function deploymentOf(
  address: string,
  { above, client, signal }: Asking & { readonly above: number },
): Promise<number> {
  const isThere = async (block: string) => {
    try {
      const code = await client.call("eth_getCode", [address, block], {
        priority: "lookup",
        patience: 0,
        signal,
      });
      return code !== "0x";
    } catch (error) {
      // A state that was dropped: it is not there for whoever asks here.
      if (error instanceof RpcError && error.kind === "missing") return false;
      throw error;
    }
  };
  if (!await isThere("latest")) return Infinity;
  const latest = await latestNumber({ client, signal });
  return await firstWhere((number) => isThere(quantity(number)), {
    above,
    below: latest,
  });
}

/**
 * What a block means whose state no node has: it was replaced, the nodes lag,
 * or they have dropped it; then the oldest that they have is looked for.
 */
export async function missingState(
  pin: { readonly number: number; readonly hash: string },
  { cause, client, signal }: Asking & { readonly cause: RpcError },
): Promise<RetryableError | UserError> {
  const { number } = pin;
  const canonical = await blockHashAt(number, { client, signal });
  if (canonical !== pin.hash) {
    return new RetryableError(`Block ${number} was replaced`, { cause });
  }
  const latest = await latestNumber({ client, signal });
  const has = (number: number) => hasState(number, { client, signal });
  if (latest - number < DEEP || await has(number)) {
    return new RetryableError(cause.message, { cause });
  }
  const oldest = await firstWhere(has, { above: number, below: latest });
  return new UserError(
    `Cannot read the state of block ${number}: no endpoint of ` +
      `"${client.name}" keeps it, the oldest that they have is block ` +
      `${oldest}; start there, or name an archive node`,
    { cause },
  );
}

async function hasState(
  number: number,
  { client, signal }: Asking,
): Promise<boolean> {
  try {
    await client.call("eth_getBalance", [NOBODY, quantity(number)], {
      priority: "lookup",
      patience: 0,
      signal,
    });
    return true;
  } catch (error) {
    if (error instanceof RpcError && error.kind === "missing") return false;
    throw error;
  }
}

async function latestNumber({ client, signal }: Asking): Promise<number> {
  const options = { priority: "lookup", signal } as const;
  return whole(await client.call("eth_blockNumber", [], options), "number");
}

/** The first number of a range for which something holds that then stays so. */
async function firstWhere(
  holds: (number: number) => Promise<boolean>,
  { above, below }: { readonly above: number; readonly below: number },
): Promise<number> {
  let low = above + 1;
  let high = below;
  while (low < high) {
    const middle = low + Math.floor((high - low) / 2);
    if (await holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
