/**
 * The connection to a chain: endpoints, keys and what they may spend.
 *
 * @module
 */
import {
  type Config,
  type ConnectionContext,
  defineConnection,
  type Fields,
  fields,
  optional,
  UserError,
} from "../../../runtime/component.ts";
import { type BlockRange, EvmClient } from "./client.ts";
import { Endpoint } from "./endpoint.ts";
import {
  checkEndpoint,
  checkGroups,
  endpointFields,
  type EndpointSettings,
  endpointsOf,
  keysOf,
  limitFields,
  RECORDING,
  urlField,
} from "./endpoint_fields.ts";
import { fingerprint, maskedKey } from "./keys.ts";
import { Tariff } from "./plan.ts";
import { adviseOnDear, blocksPerDay, tariffsOf } from "./tariffs.ts";
import {
  openRecording,
  type Recording,
  RecordingError,
} from "../recording/recording.ts";
import { RecordingTransport } from "../recording/replay.ts";
import { HttpTransport, type Transport } from "./rpc.ts";

// Calls of one key under way at once. With 50 ms to the node that is 320
// calls a second, more than any free plan allows.
const IN_FLIGHT = 16;

const members = {
  chain_id: optional(fields.integer("Id that every endpoint must report")),
  url: optional(urlField),
  ...limitFields,
  endpoints: optional(fields.list(
    fields.object(endpointFields, "One provider or node"),
    "Several providers or nodes; the preferred ones first where prices do " +
      "not decide",
  )),
  timeout: optional(fields.duration("How long an answer may take"), "30s"),
  missing_timeout: optional(
    fields.duration("How long to ask again for what no node has yet"),
    "30s",
  ),
} satisfies Fields;

type Settings = Config<typeof members>;

/** Nodes of one EVM chain behind HTTP, paced and interchangeable. */
export const evm = defineConnection({
  type: "evm",
  summary: "Nodes of one EVM chain behind HTTP, paced and interchangeable",
  fields: members,
  offers: ["keys", "record", "transactions"],
  example: `
name: heads
connections:
  eth:
    type: evm
    chain_id: 1
    endpoints:
      - name: provider
        url: https://mainnet.example.org/v3/{key}
        keys: "\${PROVIDER_KEYS:-demo}" # each of an account of its own
        plan: infura/free # prices, rate and quota
        reserve: 20% # of each day, for the head
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
      checkEndpoint(one, at);
    });
    checkGroups(config.endpoints ?? [], place);
    if (config.url !== undefined) {
      checkEndpoint({ ...config, url: config.url }, place);
    }
  },
  advise: ({ calls, config, place }) => adviseOnDear(config, { calls, place }),
  tariffs: (config) => tariffsOf(config),
  unitsPerDay: ({ chain_id }) => blocksPerDay(chain_id),
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
        const unlimited = {
          ...one,
          lacks: ["eth_getLogs"],
          plan: undefined,
          quota: undefined,
          quota_group: undefined,
          rate: undefined,
        };
        endpoints.push(openEndpoint(
          unlimited,
          new RecordingTransport(recording),
          { context, config },
        ));
        continue;
      }
      const keys = keysOf(one);
      for (const [index, key] of keys.entries()) {
        const filled = (url: string) =>
          url.replaceAll("{key}", encodeURIComponent(key));
        const url = filled(one.url);
        const name = keys.length > 1 ? `${one.name}#${index + 1}` : one.name;
        endpoints.push(openEndpoint(
          { ...one, name },
          new HttpTransport(url),
          {
            ...{ context, config, key: maskedKey(key) },
            identity: await fingerprint(url, key),
            socket: one.ws_url ? filled(one.ws_url) : undefined,
          },
        ));
      }
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

function openEndpoint(
  settings: EndpointSettings,
  transport: Transport,
  { config, context, identity, key, socket }: {
    context: ConnectionContext;
    config: Settings;
    identity?: string;
    key?: string;
    socket?: string | undefined;
  },
): Endpoint {
  const { clock, log, metrics, name, scheduler } = context;
  const { in_flight = IN_FLIGHT, url } = settings;
  const tariff = new Tariff(settings);
  const label = settings.name === name ? name : `${name}/${settings.name}`;
  return new Endpoint({
    name: settings.name,
    host: URL.parse(url)?.host || url,
    ...(key === undefined ? {} : { key }),
    transport,
    socket,
    budget: scheduler.budget({
      name: label,
      ...(identity === undefined ? {} : { identity }),
      windows: tariff.windows,
      inFlight: in_flight,
      group: settings.quota_group,
      reserve: settings.reserve,
    }),
    tariff,
    inFlight: in_flight,
    timeout: config.timeout,
    batch: settings.batch,
    clock,
    log,
    metrics,
  });
}
