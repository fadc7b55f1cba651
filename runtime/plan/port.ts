/**
 * What a stage's outputs are called in `from:`.
 *
 * @module
 */
import { errorSchema, type Port, type Spec } from "../spec/spec.ts";
import type { Schema } from "../row.ts";

/** The output that every single-output stage has; it goes without saying. */
const onlyPort = "rows";

/** The stage that rejected rows come from. */
const errorStage = "errors";

/** Whether a port holds the rows that other stages reject. */
export function isErrors({ stage }: Port): boolean {
  return stage === errorStage;
}

/** A port as `from:` names it: `chain.blocks`, `large`, `errors`. */
export function portName(port: Port, spec: Spec): string {
  if (isErrors(port)) return errorStage;
  const names = Object.keys(outputsOf(port.stage, spec));
  return names.length === 1 && port.port === onlyPort
    ? port.stage
    : `${port.stage}.${port.port}`;
}

/** Columns by output of a stage. */
export function outputsOf(
  stage: string,
  spec: Spec,
): Readonly<Record<string, Schema>> {
  if (stage === errorStage) return { [errorStage]: errorSchema };
  const found = spec.stages.find((one) =>
    one.name === stage && one.kind !== "sink"
  );
  return found && found.kind !== "sink" ? found.outputs : {};
}

/** The stages that read a port, in order. */
export function readersOf(port: Port, spec: Spec): readonly string[] {
  return spec.stages.filter((stage) =>
    stage.inputs.some((input) =>
      input.stage === port.stage && input.port === port.port
    )
  ).map(({ name }) => name);
}
