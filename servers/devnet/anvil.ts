/**
 * Start anvil, the local node, and see to it that it never outlives us.
 *
 * @module
 */
import { createRequire } from "node:module";
import { CHAIN_ID } from "./addresses.ts";

/** The public test mnemonic: its keys hold nothing anywhere else. */
export const MNEMONIC =
  "test test test test test test test test test test test junk";

/** The number of accounts that start with ether. */
export const ACCOUNTS = 20;

// Prague has every transaction type up to 4 (EIP-7702). Osaka would want
// another kind of blob proofs (EIP-7594).
const HARDFORK = "prague";

const BLOCK_GAS_LIMIT = 30_000_000;

// Blocks whose state can be read. Without a bound anvil writes every state into
// the home directory, 0.6 MB a block, and leaves it there.
const STATES = 256;

// Anvil is up in 0.2 s; a machine under load gets a hundred times that.
const START_TIMEOUT_MS = 20_000;

// sh reads our end of a pipe, which the system closes however we end, even by
// SIGKILL, and then ends anvil and removes its files. A background list would
// read /dev/null instead of standard input, hence the descriptor 3.
const WATCHER = `
exec 3<&0
"$0" "$@" 3<&- </dev/null &
anvil=$!
(while read -r line <&3; do :; done; kill "$anvil" 2>/dev/null) &
watcher=$!
wait "$anvil"
code=$?
kill "$watcher" 2>/dev/null
rm -rf "$CACHE"
exit "$code"
`;

/** A running node. */
export interface Anvil extends AsyncDisposable {
  /** Where it answers, on the loopback interface. */
  readonly url: string;
  /** Settles when the node has ended, whoever ended it. */
  readonly ended: Promise<void>;
}

/** Which node to start. */
export interface AnvilOptions {
  /** The port; 0 takes a free one. */
  readonly port: number;
  /** The time of the first block, in seconds. */
  readonly genesis: number;
  /** The rules; `prague` when absent. */
  readonly hardfork?: string;
  readonly chainId?: number;
  /** Blocks whose state can be read. */
  readonly states?: number;
}

/**
 * Start anvil. It mines when told to, takes transactions in the order in which
 * they arrive, and ends with this process.
 *
 * @throws {Error} Anvil is not installed or does not start, for instance
 * because the port is taken; the message carries what it said.
 */
export async function startAnvil(
  options: AnvilOptions,
): Promise<Anvil> {
  const { genesis, port } = options;
  const { chainId = CHAIN_ID, hardfork = HARDFORK, states = STATES } = options;
  const cache = await Deno.makeTempDir({ prefix: "devnet-" });
  const child = new Deno.Command("sh", {
    args: [
      "-c",
      WATCHER,
      binary(),
      "--no-mining",
      ...["--order", "fifo"],
      ...["--hardfork", hardfork],
      ...["--chain-id", `${chainId}`],
      ...["--mnemonic", MNEMONIC],
      ...["--accounts", `${ACCOUNTS}`],
      ...["--gas-limit", `${BLOCK_GAS_LIMIT}`],
      ...["--prune-history", `${states}`],
      ...["--cache-path", cache],
      ...["--timestamp", `${genesis}`],
      ...["--host", "127.0.0.1", "--port", `${port}`],
    ],
    env: { CACHE: cache },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    // Out of the terminal's reach: Ctrl-C is for us, who then stop the node.
    detached: true,
  }).spawn();
  const stdin = child.stdin.getWriter();
  const ended = child.status.then(() => {});
  const output = new Output(child);
  const stop = async () => {
    await stdin.close().catch(() => {});
    await ended;
    await output.done;
  };
  const address = await output.find(/Listening on (\S+)/);
  if (address === undefined) {
    await stop();
    throw new Error(`Anvil did not start: ${output.text.trim()}`);
  }
  return { url: `http://${address}`, ended, [Symbol.asyncDispose]: stop };
}

/** What the node prints, read for ever so that its pipe never fills. */
class Output {
  /** What it said until it was up, or until it ended. */
  text = "";
  /** Settles when both streams have ended. */
  readonly done: Promise<unknown>;
  #listener: (() => void) | undefined;
  #ended = false;

  constructor(child: Deno.ChildProcess) {
    this.done = Promise.all([
      this.#read(child.stdout),
      this.#read(child.stderr),
    ]).then(() => {
      this.#ended = true;
      this.#listener?.();
    });
  }

  /** The first group of a pattern; undefined if the node ends or hangs. */
  async find(pattern: RegExp): Promise<string | undefined> {
    const deadline = AbortSignal.timeout(START_TIMEOUT_MS);
    while (!this.#ended && !deadline.aborted) {
      const found = pattern.exec(this.text)?.[1];
      if (found !== undefined) {
        this.#listener = undefined;
        return found;
      }
      await new Promise<void>((resolve) => {
        this.#listener = resolve;
        deadline.onabort = () => resolve();
      });
    }
    return undefined;
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
      if (this.#listener) this.text += chunk;
      this.#listener?.();
    }
  }
}

/** The program itself; the package's own launcher would need Node. */
function binary(): string {
  const umbrella = import.meta.resolve("@foundry-rs/anvil/package.json");
  const cpu = Deno.build.arch === "aarch64" ? "arm64" : "amd64";
  const name = `@foundry-rs/anvil-${Deno.build.os}-${cpu}`;
  try {
    return createRequire(umbrella).resolve(`${name}/bin/anvil`);
  } catch (cause) {
    throw new Error(
      `Cannot find anvil for ${Deno.build.os} ${cpu}: ${name} is not ` +
        "installed; see servers/devnet/README.md",
      { cause },
    );
  }
}
