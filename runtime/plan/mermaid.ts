/**
 * A spec as a Mermaid flowchart: sources are stadiums, transforms boxes,
 * sinks cylinders, rejected rows a hexagon with dotted arrows.
 *
 * @module
 */
import type { Spec, Stage } from "../spec/spec.ts";
import { isErrors, portName } from "./port.ts";

const shapes: Readonly<Record<Stage["kind"], readonly [string, string]>> = {
  source: ["([", "])"],
  transform: ["[", "]"],
  sink: ["[(", ")]"],
};

/** The node that rejected rows go through. */
const errorsNode = "errors";

/** Draw a spec; https://mermaid.js.org/syntax/flowchart.html */
export function mermaid(spec: Spec): string {
  const { stages } = spec;
  const nodes = stages.map((stage) => {
    const [open, close] = shapes[stage.kind];
    const label = `"${escaped(stage.name)}<br>${
      escaped(stage.definition.type)
    }"`;
    return `${idOf(stage)}${open}${label}${close}`;
  });
  const edges = stages.flatMap((stage) => edgesInto(stage, spec));
  const rejects = rejecting(spec).map((stage) =>
    `${idOf(stage)} -.-> ${errorsNode}`
  );
  const errors = edges.some((edge) => edge.startsWith(`${errorsNode} `))
    ? [`${errorsNode}{{"errors<br>rows that stages reject"}}`]
    : [];
  return [
    "flowchart LR",
    ...[...nodes, ...errors, ...edges, ...rejects].map((line) => `  ${line}`),
  ].join("\n");
}

/** One arrow a stage, labelled by the outputs that are read. */
function edgesInto(
  stage: Stage,
  spec: Spec,
): readonly string[] {
  const ports = new Map<string, string[]>();
  for (const { port, stage: from } of stage.inputs) {
    ports.set(from, [...ports.get(from) ?? [], port]);
  }
  return [...ports].flatMap(([from, names]) => {
    if (isErrors({ stage: from, port: "" })) {
      return [`${errorsNode} -.-> ${idOf(stage)}`];
    }
    const origin = spec.stages.find((one) =>
      one.name === from && one.kind !== "sink"
    );
    if (!origin) return [];
    const [first] = names.map((port) => portName({ stage: from, port }, spec));
    const arrow = `--> ${idOf(stage)}`;
    // An only output has no name of its own in the spec either.
    return first === from
      ? [`${idOf(origin)} ${arrow}`]
      : [`${idOf(origin)} -- "${escaped(names.join(", "))}" ${arrow}`];
  });
}

/** Stages that may reject rows, when a sink reads these. */
function rejecting(spec: Spec): readonly Stage[] {
  const read = spec.stages.some((stage) =>
    stage.kind === "sink" && stage.inputs.some(isErrors)
  );
  if (!read) return [];
  return spec.stages.filter((stage) => stage.kind !== "sink")
    .filter(({ definition }) => definition.rejects);
}

/**
 * The kind goes before the name: `end` and other words of Mermaid
 * cannot be nodes.
 */
function idOf({ kind, name }: Stage): string {
  const plain = name.replace(
    /[^A-Za-z0-9_]/g,
    (character) => `_${character.charCodeAt(0).toString(16)}_`,
  );
  return `${kind}_${plain}`;
}

/** Mermaid's own entity codes; its labels have no other escape. */
function escaped(text: string): string {
  return text.replace(/[#"<>]/g, (character) => `#${character.charCodeAt(0)};`);
}
