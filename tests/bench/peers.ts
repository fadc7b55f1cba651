// deno-lint-ignore-file no-console -- a benchmark prints its table
/**
 * Jobs of the shared bench beside its peers, in one run on one machine, over
 * 2,000 blocks of 100 transactions (C: 100 blocks):
 *
 * - A: Transfer events of one ERC-20, decoded, with their times, to a file;
 * - B: every block, transaction, receipt and log, to files and to the
 *   embedded ClickHouse;
 * - C: the same to files, from a provider that refuses more than 10 calls in
 *   any second; Sluice is told "10/s".
 *
 *   deno task bench [--runs 3] [--jobs A,B,C] [--peers squid,tiders,cryo]
 *
 * Needs the bench folder (SLUICE_BENCH, default ../shared/bench) with its
 * peers installed in SLUICE_BENCH_WORK (default .sluice/bench):
 *
 *   python3 BENCH/bench.py install squid tiders cryo --work WORK
 *
 * and GNU time. Each run gets a fresh node and an empty folder; CPU and peak
 * RSS are the kernel's for the program and its children, without the node;
 * rows are compared with the node's own totals. In job B Sluice asks for a
 * block and its receipts in one request (`batch: 2`), as fits a node of one's
 * own; Squid and Tiders batch by default.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { TextLineStream } from "./lines.ts";
import { type BenchPlace, benchPlace, getJson, startNode } from "./node.ts";

/** The last block of each job; the first is 1. */
const lastOf = { A: 2000, B: 2000, C: 100 } as const;

/** The token of job A. */
const token = "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48";

const root = new URL("../../", import.meta.url).pathname;

type Job = keyof typeof lastOf;

interface Result {
  readonly job: Job;
  readonly name: string;
  readonly wall: number;
  readonly cpu: number;
  readonly rssMiB: number;
  readonly calls: number;
  /** Requests that the node refused. */
  readonly refused: number;
  readonly correct: boolean;
}

/** Totals that a correct reader finds, as the node says them. */
interface Truth {
  readonly blocks: number;
  readonly transactions: number;
  readonly failed: number;
  readonly logs: number;
  readonly gasUsed: number;
}

/** Transfers of one token, as the node says them. */
interface Transfers {
  readonly count: number;
  readonly sum: number;
}

/** One way to run Sluice. */
interface Trial {
  readonly job: Job;
  readonly name: string;
  readonly spec: string;
  /** What the node refuses; nothing when absent. */
  readonly limits?: Readonly<Record<string, number>>;
  /** Whether the rows are right. */
  check(run: { folder: string; url: string }): Promise<boolean>;
}

const sinks = (file: boolean) =>
  ["blocks", "transactions", "logs"].map((port) => {
    const order = port === "blocks"
      ? "[number]"
      : `[block_number, ${
        port === "logs" ? "log_index" : "transaction_index"
      }]`;
    return file
      ? `  ${port}: { type: file, from: chain.${port}, path: ${port}.jsonl }`
      : `  ${port}: { type: clickhouse, connection: warehouse, ` +
        `from: chain.${port}, table: ${port}, order_by: ${order} }`;
  }).join("\n");

function spec(file: boolean, told: string): string {
  return `name: bench
connections:
  eth: { type: evm, url: "\${ETH_RPC_URL}", ${told} }
${
    file
      ? ""
      : "  warehouse: { type: clickhouse, embedded: clickhouse }\n"
  }sources:
  chain: { type: evm.chain, connection: eth, emit: [blocks, transactions, logs], start: 1 }
sinks:
${sinks(file)}
`;
}

const trials: readonly Trial[] = [
  {
    job: "A",
    name: "Sluice to a file",
    spec: Deno.readTextFileSync(`${root}tests/bench/transfers.yaml`),
    async check({ folder, url }) {
      const truth = await getJson<
        { transfers: Record<string, Transfers> }
      >(`${url}/truth?from=1&to=${lastOf.A}`);
      const found = await countTransfers(folder);
      const right = truth.transfers[token];
      // The node writes a number that JSON.parse has to round.
      return found.timed && found.count === right?.count &&
        Number(found.sum) === right.sum;
    },
  },
  ...[true, false].map((file): Trial => ({
    job: "B",
    name: file ? "Sluice to files" : "Sluice to ClickHouse",
    spec: spec(file, "batch: 2"),
    async check({ folder, url }) {
      const rows = file
        ? await countFiles(folder)
        : await countTables(folder, url);
      return await isTruth(rows, { job: "B", url });
    },
  })),
  {
    job: "C",
    name: "Sluice to files",
    spec: spec(true, "rate: 10/s"),
    limits: { rps: 10 },
    check: async ({ folder, url }) =>
      await isTruth(await countFiles(folder), { job: "C", url }),
  },
];

async function isTruth(
  rows: Truth,
  { job, url }: { readonly job: Job; readonly url: string },
): Promise<boolean> {
  const to = lastOf[job];
  const truth = await getJson<Truth>(`${url}/truth?from=1&to=${to}`);
  return Object.entries(rows).every(([key, value]) =>
    truth[key as keyof Truth] === value
  );
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      runs: { type: "string", default: "3" },
      jobs: { type: "string", default: "A,B,C" },
      peers: { type: "string", default: "squid,tiders,cryo" },
    },
  });
  const place = benchPlace();
  const results: Result[] = [];
  const jobs = values.jobs.split(",").filter(Boolean) as Job[];
  for (let run = 0; run < Number(values.runs); run++) {
    for (const job of jobs) {
      for (const peer of values.peers.split(",").filter(Boolean)) {
        results.push(await runPeer(peer, job, place));
      }
      for (const trial of trials.filter((one) => one.job === job)) {
        results.push(await runSluice(trial, place));
      }
    }
    for (const job of jobs) {
      print(job, results.filter((one) => one.job === job));
    }
  }
}

/** One run of a peer by the shared bench. */
async function runPeer(
  peer: string,
  job: Job,
  place: BenchPlace,
): Promise<Result> {
  const output = await execute("python3", [
    `${place.bench}/bench.py`,
    ...["run", peer, "--jobs", job, "--runs", "1", "--work", place.work],
  ]);
  const line = JSON.parse(output.trim().split("\n").at(-1) ?? "{}");
  const { calls, correct, cpu, refused, rssMiB, wall } = line;
  return { job, name: peer, wall, cpu, rssMiB, calls, refused, correct };
}

/** One run of Sluice on a fresh node and an empty folder. */
async function runSluice(
  { check, job, limits = {}, name, spec }: Trial,
  place: BenchPlace,
): Promise<Result> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-bench-" });
  await using node = await startNode(place);
  const { url } = node;
  const last = lastOf[job];
  try {
    // The node makes the blocks before anybody waits for them.
    await getJson(`${url}/truth?from=1&to=${last}`);
    await post(`${url}/control`, limits);
    await post(`${url}/reset`, {});
    await Deno.writeTextFile(`${folder}/spec.yaml`, spec);
    const began = performance.now();
    const time = await sluice(["run", "spec.yaml", "--to", String(last)], {
      folder,
      url,
      timed: true,
    });
    const wall = (performance.now() - began) / 1000;
    const stats: { readonly calls: number; readonly refusedPosts: number } =
      await getJson(`${url}/stats`);
    const correct = await check({ folder, url });
    if (!correct) console.error(`${name}: wrong rows`);
    return {
      job,
      name,
      wall,
      cpu: seconds(time, "User time") + seconds(time, "System time"),
      rssMiB: seconds(time, "Maximum resident") / 1024,
      calls: stats.calls,
      refused: stats.refusedPosts,
      correct,
    };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function post(url: string, body: unknown): Promise<void> {
  const reply = await fetch(url, {
    method: "POST",
    body: JSON.stringify(body),
  });
  await reply.text();
}

/** Run the program in a folder; what it (or GNU time) says on stderr. */
async function sluice(
  args: readonly string[],
  { folder, timed, url }: { folder: string; timed: boolean; url: string },
): Promise<string> {
  const program = [
    Deno.execPath(),
    ...["run", "-A", "--config", `${root}deno.json`, `${root}sluice.ts`],
    ...args,
  ];
  const [command = "", ...rest] = timed
    ? ["/usr/bin/time", "-v", ...program]
    : program;
  const output = await new Deno.Command(command, {
    args: rest,
    cwd: folder,
    env: { ETH_RPC_URL: `${url}/bench` },
    stdout: "piped",
    stderr: "piped",
  }).output();
  const text = new TextDecoder().decode(output.stderr);
  if (!output.success) throw new Error(`Sluice failed: ${text}`);
  return timed ? text : new TextDecoder().decode(output.stdout);
}

async function countTransfers(folder: string) {
  const file = await Deno.open(`${folder}/transfers.jsonl`);
  let [count, sum, timed] = [0, 0n, true];
  for await (const line of file.readable.pipeThrough(new TextLineStream())) {
    const { block_timestamp, value } = JSON.parse(line);
    count++;
    sum += BigInt(value);
    timed &&= Date.parse(block_timestamp) > 0;
  }
  return { count, sum, timed };
}

async function countFiles(folder: string): Promise<Truth> {
  let failed = 0;
  let gasUsed = 0;
  const count = async (name: string, each: (line: string) => void) => {
    let lines = 0;
    const file = await Deno.open(`${folder}/${name}.jsonl`);
    for await (const line of file.readable.pipeThrough(new TextLineStream())) {
      lines++;
      each(line);
    }
    return lines;
  };
  const blocks = await count("blocks", (line) => {
    gasUsed += JSON.parse(line).gas_used;
  });
  const transactions = await count("transactions", (line) => {
    if (JSON.parse(line).receipt_status === 0) failed++;
  });
  const logs = await count("logs", () => {});
  return { blocks, transactions, failed, logs, gasUsed };
}

async function countTables(folder: string, url: string): Promise<Truth> {
  const sql = `SELECT (SELECT count() FROM blocks) AS blocks,
    (SELECT sum(gas_used) FROM blocks) AS gasUsed,
    (SELECT count() FROM transactions) AS transactions,
    (SELECT countIf(receipt_status = 0) FROM transactions) AS failed,
    (SELECT count() FROM logs) AS logs`;
  const args = ["query", "spec.yaml", sql, "--format", "json"];
  const text = await sluice(args, { folder, url, timed: false });
  const row: Record<string, string> = JSON.parse(text);
  return Object.fromEntries(
    Object.entries(row).map(([key, value]) => [key, Number(value)]),
  ) as unknown as Truth;
}

function seconds(time: string, what: string): number {
  const [, value] = new RegExp(`${what}.*: ([0-9.]+)`).exec(time) ?? [];
  return Number(value);
}

/** A table of medians, and how Sluice stands to each peer. */
function print(job: Job, results: readonly Result[]): void {
  const names = [...new Set(results.map(({ name }) => name))];
  const rows = names.map((name) => {
    const runs = results.filter((result) => result.name === name);
    const median = (of: (result: Result) => number) =>
      runs.map(of).sort((a, b) => a - b)[Math.floor(runs.length / 2)] ?? 0;
    return {
      name,
      runs: runs.length,
      wall: median(({ wall }) => wall),
      cpu: median(({ cpu }) => cpu),
      rss: median(({ rssMiB }) => rssMiB),
      calls: median(({ calls }) => calls),
      refused: Math.max(...runs.map(({ refused }) => refused)),
      right: runs.filter(({ correct }) => correct).length,
    };
  });
  console.log(
    `| job ${job} | runs | wall s | blocks/s | CPU s | peak RSS MiB | calls | most refused | rows right |`,
  );
  console.log("|---|---|---|---|---|---|---|---|---|");
  for (const row of rows) {
    const { calls, cpu, name, refused, right, rss, runs, wall } = row;
    console.log(
      `| ${name} | ${runs} | ${wall.toFixed(2)} | ${
        Math.round(lastOf[job] / wall)
      } | ${cpu.toFixed(1)} | ${
        Math.round(rss)
      } | ${calls} | ${refused} | ${right}/${runs} |`,
    );
  }
  for (const ours of rows.filter(({ name }) => name.startsWith("Sluice"))) {
    const ratios = rows.filter(({ name }) => !name.startsWith("Sluice"))
      .map(({ name, wall }) => `${(wall / ours.wall).toFixed(2)} x ${name}`);
    console.log(`${ours.name}: ${ratios.join(", ")} (by wall time)`);
  }
}

async function execute(command: string, args: string[]): Promise<string> {
  const { stderr, stdout, success } = await new Deno.Command(command, {
    args,
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (!success) {
    throw new Error(`${command} failed: ${new TextDecoder().decode(stderr)}`);
  }
  return new TextDecoder().decode(stdout);
}

if (import.meta.main) await main();
