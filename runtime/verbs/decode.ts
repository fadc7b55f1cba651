/**
 * `decode`: tell in words what calldata or a transaction does.
 *
 * @module
 */
import { UserError } from "../errors.ts";
import { systemClock } from "../run/clock.ts";
import { Metrics } from "../run/metrics.ts";
import { createScheduler } from "../budget/scheduler.ts";
import { openConnection } from "./connect.ts";
import { interruptible } from "./interruption.ts";
import { offeredConnection } from "./offered.ts";
import { terminalLogger } from "./terminal.ts";
import type { Verb } from "./verb.ts";

/** Print the calls of calldata or of a transaction. */
export const decodeVerb: Verb = (program, context) => {
  const { registry, secrets, terminal } = context;
  program
    .command("decode")
    .summary("tell what calldata or a transaction does")
    .description(
      "print the tree of calls in calldata or in a transaction, decoded " +
        "with ABIs, or with signatures that fit",
    )
    .argument("<input>", "calldata, or a transaction's hash with --spec")
    .option("--abi <abi...>", "ABI files or signatures to decode with")
    .option("--to <address>", "the contract that calldata is for")
    .option("--spec <file>", "spec whose chain is asked, and whose abis/ count")
    .option("--connection <name>", "of several chains, this one")
    .action(async (input, { abi = [], connection: name, spec, to }) => {
      const tell = registry.find((one) =>
        one.kind === "transform" && one.explain !== undefined
      );
      if (tell?.kind !== "transform" || !tell.explain) {
        throw new UserError("No transform can tell what calldata does");
      }
      const { explain } = tell;
      const text = await interruptible(async (signal) => {
        await using resources = new AsyncDisposableStack();
        const found = spec === undefined
          ? undefined
          : offeredConnection(spec, { offer: "transactions", name }, context);
        const open = found && resources.use(
          await openConnection(found.connection, {
            ...found,
            terminal,
            signal,
          }),
        );
        await open?.client.health?.();
        const metrics = new Metrics();
        const clock = systemClock;
        return await explain(input, {
          abis: abi,
          to,
          folder: found?.folder ?? ".",
          connection: open?.client,
          context: {
            name: "decode",
            pipeline: found?.pipeline ?? "",
            folder: found?.folder ?? ".",
            signal,
            log: terminalLogger(terminal, {
              level: "warn",
              secrets: [...secrets],
            }),
            metrics,
            clock,
            scheduler: createScheduler({ clock, metrics }),
          },
        });
      });
      terminal.print(text);
    });
};
