/**
 * The connection to a chain: endpoints, keys and what they may spend.
 *
 * @module
 */
import {
  type Config,
  defineConnection,
  type Fields,
  fields,
  optional,
} from "../../../runtime/component.ts";
import {
  checkEndpoint,
  checkGroups,
  endpointFields,
  limitFields,
  RECORDING,
  urlField,
} from "./endpoint_fields.ts";
import { blocksPerDay, isSettled } from "./chains.ts";
import { adviseOnDear, tariffsOf } from "./tariffs.ts";

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

/** The connection's typed fields. */
export type EvmConfig = Config<typeof members>;

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
  isSettled: ({ chain_id }, unit) => isSettled(chain_id, unit),
  open: async (config, context) =>
    await (await import("./open_client.ts")).openClient(config, context),
});
