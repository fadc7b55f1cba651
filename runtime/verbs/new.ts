/**
 * `new`: print a working spec for a component.
 *
 * @module
 */
import { Option } from "@commander-js/extra-typings";
import type { Component, Registry } from "../component.ts";
import { SpecError } from "../errors.ts";
import { suggestion } from "../spec/suggestion.ts";
import type { Verb } from "./verb.ts";

const kinds = ["source", "transform", "sink", "connection"] as const;

type Kind = typeof kinds[number];

/** Of components with the same type, the first of these is meant. */
const preferred: readonly Kind[] = [
  "sink",
  "source",
  "transform",
  "connection",
];

/** The line that makes editors complete fields; relative to `pipelines/`. */
const modeline = "# yaml-language-server: $schema=./pipeline.schema.json";

/** Print a working spec for any component. */
export const newVerb: Verb = (program, { registry, terminal }) => {
  program
    .command("new")
    .summary("print a working spec for a component")
    .description(
      "print a working spec for a component, to be redirected into a file",
    )
    .argument("[type]", "type of the component; absent: list them")
    .addOption(
      new Option("--kind <kind>", "of components with the same type, this one")
        .choices(kinds),
    )
    .option("--list", "list all components")
    .addHelpText(
      "after",
      "\nExample:\n  deno task new file > pipelines/mine.yaml",
    )
    .action((type, { kind, list }) => {
      const fitting = kind === undefined
        ? registry
        : registry.filter((one) => one.kind === kind);
      if (type === undefined || list) {
        terminal.print(listing(fitting));
        return;
      }
      const [component, ...others] = named(type, fitting);
      for (const other of others) {
        terminal.note(
          `This is the ${component.kind} "${type}"; for the ${other.kind} ` +
            `add --kind ${other.kind}`,
        );
      }
      terminal.print(`${modeline}\n${component.example.trim()}`);
    });
};

/** The components of a type, the one that is meant first. */
function named(
  type: string,
  registry: Registry,
): readonly [Component, ...Component[]] {
  const [first, ...others] = preferred.flatMap((kind) =>
    registry.filter((one) => one.kind === kind && one.type === type)
  );
  if (first) return [first, ...others];
  const hint = suggestion(type, [...new Set(registry.map(({ type }) => type))]);
  throw new SpecError(
    `Unknown component "${type}": ${hint ?? '"new --list" shows all of them'}`,
  );
}

function listing(registry: Registry): string {
  const width = Math.max(...registry.map(({ type }) => type.length));
  return kinds.flatMap((kind) => {
    const lines = ofKind(kind, registry)
      .map(({ summary, type }) => `  ${type.padEnd(width)}  ${summary}`);
    return lines.length > 0 ? [[`${kind}s`, ...lines].join("\n")] : [];
  }).join("\n\n");
}

function ofKind(kind: Kind, registry: Registry): Registry {
  return registry.filter((one) => one.kind === kind);
}
