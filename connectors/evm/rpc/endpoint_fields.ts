/**
 * What a spec says of an endpoint, and what cannot be right about it.
 *
 * @module
 */
import {
  type Config,
  type Field,
  fields,
  optional,
  type Place,
} from "../../../runtime/component.ts";
import { planField, priceFields, Tariff } from "./plan.ts";

/** What an address of recorded answers starts with. */
export const RECORDING = "recording:";

/** An address of a node; an empty one leaves the endpoint out. */
export const urlField: Field<string> = {
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

/** An address at which a node pushes heads. */
const socketField: Field<string> = {
  doc: "Where the node pushes new heads (wss), {key} stands for the key; " +
    "used where that costs less than asking for them",
  required: false,
  schema: { type: "string", examples: ["wss://eth.example.org/v2/{key}"] },
  read(value, place) {
    const { protocol } = URL.parse(`${value}`) ?? {};
    const right = protocol === "ws:" || protocol === "wss:" || value === "";
    if (typeof value === "string" && right) return value;
    // The text may hold a key, so no message repeats it.
    return place.report("Expected a ws or wss URL");
  },
};

/** A share of a quota: `20%`. */
const share: Field<number> = {
  doc: "Part of each quota that only the head may spend: 20%",
  required: true,
  noun: "share",
  schema: { type: "string", pattern: "^\\d{1,2}%$", examples: ["20%"] },
  read(value, place) {
    const [, percent] = /^(\d{1,2})%$/.exec(`${value}`) ?? [];
    if (percent !== undefined) return Number(percent) / 100;
    return place.report("Expected a share", "write it like 20%");
  },
};

/** Fields that a connection with one url shares with its endpoints. */
export const limitFields = {
  ws_url: optional(socketField),
  keys: optional(fields.list(
    fields.secret("An API key"),
    "API keys, each of an account of its own unless quota_group says " +
      "otherwise; may be separated by commas",
  )),
  plan: planField,
  quota_group: optional(fields.string(
    "Name of the account that pays: all keys of all endpoints with this name " +
      "share one budget; without it each key has its own",
  )),
  ...priceFields,
  reserve: optional(share),
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

/** Fields of an endpoint. */
export const endpointFields = {
  name: fields.string("Name of the endpoint, for logs and metrics"),
  url: urlField,
  ...limitFields,
};

/** An endpoint as a spec has it. */
export type EndpointSettings = Config<typeof endpointFields>;

/** What a connection says of its endpoints: several, or itself one. */
export type EndpointsConfig =
  & Omit<EndpointSettings, "name" | "url">
  & {
    readonly url: string | undefined;
    readonly endpoints: readonly EndpointSettings[] | undefined;
  };

/** The endpoints of a connection; one that is alone is called as it. */
export function endpointsOf(
  config: EndpointsConfig,
  name: string,
): readonly EndpointSettings[] {
  if (config.endpoints !== undefined) return config.endpoints;
  return [{ ...config, name, url: config.url ?? "" }];
}

/** Report what is wrong with an endpoint. */
export function checkEndpoint(
  one: Omit<EndpointSettings, "name">,
  place: Place,
): void {
  const { batch, keys, url } = one;
  const uses = url.includes("{key}");
  if (keys !== undefined && !uses && url !== "") {
    place.at("keys").report("The url has no place for a key", "put {key} in");
  }
  if (keys === undefined && one.ws_url?.includes("{key}") && !uses) {
    place.at("ws_url").report("The url needs a key", "add keys");
  }
  if (keys === undefined && uses) {
    place.at("url").report("The url needs a key", "add keys");
  }
  const { maxBatch = Infinity, plan } = new Tariff(one);
  if (batch > maxBatch) {
    place.at("batch").report(
      `Plan "${plan}" takes ${maxBatch} calls in a request at most`,
    );
  }
}

/** Endpoints of one account must agree on what it may spend. */
export function checkGroups(
  endpoints: readonly EndpointSettings[],
  place: Place,
): void {
  const known = new Map<string, { name: string; limits: string }>();
  endpoints.forEach((one, index) => {
    const { name, quota_group: group } = one;
    if (group === undefined) return;
    const limits = limitsOf(one);
    const first = known.get(group);
    if (first === undefined) known.set(group, { name, limits });
    else if (first.limits !== limits) {
      place.at("endpoints").at(index).at("quota_group").report(
        `Endpoints "${first.name}" and "${name}" of quota group "${group}" ` +
          "have different limits",
        "one account has one plan, rate, quota and reserve",
      );
    }
  });
}

function limitsOf(one: EndpointSettings): string {
  return JSON.stringify([new Tariff(one).windows, one.reserve ?? 0]);
}

/** The address for a key. */
export function urlFor(key: string, url: string): string {
  return url.replaceAll("{key}", encodeURIComponent(key));
}

/** Keys of an endpoint; one that is empty when it needs none. */
export function keysOf(
  { keys }: Pick<EndpointSettings, "keys">,
): readonly string[] {
  const split = (keys ?? []).flatMap((one) => one.split(","))
    .map((one) => one.trim())
    .filter((one) => one !== "");
  return split.length > 0 ? split : [""];
}
