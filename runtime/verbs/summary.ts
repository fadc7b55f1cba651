/**
 * What a run did, as a small table.
 *
 * @module
 */
import Table from "cli-table3";
import { countText } from "../plan/quantity.ts";
import type { Metrics } from "../run/metrics.ts";
import type { SinkResult } from "../run/pipeline.ts";
import { timeText, type TimeUsed } from "../run/time_used.ts";
import type { Spec } from "../spec/spec.ts";

/** What a summary tells about. */
export interface SummaryOptions {
  readonly results: readonly SinkResult[];
  readonly metrics: Metrics;
  readonly seconds: number;
  readonly dryRun: boolean;
  /** Where the time went. */
  readonly time: TimeUsed;
  /** Whether the program was started through npx: then `deno` is not there. */
  readonly npx: boolean;
}

/** A table of the sinks and, where there is one, a query to try. */
export function summary(spec: Spec, options: SummaryOptions): string {
  const { dryRun, metrics, results, seconds, time } = options;
  const table = new Table({
    head: [
      "sink",
      "type",
      dryRun ? "rows (not written)" : "new rows",
      "up to block",
    ],
    style: { head: [], border: [], compact: true },
    colAligns: ["left", "left", "right", "right"],
  });
  for (const { cursor, name, rows, type } of results) {
    table.push([name, type, number(rows), number(cursor.at?.number)]);
  }
  const blocks = metrics.total("sluice_source_units_total");
  const lines = [
    table.toString(),
    `${number(blocks)} blocks in ${seconds.toFixed(1)} s`,
    ...time.size === 0 ? [] : [`time went to: ${timeText(time)}`],
  ];
  const query = dryRun ? undefined : queryToTry(spec, options.npx);
  if (query) lines.push("", "Try:", `  ${query}`);
  return lines.join("\n");
}

/** A `query` command on the first table of the spec. */
function queryToTry(spec: Spec, npx: boolean): string | undefined {
  const sink = spec.stages.find((stage) =>
    stage.kind === "sink" && "table" in stage.written &&
    stage.definition.type === "clickhouse"
  );
  if (!sink) return undefined;
  return `${npx ? "npx -y " : ""}deno task query ${spec.file} ` +
    `"SELECT count() FROM ${sink.written["table"]}"`;
}

function number(value: number | undefined): string {
  return value === undefined ? "-" : countText(value);
}
