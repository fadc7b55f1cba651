import assert from "node:assert/strict";
import { parse } from "yaml";
import { ADDRESSES } from "../../servers/services/docker.ts";

/** What the tests look at. */
interface Compose {
  services: Record<string, {
    image: string;
    command?: string;
    ports: string[];
    environment?: Record<string, unknown>;
    volumes?: string[];
    healthcheck: { test: string[] };
    depends_on?: Record<string, unknown>;
  }>;
  volumes: Record<string, unknown>;
}

const file = new URL("../../deploy/compose.yaml", import.meta.url);
const { services, volumes }: Compose = parse(Deno.readTextFileSync(file));

Deno.test("compose.yaml publishes what services up --docker prints", () => {
  const published = Object.values(services).flatMap(({ ports }) => ports)
    .map((port) => port.slice(0, port.lastIndexOf(":"))).sort();
  const printed = Object.values(ADDRESSES)
    .map((address) => address.replace(/^http:\/\/|\/.*$/g, "")).sort();
  assert.deepEqual(published, printed);
});

Deno.test("compose.yaml names a release of each image", () => {
  for (const { image } of Object.values(services)) {
    assert.match(image, /^[a-z]+\/[a-z-]+:\d+\.\d+(\.\d+)?$/);
  }
});

Deno.test("compose.yaml can tell whether a service is well", () => {
  for (const [name, { healthcheck }] of Object.entries(services)) {
    assert.match(healthcheck.test[0] ?? "", /^CMD(-SHELL)?$/, name);
  }
});

Deno.test("compose.yaml mounts the volumes that it declares", () => {
  const mounted = Object.values(services)
    .flatMap(({ volumes = [] }) => volumes.map((one) => one.split(":")[0]));
  assert.deepEqual(mounted.sort(), Object.keys(volumes).sort());
});

Deno.test("compose.yaml sends Kafka's clients back to where they came from", () => {
  const advertised = String(
    services.kafka?.environment?.KAFKA_ADVERTISED_LISTENERS,
  );
  assert(advertised.includes(`HOST://${ADDRESSES.kafka}`));
  const inside = services.registry?.environment
    ?.APICURIO_KAFKASQL_BOOTSTRAP_SERVERS;
  assert(advertised.includes(`NETWORK://${inside}`));
});
