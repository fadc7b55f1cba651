/**
 * Services as processes of this machine, with their data in one folder.
 *
 * @module
 */
import { javaMissing } from "./java.ts";
import type { Kind } from "./kinds.ts";
import { listening } from "./ports.ts";
import type { Service } from "./service.ts";

/** A service that cannot be had, and what to do about it. */
export class ServiceError extends Error {
  override name = "ServiceError";
}

/** Where a service can be reached, and how it came about. */
export interface Found {
  kind: Kind;
  address: string;
  /** For people: `started in 5.1 s`. */
  how: string;
}

/**
 * Start services at once, or take those that the environment names.
 *
 * @throws {ServiceError} when one is not to be had; the others stay up
 */
export async function up(
  folder: string,
  { wanted, report }: {
    readonly wanted: readonly Kind[];
    readonly report: (found: Found) => void;
  },
): Promise<Found[]> {
  const given = await Promise.all(
    wanted.map((kind) => fromEnvironment(kind, folder)),
  );
  await checkJava(wanted.filter((_, i) => given[i] === undefined));
  const results = await Promise.allSettled(wanted.map(async (kind, i) => {
    const found = given[i] ?? await start(kind, folder);
    report(found);
    return found;
  }));
  const failed = results.find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
  return results.flatMap((result) =>
    result.status === "fulfilled" ? [result.value] : []
  );
}

/** Stop what runs, cleanly. */
export async function down(
  folder: string,
  { wanted, report }: {
    readonly wanted: readonly Kind[];
    readonly report: (kind: Kind) => void;
  },
): Promise<void> {
  await Promise.all(wanted.map(async (kind) => {
    const service = await existing(kind, folder);
    if (!service || await service.pid() === undefined) return;
    await service.stop();
    report(kind);
  }));
}

/** A service whose folder is there, running or not. */
export async function existing(
  kind: Kind,
  folder: string,
): Promise<Service | undefined> {
  const home = `${folder}/${kind.id}`;
  const there = await Deno.stat(home).then(() => true, () => false);
  return there ? await kind.open(home) : undefined;
}

async function start(kind: Kind, folder: string): Promise<Found> {
  // A test hands on who must not be outlived.
  const pid = Number(Deno.env.get("SLUICE_SERVICES_OWNER"));
  const owner = pid > 0 ? { pid } : undefined;
  const service = await kind.open(`${folder}/${kind.id}`, { owner });
  const { address } = service;
  const ran = await service.pid() !== undefined;
  const from = performance.now();
  try {
    await service.start();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ServiceError(`${kind.name}: ${reason}`, { cause: error });
  }
  const seconds = ((performance.now() - from) / 1000).toFixed(1);
  return {
    kind,
    address,
    how: ran ? "runs already" : `started in ${seconds} s`,
  };
}

/** Undefined when the environment names none, or the one of this folder. */
async function fromEnvironment(
  kind: Kind,
  folder: string,
): Promise<Found | undefined> {
  const address = Deno.env.get(kind.variable);
  if (!address) return undefined;
  if ((await existing(kind, folder))?.address === address) return undefined;
  const hosts = address.includes("://")
    ? [hostOf(new URL(address))]
    : address.split(",").map((host) => host.trim());
  const answers = await Promise.all(hosts.map(listening));
  if (!answers.includes(true)) {
    throw new ServiceError(
      `${kind.name}: ${kind.variable} is "${address}", where nothing ` +
        `answers; run "unset ${kind.variable}" to have one started here`,
    );
  }
  return { kind, address, how: `${kind.variable} is set` };
}

function hostOf({ protocol, hostname, port }: URL): string {
  return `${hostname}:${port || (protocol === "https:" ? 443 : 80)}`;
}

async function checkJava(wanted: readonly Kind[]): Promise<void> {
  const names = wanted.filter(({ needsJava }) => needsJava)
    .map(({ name }) => name);
  if (names.length === 0) return;
  const missing = await javaMissing();
  if (missing === undefined) return;
  throw new ServiceError(
    `Cannot start ${names.join(", ")}: ${missing}. With Docker, use ` +
      '"deno task services up --docker"; ClickHouse needs neither: ' +
      '"deno task services up clickhouse"',
  );
}
