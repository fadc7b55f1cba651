/**
 * A pipeline in this process over a simulated node: real connection, source
 * and file sinks, one sink in memory, on a clock that runs fast.
 *
 * @module
 */
import { join } from "node:path";
import { evm } from "../../connectors/evm/rpc/connection.ts";
import { state as stateSource } from "../../connectors/evm/state/source.ts";
import { filter } from "../../connectors/rows/filter.ts";
import { chain as chainSource } from "../../connectors/evm/chain/source.ts";
import { fileSink } from "../../connectors/files/sink.ts";
import { type Clock, systemClock } from "../../runtime/run/clock.ts";
import { createLogger } from "../../runtime/run/log.ts";
import { Metrics } from "../../runtime/run/metrics.ts";
import { type RunningSource, runPipeline } from "../../runtime/run/pipeline.ts";
import { openSqliteLedger } from "../../runtime/budget/sqlite_ledger.ts";
import type { LedgerStore } from "../../runtime/budget/ledger_store.ts";
import { openSqliteState } from "../../runtime/run/sqlite_state.ts";
import type { StateStore } from "../../runtime/run/state.ts";
import { checkSpec } from "../../runtime/spec/check.ts";
import type { Position } from "../../runtime/component.ts";
import type { Spec } from "../../runtime/spec/spec.ts";
import { jsonlChanges } from "../connectors/files/file_folder.ts";
import type { Change } from "../contracts/canonical.ts";
import { memorySink, MemoryTable } from "./memory_sink.ts";
import { quickClock } from "./quick_clock.ts";

/** So many times faster than the machine's clock. */
const speed = 40;

/** Ends a run as a crash would: nothing is drained, nothing is saved. */
export class Crash extends Error {
  override name = "Crash";
}

/** A pipeline with its files and state, which outlive its runs. */
export class LivePipeline implements AsyncDisposable {
  readonly folder: string;
  #spec: Spec;
  readonly #clock: Clock;
  readonly #sharesBudgets: boolean;
  readonly #tables = new Map<string, MemoryTable>();
  /** What the runs have logged. */
  readonly log: string[] = [];
  /** Writes of the sink in memory until a crash. */
  fuse = Infinity;
  /** How long such a write takes, in the machine's milliseconds. */
  writeTakes = 0;
  /** Writes of the sink in memory so far. */
  writes = 0;

  private constructor(
    folder: string,
    yaml: string,
    { clock, ledger }: { readonly clock: Clock; readonly ledger: boolean },
  ) {
    this.folder = folder;
    this.#clock = clock;
    this.#sharesBudgets = ledger;
    this.#spec = this.#check(yaml);
  }

  /**
   * @param yaml The spec; `FOLDER` in it stands for its folder.
   * @param options Whether its runs share budgets and what they learn, in a
   * `ledger`.
   */
  static async make(
    yaml: string,
    clock: Clock = quickClock(speed),
    { ledger = false }: { readonly ledger?: boolean } = {},
  ): Promise<LivePipeline> {
    const folder = await Deno.makeTempDir({ prefix: "sluice-live-" });
    return new LivePipeline(folder, yaml, { clock, ledger });
  }

  /** Give its next runs another spec. */
  edit(yaml: string): void {
    this.#spec = this.#check(yaml);
  }

  /** What it runs. */
  get spec(): Spec {
    return this.#spec;
  }

  /** Start a run; `clock` is the one of the process that it stands for. */
  start(
    options: { readonly to?: number; readonly clock?: Clock } = {},
  ): LiveRun {
    const { clock = this.#clock } = options;
    const drain = new AbortController();
    let source: RunningSource | undefined;
    const run = async () => {
      await using state = openSqliteState(this.#state, { clock });
      return await runPipeline(this.#spec, {
        state,
        clock,
        ledger: this.#sharesBudgets
          ? () => Promise.resolve(this.openLedger(false, clock))
          : undefined,
        log: createLogger({
          level: "info",
          secrets: [],
          write: ({ fields, message }) =>
            this.log.push(`${message} ${JSON.stringify(fields)}`),
        }),
        metrics: new Metrics(),
        drain: drain.signal,
        to: options.to,
        started: (one) => source = one,
      });
    };
    const done = run();
    let ended = false;
    done.catch(() => {}).finally(() => ended = true);
    return {
      done,
      get ended() {
        return ended;
      },
      get source() {
        return source;
      },
      drain: () => drain.abort(new DOMException("Drained", "AbortError")),
    };
  }

  /** What its runs have used and learned so far. */
  openLedger(readOnly = false, clock = this.#clock): LedgerStore {
    return openSqliteLedger(join(this.folder, "usage.db"), {
      ...{ clock, readOnly },
      elapsed: clock.now,
    });
  }

  /** Where each sink stands, as the state file says. */
  async places(): Promise<ReadonlyMap<string, Position | undefined>> {
    await using state = this.#look();
    const cursors = await state.cursors();
    return new Map(cursors.map(({ at, sink }) => [sink, at]));
  }

  /** The first block that was ever read; infinity while there is none. */
  async origin(): Promise<number> {
    await using state = this.#look();
    return await state.origin("chain") ?? Infinity;
  }

  /** The changes in a file of JSON lines. */
  changes(name: string): Change[] {
    try {
      return jsonlChanges(Deno.readTextFileSync(join(this.folder, name)));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  }

  /** What a sink in memory holds, as if all of it were inserted. */
  table(sink: string): Change[] {
    return (this.#tables.get(sink)?.rows() ?? [])
      .map((row) => ({ op: "insert", row }));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Deno.remove(this.folder, { recursive: true });
  }

  #check(yaml: string): Spec {
    const file = join(this.folder, "spec.yaml");
    Deno.writeTextFileSync(file, yaml.replaceAll("FOLDER", this.folder));
    const memory = memorySink(this.#tables, () => {
      this.writes++;
      if (this.fuse-- <= 0) throw new Crash("crashed");
      return this.writeTakes > 0
        ? systemClock.sleep(this.writeTakes / 2)
        : undefined;
    });
    const { diagnostics, spec } = checkSpec(file, {
      registry: [evm, chainSource, stateSource, filter, fileSink, memory],
    });
    if (!spec) throw new Error(diagnostics.map((one) => one.message).join());
    return spec;
  }

  #look(): StateStore {
    return openSqliteState(this.#state, {
      clock: this.#clock,
      readOnly: true,
    });
  }

  get #state(): string {
    return join(this.folder, "state.db");
  }
}

/** A run of a {@linkcode LivePipeline}. */
export interface LiveRun {
  readonly done: Promise<unknown>;
  readonly ended: boolean;
  /** The source, once it has started. */
  readonly source: RunningSource | undefined;
  drain(): void;
}
