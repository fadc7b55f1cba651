/**
 * `record`: save what a chain's nodes answer for a range of blocks.
 *
 * @module
 */
import type { Recorded } from "../component.ts";
import { blockNumber } from "./block_number.ts";
import { openConnection } from "./connect.ts";
import { interruptible } from "./interruption.ts";
import { offeredConnection } from "./offered.ts";
import type { Verb } from "./verb.ts";

/** Where recordings are kept, from the repository's root. */
const folder = "pipelines/recordings";

/** How often the progress line is renewed, ms. */
const renewEvery = 200;

/** Save the traffic of a range as a recording. */
export const recordVerb: Verb = (program, context) => {
  const { terminal } = context;
  const command = program
    .command("record")
    .summary("save the RPC traffic of a range of blocks")
    .description(
      "save the RPC traffic of a range of blocks as a recording, which " +
        '`url: "recording:FILE"` replays without a network',
    )
    .argument("<spec>", "YAML file of the pipeline")
    .requiredOption("--from <block>", "first block", blockNumber)
    .requiredOption("--to <block>", "last block", blockNumber)
    .option("--out <file>", `file to write; default: in ${folder}`)
    .option("--connection <name>", "of several chains, this one")
    .option("--force", "replace the file if it exists")
    .addHelpText(
      "after",
      "\nExample:\n  deno task record pipelines/mainnet.yaml " +
        `--from 19000000 --to 19000010 --out ${folder}/dencun`,
    );
  command.action(async (file, { connection: name, force, from, out, to }) => {
    if (from > to) {
      command.error(`error: --from ${from} is behind --to ${to}`, {
        exitCode: 2,
      });
    }
    const wanted = { offer: "record", name } as const;
    const found = offeredConnection(file, wanted, context);
    const recorded = await interruptible(async (signal) => {
      await using open = await openConnection(found.connection, {
        ...found,
        terminal,
        signal,
      });
      using line = new ProgressLine(to - from + 1, terminal);
      return await open.client.record?.({
        from,
        to,
        out: out ?? `${folder}/${found.connection.name}_${from}_${to}`,
        overwrite: force ?? false,
        signal,
        progress: (recorded) => line.show(recorded),
      });
    });
    if (recorded) {
      terminal.print(`Recorded ${amount(recorded)} in ${recorded.file}`);
    }
  });
};

/** A line that tells how far a recording is, if somebody looks. */
class ProgressLine implements Disposable {
  readonly #blocks: number;
  readonly #terminal: {
    readonly interactive: boolean;
    renew(text: string): void;
  };
  #next = 0;

  constructor(
    blocks: number,
    terminal: { readonly interactive: boolean; renew(text: string): void },
  ) {
    this.#blocks = blocks;
    this.#terminal = terminal;
  }

  show(recorded: Recorded): void {
    const now = performance.now();
    if (!this.#terminal.interactive || now < this.#next) return;
    this.#next = now + renewEvery;
    const share = Math.floor(100 * recorded.blocks / this.#blocks);
    this.#terminal.renew(`Recording: ${amount(recorded)}, ${share} %`);
  }

  [Symbol.dispose](): void {
    if (this.#terminal.interactive) this.#terminal.renew("");
  }
}

function amount({ blocks, bytes, calls }: Recorded): string {
  const megabytes = (bytes / 1_000_000).toFixed(1);
  return `${blocks} ${blocks === 1 ? "block" : "blocks"}, ` +
    `${calls} calls, ${megabytes} MB of answers`;
}
