/**
 * Several ways to do one job side by side, each run in a process of its own.
 *
 * @module
 */

/** What one run has measured. */
export interface Measured {
  readonly rows: number;
  readonly seconds: number;
  /** Seconds of CPU. */
  readonly cpu: number;
  /** Peak resident memory, MiB. */
  readonly peak: number;
  readonly megabytes?: number;
}

/** What is compared. */
export interface Rivalry {
  /** The benchmark itself, which runs one way when it is told `--only`. */
  readonly file: string;
  /** What else it is told. */
  readonly args: readonly string[];
  readonly ports: readonly string[];
  readonly rivals: readonly string[];
  /** The two whose rates are compared: ours and the peer's. */
  readonly ratio: readonly [string, string];
  readonly runs: number;
}

/** Run every rival by turns and print how fast each was. */
export async function compare(rivalry: Rivalry): Promise<void> {
  const { ports, ratio: [ours, peer], rivals, runs } = rivalry;
  for (const port of ports) {
    const results = new Map<string, Measured[]>();
    for (let run = 0; run < runs; run++) {
      // By turns, so that a slow minute of the machine meets all of them.
      for (const rival of rivals) {
        const measured = await measure(`${port}/${rival}`, rivalry);
        results.set(rival, [...results.get(rival) ?? [], measured]);
      }
    }
    for (const [rival, all] of results) print(lineOf(`${port} ${rival}`, all));
    const rate = (rival: string) => rateOf(results.get(rival) ?? []);
    print(`${port} ${ours}/${peer}: ${(rate(ours) / rate(peer)).toFixed(2)}`);
  }
}

/** Print a line on standard output. */
export function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

async function measure(
  only: string,
  { args, file }: Rivalry,
): Promise<Measured> {
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", file, "--only", only, ...args],
    stderr: "inherit",
  }).output();
  if (code !== 0) throw new Error(`The run of ${only} failed`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

function lineOf(name: string, runs: readonly Measured[]): string {
  const [first] = runs;
  const cpu = median(runs.map(({ cpu, rows }) => cpu / rows * 1e6));
  const peak = Math.max(...runs.map((one) => one.peak));
  const size = first?.megabytes === undefined
    ? ""
    : `, ${first.megabytes.toFixed()} MB`;
  return `${name}: ${rateOf(runs).toFixed()} rows/s, ${cpu.toFixed(1)} µs of ` +
    `CPU a row, ${peak.toFixed()} MiB; ${first?.rows} rows${size}; runs ` +
    runs.map(({ rows, seconds }) => (rows / seconds).toFixed()).join(" ");
}

function rateOf(runs: readonly Measured[]): number {
  return median(runs.map(({ rows, seconds }) => rows / seconds));
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}
