/**
 * Puts a checked specification together.
 *
 * @module
 */
import type { Problems } from "./diagnostics.ts";
import type { Draft } from "./draft.ts";
import type { Top } from "./source.ts";
import type { Connection, Spec, SpecTest, Stage } from "./spec.ts";
import type { CheckedStage } from "./stages.ts";
import { neededRows, usedColumns } from "./usage.ts";
import { writtenFields } from "./written.ts";

/** What a spec is made of. */
export interface AssemblyOptions {
  readonly file: string;
  readonly folder: string;
  readonly top: Top;
  readonly stages: readonly CheckedStage[];
  readonly tests: readonly SpecTest[];
  /** Connections that are used, with their typed configs. */
  readonly connections: readonly {
    readonly draft: Draft;
    readonly config: unknown;
  }[];
  readonly problems: Problems;
  readonly redact: (text: string) => string;
  readonly secrets: readonly string[];
}

/** Make the spec; undefined when a part of it is broken. */
export function assemble(options: AssemblyOptions): Spec | undefined {
  const { file, folder, problems, secrets, tests, top } = options;
  if (problems.failed || top.name === undefined) return undefined;

  const stages = options.stages.flatMap((one) => stageOf(one, options));
  const used = usedColumns(stages);
  const needed = neededRows(stages, { folder, used });
  return {
    file,
    folder,
    name: top.name,
    description: top.description,
    connections: connectionsOf(options),
    stages: stages.map((stage) =>
      stage.kind === "source"
        ? {
          ...stage,
          used: used.get(stage.name) ?? new Map(),
          needed: needed.get(stage.name) ?? new Map(),
        }
        : stage
    ),
    tests,
    ...top.state ? { state: { connection: top.state.connection.name } } : {},
    observe: { listen: top.observe?.listen },
    secrets,
  };
}

function connectionsOf(
  { connections, redact }: AssemblyOptions,
): ReadonlyMap<string, Connection> {
  return new Map(connections.flatMap(({ config, draft }) => {
    const { definition, name, place, source } = draft;
    if (definition?.kind !== "connection") return [];
    const written = writtenFields(place.path, { source, redact });
    return [[name, { name, definition, config, written }]] as const;
  }));
}

function stageOf(
  stage: CheckedStage,
  { redact }: AssemblyOptions,
): Stage[] {
  const { batch, config, connection, connections, deliver, draft, input } =
    stage;
  const { definition, name, place, source } = draft;
  const outputs = stage.outputs ?? {};
  const written = writtenFields(place.path, { source, redact });
  const common = { name, config, written };
  switch (definition?.kind) {
    case "source": {
      const { inputs, renamedFrom, sources: [root] } = stage;
      const unknown = new Map();
      return [{
        ...common,
        kind: "source",
        definition,
        connection,
        outputs,
        inputs,
        follows: root === name ? undefined : root,
        used: unknown,
        needed: unknown,
        renamedFrom,
      }];
    }
    case "transform":
      return [{
        ...common,
        kind: "transform",
        definition,
        connections,
        inputs: stage.ports,
        input: input ?? [],
        outputs,
      }];
    case "sink": {
      const [first] = stage.sources;
      if (!batch || first === undefined) return [];
      return [{
        ...common,
        kind: "sink",
        definition,
        connection,
        inputs: stage.ports,
        schema: input ?? [],
        source: first,
        batch,
        deliver,
        renamedFrom: stage.renamedFrom,
      }];
    }
    default:
      return [];
  }
}
