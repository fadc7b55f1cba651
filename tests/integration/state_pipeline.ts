/**
 * A pipeline with states on a real node, with files for sinks.
 *
 * @module
 */
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { components } from "../../connectors/mod.ts";
import { formatDiagnostics } from "../../runtime/spec/diagnostics.ts";
import { checkSpec } from "../../runtime/spec/check.ts";
import type { Spec } from "../../runtime/spec/spec.ts";
import { createLogger } from "../../runtime/run/log.ts";
import { Metrics } from "../../runtime/run/metrics.ts";
import { runPipeline } from "../../runtime/run/pipeline.ts";
import { openSqliteState } from "../../runtime/run/sqlite_state.ts";
import type { Change } from "../contracts/canonical.ts";
import { jsonlChanges } from "../connectors/files/file_folder.ts";
import { until } from "../fixtures/until.ts";
import { quickClock } from "./quick_clock.ts";

const folder = new URL("../../pipelines/", import.meta.url).pathname;

/** So many times faster than the machine's clock. */
const speed = 20;

/** A spec in the folder of the pipelines, its sinks turned into files. */
export class StatePipeline implements AsyncDisposable {
  readonly metrics = new Metrics();
  readonly log: string[] = [];
  readonly #folder: string;
  readonly #spec: Spec;
  readonly #clock = quickClock(speed);

  private constructor(folder: string, spec: Spec) {
    this.#folder = folder;
    this.#spec = spec;
  }

  /** @param yaml The spec; `url` takes the place of `ETH_RPC_URL`. */
  static async make(yaml: string, url: string): Promise<StatePipeline> {
    const into = await Deno.makeTempDir({ prefix: "sluice-state-" });
    const written = parse(yaml);
    for (const [name, { from }] of Object.entries<Stage>(written.sinks)) {
      const path = join(into, `${name}.jsonl`);
      written.sinks[name] = { type: "file", from, path };
    }
    const file = join(folder, "written_by_a_test.yaml");
    const { diagnostics, spec } = checkSpec(file, {
      registry: components,
      env: (name) => name === "ETH_RPC_URL" ? url : undefined,
      read: (path) =>
        path === file ? stringify(written) : Deno.readTextFileSync(path),
    });
    if (!spec) throw new Error(formatDiagnostics(diagnostics));
    return new StatePipeline(into, spec);
  }

  /** Start a run; it ends at a block, or when it is told to. */
  start(to?: number): StateRun {
    const drain = new AbortController();
    const run = async () => {
      const clock = this.#clock;
      await using state = openSqliteState(join(this.#folder, "state.db"), {
        clock,
      });
      await runPipeline(this.#spec, {
        ...{ clock, state, to },
        log: createLogger({
          level: "info",
          secrets: [],
          write: ({ fields, message }) =>
            this.log.push(`${message} ${JSON.stringify(fields)}`),
        }),
        metrics: this.metrics,
        drain: drain.signal,
      });
    };
    let failure: unknown;
    const done = run();
    done.catch((error) => failure = error);
    return {
      done,
      until: async (condition, what) => {
        await until(() => {
          if (failure !== undefined) throw failure;
          return condition();
        }, what);
      },
      async stop() {
        drain.abort(new DOMException("Drained", "AbortError"));
        await done;
      },
    };
  }

  /** The changes that a sink has written. */
  changes(sink: string): Change[] {
    try {
      const path = join(this.#folder, `${sink}.jsonl`);
      return jsonlChanges(Deno.readTextFileSync(path));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  }

  /** The rows of a sink that were not taken back. */
  rows(sink: string): StateRow[] {
    const rows = new Map<string, StateRow>();
    for (const { op, row } of this.changes(sink)) {
      const text = JSON.stringify(row);
      if (op === "insert" && rows.has(text)) {
        throw new Error(`Doubled in ${sink}: ${text}`);
      }
      if (op === "insert") rows.set(text, row as StateRow);
      else if (!rows.delete(text)) {
        throw new Error(`Taken back but not there in ${sink}: ${text}`);
      }
    }
    return [...rows.values()];
  }

  /** Calls of a method so far. */
  calls(method: string): number {
    return this.metrics.total("sluice_rpc_calls_total", { method });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Deno.remove(this.#folder, { recursive: true });
  }
}

/** A row as a file has it. */
export type StateRow = Readonly<Record<string, unknown>>;

/** A run of a {@linkcode StatePipeline}. */
export interface StateRun {
  readonly done: Promise<void>;
  /** Wait for something; what the run fails with fails the wait. */
  until(condition: () => boolean, what: string): Promise<void>;
  stop(): Promise<void>;
}

interface Stage {
  readonly from: unknown;
}
