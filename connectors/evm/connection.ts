/**
 * The connection to a chain: endpoints, keys and what they may spend.
 *
 * @module
 */
import {
  type Config,
  type ConnectionContext,
  defineConnection,
  type Field,
  type Fields,
  fields,
  optional,
  type Place,
  UserError,
  type Window,
} from "../../runtime/component.ts";
import { type BlockRange, EvmClient } from "./client.ts";
import { Endpoint } from "./endpoint.ts";
import { openRecording, type Recording, RecordingError } from "./recording.ts";
import { RecordingTransport } from "./replay.ts";
import { HttpTransport, type Transport } from "./rpc.ts";

// Calls of one key under way at once. With 50 ms to the node that is 320
// calls a second, more than any free plan allows.
const IN_FLIGHT = 16;

const RECORDING = "recording:";

/** An address of a node; an empty one leaves the endpoint out. */
const url: Field<string> = {
  doc: "Where the node is: http, https, or recording:PATH; " +
    "{key} stands for the key, and an empty one leaves the endpoint out",
  required: true,
  schema: { type: "string", examples: ["https://eth.example.org/v2/{key}"] },
  read(value, place) {
    if (typeof value !== "string") return place.report("Expected a URL");
    if (value === "" || value.startsWith(RECORDING)) return value;
    const { protocol } = URL.parse(value) ?? {};
    if (protocol === "http:" || protocol === "https:") return value;
    // The text may hold a key, so no message repeats it.
    return place.report(
      "Expected an http or https URL, or recording:PATH",
      /^wss?:/.test(value) ? "use the provider's https URL" : undefined,
    );
  },
};

const limits = {
  keys: optional(fields.list(
    fields.secret("An API key"),
    "API keys, each with limits of its own; may be separated by commas",
  )),
  rate: optional(fields.rate("Calls that one key may make: 25/s")),
  quota: optional(fields.rate("Calls that one key may make: 100000/day")),
  in_flight: optional(fields.integer(
    "Calls of one key that may be under way at once",
    { min: 1, max: 1000 },
  )),
  batch: optional(
    fields.integer("Calls that may share one request; 1: none", {
      min: 1,
      max: 100,
    }),
    1,
  ),
};

const endpoint = {
  name: fields.string("Name of the endpoint, for logs and metrics"),
  url,
  ...limits,
};

const members = {
  chain_id: optional(fields.integer("Id that every endpoint must report")),
  url: optional(url),
  ...limits,
  endpoints: optional(fields.list(
    fields.object(endpoint, "One provider or node"),
    "Several providers or nodes; the preferred ones first",
  )),
  timeout: optional(fields.duration("How long an answer may take"), "30s"),
  missing_timeout: optional(
    fields.duration("How long to ask again for what no node has yet"),
    "30s",
  ),
} satisfies Fields;

type Settings = Config<typeof members>;
type EndpointSettings = Config<typeof endpoint>;

/** Nodes of one EVM chain behind HTTP, paced and interchangeable. */
export const evm = defineConnection({
  type: "evm",
  summary: "Nodes of one EVM chain behind HTTP, paced and interchangeable",
  fields: members,
  offers: ["record"],
  example: `
name: heads
connections:
  eth:
    type: evm
    chain_id: 1
    endpoints:
      - name: provider
        url: https://mainnet.example.org/v3/{key}
        keys: "\${PROVIDER_KEYS:-demo}"
        rate: 10/s
        quota: 100000/day
      - { name: own, url: "\${OWN_NODE_URL:-}", in_flight: 32 }
sources:
  chain: { type: evm.chain, connection: eth, emit: [blocks], start: latest }
sinks:
  blocks: { type: file, from: chain.blocks, path: data/blocks.jsonl }
`,
  check({ config, place }) {
    if (config.url !== undefined && config.endpoints !== undefined) {
      place.at("url").report(
        "Use either url or endpoints, not both",
        "make it one of the endpoints",
      );
    }
    if (config.url === undefined && config.endpoints === undefined) {
      place.report('Missing field "url"', "or endpoints", { key: true });
    }
    const recorded = config.endpoints?.findIndex(({ url }) =>
      url.startsWith(RECORDING)
    ) ?? -1;
    if (recorded >= 0 && (config.endpoints?.length ?? 0) > 1) {
      place.at("endpoints").at(recorded).at("url").report(
        "A recording stands alone: it ends, and other nodes go on",
        "give it a connection of its own",
      );
    }
    const seen = new Set<string>();
    config.endpoints?.forEach((one, index) => {
      const at = place.at("endpoints").at(index);
      if (seen.has(one.name)) {
        at.at("name").report(`Two endpoints are called "${one.name}"`);
      }
      seen.add(one.name);
      checkKeys(one, at);
    });
    if (config.url !== undefined) {
      checkKeys({ ...config, url: config.url }, place);
    }
  },
  async open(config, context) {
    const { clock, log, name, scheduler } = context;
    const settings = endpointsOf(config, name);
    const endpoints: Endpoint[] = [];
    let range: BlockRange | undefined;
    for (const one of settings) {
      if (one.url === "") continue;
      if (one.url.startsWith(RECORDING)) {
        const path = one.url.slice(RECORDING.length);
        const recording = await recordingAt(path);
        range = recording.header;
        // Nobody counts what is read from a file.
        const unlimited = { ...one, quota: undefined, rate: undefined };
        endpoints.push(openEndpoint(
          unlimited,
          new RecordingTransport(recording),
          { context, config },
        ));
        continue;
      }
      const keys = keysOf(one);
      keys.forEach((key, index) => {
        const url = one.url.replaceAll("{key}", encodeURIComponent(key));
        const name = keys.length > 1 ? `${one.name}#${index + 1}` : one.name;
        endpoints.push(openEndpoint(
          { ...one, name },
          new HttpTransport(url),
          { context, config },
        ));
      });
    }
    if (endpoints.length === 0) {
      throw new UserError(
        `Connection "${name}" has no endpoint: every url is empty`,
      );
    }
    return new EvmClient({
      name,
      endpoints,
      scheduler,
      clock,
      log,
      chainId: config.chain_id,
      missingTimeout: config.missing_timeout,
      inFlight: endpoints.reduce((sum, { inFlight }) => sum + inFlight, 0),
      range,
    });
  },
});

async function recordingAt(path: string): Promise<Recording> {
  try {
    return await openRecording(path);
  } catch (error) {
    if (!(error instanceof RecordingError)) throw error;
    throw new UserError(error.message, { cause: error });
  }
}

function endpointsOf(
  config: Settings,
  name: string,
): readonly EndpointSettings[] {
  if (config.endpoints !== undefined) return config.endpoints;
  return [{ ...config, name, url: config.url ?? "" }];
}

/** Keys of an endpoint; one that is empty when it needs none. */
function keysOf({ keys }: EndpointSettings): readonly string[] {
  const split = (keys ?? []).flatMap((one) => one.split(","))
    .map((one) => one.trim())
    .filter((one) => one !== "");
  return split.length > 0 ? split : [""];
}

function openEndpoint(
  settings: EndpointSettings,
  transport: Transport,
  { context, config }: { context: ConnectionContext; config: Settings },
): Endpoint {
  const { clock, log, metrics, name, scheduler } = context;
  const { in_flight = IN_FLIGHT, quota, rate, url } = settings;
  const windows = [rate, quota].filter((one): one is Window =>
    one !== undefined
  );
  const label = settings.name === name ? name : `${name}/${settings.name}`;
  return new Endpoint({
    name: settings.name,
    host: URL.parse(url)?.host || url,
    transport,
    budget: scheduler.budget({ name: label, windows, inFlight: in_flight }),
    inFlight: in_flight,
    timeout: config.timeout,
    batch: settings.batch,
    clock,
    log,
    metrics,
  });
}

function checkKeys(
  { keys, url }: Pick<EndpointSettings, "keys" | "url">,
  place: Place,
): void {
  const uses = url.includes("{key}");
  if (keys !== undefined && !uses && url !== "") {
    place.at("keys").report("The url has no place for a key", "put {key} in");
  }
  if (keys === undefined && uses) {
    place.at("url").report("The url needs a key", "add keys");
  }
}
