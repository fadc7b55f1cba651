/**
 * The connection to services that know ABIs and signatures.
 *
 * @module
 */
import {
  type AccountTariff,
  type Config,
  type ConnectionContext,
  type Cost,
  defineConnection,
  type Field,
  type Fields,
  fields,
  optional,
  type Window,
} from "../../../runtime/component.ts";
import { type Dialect, dialects, methodOf } from "./service.ts";
import { keysOf } from "../rpc/endpoint_fields.ts";
import { limitText } from "../rpc/limit.ts";
import type { LookupKeyOptions } from "./key.ts";

// Requests of one key under way at once: with 200 ms to the service that is
// more than the 5 a second which the free plans allow.
const IN_FLIGHT = 4;

const url: Field<string> = {
  doc: "Where the service is: http or https; an empty one leaves it out",
  required: true,
  schema: { type: "string", examples: ["https://api.etherscan.io/v2/api"] },
  read(value, place) {
    if (typeof value !== "string") return place.report("Expected a URL");
    const { protocol } = URL.parse(value) ?? {};
    if (value === "" || protocol === "http:" || protocol === "https:") {
      return value;
    }
    return place.report("Expected an http or https URL");
  },
};

const serviceFields = {
  api: optional(fields.choice(
    dialects,
    "What it speaks; default: what its host is known for, else etherscan",
  )),
  keys: optional(fields.list(
    fields.secret("An API key"),
    "API keys, each of an account of its own; may be separated by commas",
  )),
  rate: optional(fields.rate("Requests that one key may make: 5/s")),
  quota: optional(fields.rate("Requests in any day: 100000/day")),
};

const members = {
  url: optional(url),
  ...serviceFields,
  services: optional(fields.list(
    fields.object({ url, ...serviceFields }, "One service"),
    "Several services, the preferred ones first",
  )),
  chain_id: optional(fields.integer("Chain whose contracts are asked for"), 1),
  timeout: optional(fields.duration("How long an answer may take"), "10s"),
  none_for: optional(
    fields.duration("How long the answer is believed that there is none"),
    "7d",
  ),
} satisfies Fields;

type Settings = Config<typeof members>;

/** Services that know ABIs by address, or signatures by hash. */
export const abiLookup = defineConnection({
  type: "abi_lookup",
  summary: "Services that know ABIs by address, or signatures by hash",
  fields: members,
  offers: ["keys"],
  example: `
name: decoded
connections:
  eth: { type: evm, url: "recording:pipelines/recordings/local" }
  etherscan:
    type: abi_lookup
    chain_id: 1
    services:
      - { url: https://api.etherscan.io/v2/api, keys: "\${ETHERSCAN_KEYS:-demo}", rate: 5/s, quota: 100000/day }
      - { url: https://sourcify.dev/server, rate: 5/s }
      - { url: https://api.4byte.sourcify.dev, rate: 5/s } # signatures
sources:
  chain: { type: evm.chain, connection: eth, emit: [transactions] }
transforms:
  calls: { type: decode, from: chain.transactions, lookup: etherscan, wait: 2s }
sinks:
  decoded: { type: blackhole, from: calls }
`,
  check({ config, place }) {
    if (config.url !== undefined && config.services !== undefined) {
      place.at("url").report(
        "Use either url or services, not both",
        "make it one of the services",
      );
    }
    if (config.url === undefined && config.services === undefined) {
      place.report('Missing field "url"', "or services", { key: true });
    }
  },
  tariffs: (config) => servicesOf(config).map(tariffOf),
  async open(config, context) {
    const { AbiLookup } = await import("./client.ts");
    const { AbiStore } = await import("./store.ts");
    const { LookupKey } = await import("./key.ts");
    const all = servicesOf(config).map((one) => keysAt(one, context));
    const keys = (await Promise.all(all)).flat()
      .map((key) => new LookupKey(key));
    return new AbiLookup({
      keys,
      // With nobody to ask there is nothing to keep.
      store: new AbiStore(keys.length > 0 ? undefined : ":memory:"),
      chainId: config.chain_id,
      noneFor: config.none_for,
      timeout: config.timeout,
      context,
    });
  },
});

/** A service, its keys and what each of them may spend. */
interface Service {
  readonly url: string;
  readonly host: string;
  readonly dialect: Dialect;
  readonly keys: readonly string[];
  readonly windows: readonly Window[];
}

/** The services that are not left out. */
function servicesOf(config: Settings): readonly Service[] {
  const written = config.services ?? [{ ...config, url: config.url ?? "" }];
  return written.filter(({ url }) => url !== "").map((one) => {
    const { api, quota, rate, url } = one;
    return {
      url,
      host: URL.parse(url)?.host ?? "",
      dialect: api ?? dialectOf(url),
      keys: keysOf(one),
      windows: [rate, quota].filter((limit) => limit !== undefined),
    };
  });
}

/** What a service allows; each question is a request. */
function tariffOf(service: Service): AccountTariff {
  const { dialect, host, keys, windows } = service;
  const one: Cost = { calls: 1, credits: 1, weight: 1 };
  return {
    name: host,
    plan: undefined,
    accounts: keys.length,
    unit: "requests",
    windows: windows.map((window) => ({
      ...window,
      text: limitText(window, "requests"),
    })),
    identities: () => Promise.all(keys.map((key) => identityOf(key, service))),
    cost: (method) => method === methodOf(dialect) ? one : undefined,
  };
}

/** Who a key's account is, whatever its connection is called. */
async function identityOf(key: string, { url }: Service): Promise<string> {
  const { fingerprint } = await import("../rpc/keys.ts");
  return await fingerprint(url, key);
}

function keysAt(
  service: Service,
  context: ConnectionContext,
): Promise<LookupKeyOptions[]> {
  const { dialect, host, keys, url, windows } = service;
  return Promise.all(keys.map(async (key, index, { length }) => {
    const name = length > 1 ? `${host}#${index + 1}` : host;
    const identity = await identityOf(key, service);
    return {
      name,
      dialect,
      url,
      key,
      budget: context.scheduler.budget({
        name: `${context.name}/${name}`,
        identity,
        windows,
        inFlight: IN_FLIGHT,
      }),
      context,
    };
  }));
}

function dialectOf(url: string): Dialect {
  const host = URL.parse(url)?.hostname ?? "";
  if (host.endsWith("4byte.directory")) return "4byte";
  if (/openchain|4byte/.test(host)) return "openchain";
  return host.includes("sourcify") ? "sourcify" : "etherscan";
}
