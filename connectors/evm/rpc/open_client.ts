/**
 * Opens the connection to a chain.
 *
 * @module
 */
import {
  type ConnectionContext,
  type Facts,
  UserError,
} from "../../../runtime/component.ts";
import { type BlockRange, EvmClient } from "./client.ts";
import type { EvmConfig } from "./connection.ts";
import { Endpoint } from "./endpoint.ts";
import {
  type EndpointSettings,
  endpointsOf,
  keysOf,
  RECORDING,
  urlFor,
} from "./endpoint_fields.ts";
import { endpointId, fingerprint, maskedKey } from "./keys.ts";
import { Tariff } from "./plan.ts";
import { HttpTransport, type Transport } from "./rpc.ts";

// Calls of one key under way at once. With 50 ms to the node that is 320
// calls a second, more than any free plan allows.
const IN_FLIGHT = 16;

/** Open a client: an endpoint for each key of each node. */
export async function openClient(
  config: EvmConfig,
  context: ConnectionContext,
): Promise<EvmClient> {
  const { clock, facts, log, name, scheduler } = context;
  const settings = endpointsOf(config, name);
  const endpoints: Endpoint[] = [];
  let range: BlockRange | undefined;
  for (const one of settings) {
    if (one.url === "") continue;
    if (one.url.startsWith(RECORDING)) {
      const { header, transport } = await replay(one.url);
      range = header;
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
        transport,
        { context, config, tariff: new Tariff(unlimited) },
      ));
      continue;
    }
    const keys = keysOf(one);
    const tariff = new Tariff(one);
    for (const [index, key] of keys.entries()) {
      const url = urlFor(key, one.url);
      const name = keys.length > 1 ? `${one.name}#${index + 1}` : one.name;
      endpoints.push(openEndpoint(
        { ...one, name },
        new HttpTransport(url),
        {
          ...{ context, config, key: maskedKey(key), tariff },
          identity: await fingerprint(url, key),
          facts: facts?.(await endpointId(url, tariff)),
          socket: one.ws_url ? urlFor(key, one.ws_url) : undefined,
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
}

/** What answers from a recording; loaded where there is one. */
async function replay(
  url: string,
): Promise<{ readonly transport: Transport; readonly header: BlockRange }> {
  const { openRecording, RecordingError } = await import(
    "../recording/recording.ts"
  );
  const { RecordingTransport } = await import("../recording/replay.ts");
  try {
    const recording = await openRecording(url.slice(RECORDING.length));
    const { header } = recording;
    return { header, transport: new RecordingTransport(recording) };
  } catch (error) {
    if (!(error instanceof RecordingError)) throw error;
    throw new UserError(error.message, { cause: error });
  }
}

function openEndpoint(
  settings: EndpointSettings,
  transport: Transport,
  { config, context, facts, identity, key, socket, tariff }: {
    context: ConnectionContext;
    config: EvmConfig;
    facts?: Facts | undefined;
    identity?: string;
    key?: string;
    socket?: string | undefined;
    tariff: Tariff;
  },
): Endpoint {
  const { clock, log, metrics, name, scheduler } = context;
  const { in_flight = IN_FLIGHT, url } = settings;
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
    facts,
    inFlight: in_flight,
    timeout: config.timeout,
    batch: settings.batch,
    clock,
    log,
    metrics,
  });
}
