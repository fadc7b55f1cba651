/**
 * Tells how far a run is: one line that renews itself on a terminal, JSON
 * lines otherwise.
 *
 * @module
 */
import { countText } from "../plan/quantity.ts";
import type { Logger } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import type { RunningSource } from "./pipeline.ts";
import { sumOf, timeText, type TimeUsed } from "./time_used.ts";

/** How often a terminal's line is renewed, ms. */
const lineEvery = 500;

/** How often a JSON line is written, ms. */
const jsonEvery = 10_000;

/** Rates are taken over so many of the last samples. */
const samplesKept = 20;

/** Where progress goes. */
export interface ProgressOptions {
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Renew the terminal's line; absent when nobody looks. */
  readonly line?: ((text: string) => void) | undefined;
}

/** What a progress line says. */
export interface ProgressReport {
  readonly block: number | undefined;
  readonly behind: number | undefined;
  readonly blocksPerSecond: number;
  readonly rowsPerSecond: number;
  readonly secondsLeft: number | undefined;
  /** What took the time lately. */
  readonly limitedBy: string;
}

interface Sample {
  readonly time: number;
  readonly blocks: number;
  readonly rows: number;
  readonly used: TimeUsed;
}

/** Reports on a run until it is disposed. */
export class ProgressReporter implements Disposable {
  readonly #options: ProgressOptions;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #samples: Sample[] = [];
  #sources: RunningSource[] = [];

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#timer = setInterval(
      () => this.#tick(),
      options.line ? lineEvery : jsonEvery,
    );
    this.#sample();
  }

  /** Follow a source from now on. */
  add(source: RunningSource): void {
    this.#sources.push(source);
  }

  /** How far each source is now. */
  reports(): readonly (ProgressReport & { readonly name: string })[] {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    const seconds = first && last ? (last.time - first.time) / 1000 : 0;
    const rate = (what: "blocks" | "rows") =>
      first && last && seconds > 0 ? (last[what] - first[what]) / seconds : 0;
    const limitedBy = timeText(
      sumOf(last ? [last.used] : [], first?.used),
    );
    return this.#sources.map((source) => {
      const { at, head, name, to } = source;
      const goal = to ?? head?.latest;
      const left = goal === undefined || at === undefined
        ? undefined
        : Math.max(0, goal - at);
      const blocksPerSecond = rate("blocks");
      return {
        name,
        block: at,
        behind: head && at !== undefined
          ? Math.max(0, head.latest - at)
          : undefined,
        blocksPerSecond,
        rowsPerSecond: rate("rows"),
        secondsLeft: left && blocksPerSecond > 0
          ? left / blocksPerSecond
          : undefined,
        limitedBy,
      };
    });
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#options.line?.("");
  }

  #sample(): void {
    const { metrics } = this.#options;
    this.#samples.push({
      time: performance.now(),
      blocks: metrics.total("sluice_source_units_total"),
      rows: metrics.total("sluice_sink_rows_total"),
      used: sumOf(this.#sources.map(({ time }) => time)),
    });
    if (this.#samples.length > samplesKept) this.#samples.shift();
  }

  #tick(): void {
    const { line, log } = this.#options;
    this.#sample();
    const reports = this.reports();
    if (line) line(reports.map(progressLine).join(" | "));
    else for (const report of reports) log.info("Progress", rounded(report));
  }
}

/** A report as one line for a person. */
export function progressLine(
  report: ProgressReport & { readonly name: string },
): string {
  const { behind, block, blocksPerSecond, name, rowsPerSecond, secondsLeft } =
    report;
  const [limit = ""] = report.limitedBy.split(", ");
  if (block === undefined) return `${name}: waits for the first block`;
  return [
    `${name}: block ${countText(block)}`,
    behind === undefined ? "" : `${countText(behind)} behind head`,
    `${countText(Math.round(blocksPerSecond))} blocks/s`,
    `${countText(Math.round(rowsPerSecond))} rows/s`,
    secondsLeft === undefined ? "" : `${leftText(secondsLeft)} left`,
    limit,
  ].filter((part) => part !== "").join(", ");
}

function leftText(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const hours = Math.floor(whole / 3600);
  return `${hours} h ${Math.floor(whole % 3600 / 60)} min`;
}

function rounded(report: ProgressReport & { readonly name: string }) {
  const { behind, block, blocksPerSecond, name, rowsPerSecond, secondsLeft } =
    report;
  return {
    source: name,
    block,
    behind_head: behind,
    blocks_per_second: Math.round(blocksPerSecond * 10) / 10,
    rows_per_second: Math.round(rowsPerSecond),
    seconds_left: secondsLeft && Math.ceil(secondsLeft),
    limited_by: report.limitedBy,
  };
}
