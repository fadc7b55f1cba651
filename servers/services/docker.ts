/**
 * Services as containers: the real images of `deploy/compose.yaml`.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { kinds } from "./kinds.ts";
import { type Found, ServiceError } from "./local.ts";

const COMPOSE = fileURLToPath(
  new URL("../../deploy/compose.yaml", import.meta.url),
);

/** Where `deploy/compose.yaml` publishes each kind of service. */
export const ADDRESSES = {
  kafka: "127.0.0.1:9092",
  cassandra: "127.0.0.1:9042",
  registry: "http://127.0.0.1:8081/apis/ccompat/v7",
  clickhouse: "http://127.0.0.1:8123",
};

/**
 * Start the containers and wait until they are healthy.
 *
 * @throws {ServiceError} when Docker is not there or a container is not well
 */
export async function upDocker(): Promise<Found[]> {
  await compose("up", "--detach", "--wait");
  return kinds.map((kind) => ({
    kind,
    address: ADDRESSES[kind.id],
    how: "a container",
  }));
}

/** Stop and remove the containers; their volumes stay. */
export async function downDocker(): Promise<void> {
  await compose("down");
}

/** Print the containers. */
export async function statusDocker(): Promise<void> {
  await compose("ps");
}

async function compose(...args: string[]): Promise<void> {
  const all = ["compose", "--file", COMPOSE, ...args];
  let code: number;
  try {
    // Stdout belongs to the lines that a shell evaluates.
    const child = new Deno.Command("sh", {
      args: ["-c", 'exec docker "$@" >&2', "sh", ...all],
      stdin: "null",
      stdout: "null",
    }).spawn();
    code = (await child.status).code;
  } catch {
    code = 127;
  }
  if (code === 0) return;
  throw new ServiceError(
    code === 127
      ? "Docker is not there: install it, or leave out --docker"
      : `Cannot run "docker ${all.join(" ")}": it ended with code ${code}; ` +
        "Docker needs a daemon that runs and its compose plugin",
  );
}
