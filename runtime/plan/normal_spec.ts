/**
 * A spec as Sluice understood it: included files merged, variables filled
 * in, defaults written out, secrets redacted.
 *
 * @module
 */
import { stringify } from "../spec/yaml.ts";
import type { BatchLimits } from "../component.ts";
import type { Fields } from "../spec/field.ts";
import type { Connection, Deliver, Spec, Stage } from "../spec/spec.ts";
import { portName } from "./port.ts";
import { durationText, sizeText } from "./quantity.ts";

/** Any part of a spec as plain data. */
export type Written = Readonly<Record<string, unknown>>;

/** A spec as plain data, in the order in which people write one. */
export function normalSpec(spec: Spec): Written {
  const listen = spec.observe?.listen;
  const stages = (kind: Stage["kind"]) =>
    spec.stages.filter((stage) => stage.kind === kind)
      .map((stage) => [stage.name, normalStage(stage, spec)]);
  const connections = [...spec.connections.values()]
    .map((one) => [one.name, normalConnection(one)]);
  return defined({
    name: spec.name,
    description: spec.description,
    connections: section(connections),
    sources: section(stages("source")),
    transforms: section(stages("transform")),
    sinks: section(stages("sink")),
    state: spec.state && { ...spec.state },
    observe: listen === undefined ? undefined : { listen },
  });
}

/** A spec as YAML. */
export function normalSpecText(spec: Written): string {
  // Paths and URLs that are folded over lines cannot be copied.
  return stringify(spec, { lineWidth: 0 });
}

function normalConnection({ definition, written }: Connection): Written {
  return { type: definition.type, ...ownFields(definition.fields, written) };
}

function normalStage(stage: Stage, spec: Spec): Written {
  const { definition, written } = stage;
  return defined({
    type: definition.type,
    ...(stage.kind === "transform"
      ? stage.connections
      : { connection: stage.connection }),
    from: stage.kind === "source" ? undefined : single(
      stage.inputs.map((port) => portName(port, spec)),
    ),
    ...ownFields(definition.fields, written),
    batch: stage.kind === "sink" ? normalBatch(stage.batch) : undefined,
    deliver: stage.kind === "sink" ? normalDeliver(stage.deliver) : undefined,
    renamed_from: stage.kind === "transform" ? undefined : stage.renamedFrom,
  });
}

/** The component's fields in the order of its reference page. */
function ownFields(fields: Fields, written: Written): Written {
  return defined(Object.fromEntries(
    Object.entries(fields).map(([name, { fallback, members }]) => {
      const value = written[name] ?? fallback;
      return [
        name,
        members && isMap(value) ? ownFields(members, value) : value,
      ];
    }),
  ));
}

function normalBatch({ bytes, every, rows }: BatchLimits): Written {
  return { rows, bytes: sizeText(bytes), every: durationText(every) };
}

function normalDeliver(deliver: Deliver): unknown {
  return typeof deliver === "string" ? deliver : { ...deliver };
}

function section(entries: readonly unknown[][]): Written | undefined {
  return entries.length > 0 ? Object.fromEntries(entries) : undefined;
}

function single(items: readonly string[]): string | readonly string[] {
  const [first] = items;
  return items.length === 1 && first !== undefined ? first : items;
}

function defined(record: Written): Written {
  return Object.fromEntries(
    Object.entries(record).filter(([, value]) => value !== undefined),
  );
}

function isMap(value: unknown): value is Written {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
