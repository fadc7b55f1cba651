/**
 * A key appears nowhere: not on the terminal, not in the log, not in the state
 * file, not in a recording, whatever goes wrong and whatever a provider says.
 *
 * @module
 */
import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { SimulatedChain } from "../fixtures/simulated/chain.ts";
import { tooManyRequests } from "../fixtures/simulated/dialect.ts";
import { SimulatedNode } from "../fixtures/simulated/node.ts";
import { Workplace } from "./program.ts";

/** Keys as providers make them, and one that is short. */
const keys = ["b6f2c0a94d1e4c8f9a7d", "Qx7-vT2mZp0LrK9sWd4J", "k3y1"] as const;

/** A port that nobody listens on. */
const nobody = "http://127.0.0.1:9";

const online = [
  ["run", "spec.yaml", "--to", "12", "--verbose"],
  ["check", "--online", "spec.yaml"],
  [
    ...["record", "spec.yaml", "--from", "1", "--to", "3"],
    ...["--out", "recorded"],
  ],
];
const offline: readonly (readonly string[])[] = [
  ["check", "spec.yaml"],
  ["plan", "spec.yaml"],
  ["graph", "spec.yaml"],
  ["status", "spec.yaml"],
];

function specOf(connection: string): string {
  return [
    "name: secrets",
    "connections:",
    `  eth: ${connection}`,
    "sources:",
    "  chain: { type: evm.chain, connection: eth, start: 1 }",
    "sinks:",
    "  blocks: { type: file, from: chain.blocks, path: data/blocks.jsonl }",
    "  logs: { type: file, from: chain.logs, path: data/logs.jsonl }",
  ].join("\n");
}

/** A way to write keys into a spec. */
interface Spelling {
  readonly name: string;
  /** The keys that the node sees. */
  readonly used: readonly string[];
  /** The connection to a node at an address. */
  readonly connection: (url: string) => string;
}

const [first, second, short] = keys;

const spellings: readonly Spelling[] = [
  {
    name: "keys out of the environment",
    used: keys,
    connection: (url) =>
      `{ type: evm, url: "${url}/v2/{key}", keys: "\${NODE_KEYS}" }`,
  },
  {
    name: "literal keys",
    used: keys,
    connection: (url) =>
      `{ type: evm, url: "${url}/v2/{key}", keys: [${keys.join(", ")}] }`,
  },
  {
    name: "a url out of the environment",
    used: [first],
    connection: () => '{ type: evm, url: "${NODE_URL}" }',
  },
  {
    name: "a literal url",
    used: [first],
    connection: (url) => `{ type: evm, url: "${url}/v2/${first}" }`,
  },
  {
    name: "a key in the query",
    used: [second],
    connection: (url) => `{ type: evm, url: "${url}/?apikey=${second}" }`,
  },
  {
    name: "endpoints",
    used: keys,
    connection: (url) =>
      `{ type: evm, endpoints: [{ name: a, url: "${url}/v2/${first}" }, ` +
      `{ name: b, url: "${url}/{key}", keys: [${second}, ${short}] }] }`,
  },
];

/** What the other side does; it says keys back, as some providers do. */
const troubles: Readonly<
  Record<string, (node: SimulatedNode, used: readonly string[]) => void>
> = {
  "an answer": () => {},
  "401": (node, used) => {
    const message = `Invalid api key ${used.join(" or ")}`;
    const error = { code: -32002, message };
    node.fail({
      fault: {
        kind: "status",
        status: 401,
        body: { jsonrpc: "2.0", id: null, error },
      },
    });
  },
  "429": (node) => {
    node.fail({ fault: tooManyRequests(0), times: 2 });
  },
  "a page that names the address": (node, [key]) => {
    node.fail({
      fault: {
        kind: "status",
        status: 404,
        body: `No such project: ${node.url}/v2/${key}`,
      },
      skip: 2,
      times: 4,
    });
  },
};

for (const { connection, name, used } of spellings) {
  Deno.test(`sluice shows no secret: ${name}`, async () => {
    for (const [what, trouble] of Object.entries(troubles)) {
      const chain = new SimulatedChain({ seed: 2, transactionsPerBlock: 1 });
      await using node = await SimulatedNode.start(chain.extend(12));
      trouble(node, used);
      await using place = await placeOf(connection(node.url), node.url);
      const verbs = what === "an answer" ? [...online, ...offline] : online;
      await assertSilent(place, verbs, { what, used });
    }
    await using place = await placeOf(connection(nobody), nobody);
    await assertSilent(place, online, { what: "nobody", used });
  });
}

function placeOf(connection: string, url: string): Promise<Workplace> {
  return Workplace.make(specOf(connection), {
    NODE_KEYS: keys.join(","),
    NODE_URL: `${url}/v2/${keys[0]}`,
  });
}

/** What is looked for, and where. */
interface Search {
  readonly what: string;
  readonly used: readonly string[];
}

/** Run verbs, and look for keys in all that they say and leave behind. */
async function assertSilent(
  place: Workplace,
  verbs: readonly (readonly string[])[],
  { used, what }: Search,
): Promise<void> {
  await Promise.all(verbs.map(async (verb) => {
    const { code, stderr, stdout } = await place.run(...verb);
    const said = `${what}: output of ${verb[0]}`;
    if (what === "an answer") assert.equal(code, 0, stderr);
    if (what === "401" || what === "nobody") assert.equal(code, 1, stderr);
    assertClean(stdout + stderr, { what: said, used });
  }));
  await assertNoneStored(place.folder, { what, used });
}

/** Look for keys in every file but the spec. */
async function assertNoneStored(
  folder: string,
  { used, what }: Search,
): Promise<void> {
  for await (const { isDirectory, name } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) await assertNoneStored(path, { used, what });
    if (isDirectory || name === "spec.yaml") continue;
    const bytes = await Deno.readFile(path);
    const text = new TextDecoder("latin1").decode(
      name.endsWith(".gz") ? gunzipSync(bytes) : bytes,
    );
    assertClean(text, { used, what: `${what}: ${name}` });
  }
}

function assertClean(text: string, { used, what }: Search): void {
  for (const key of used) {
    for (const spelt of [key, encodeURIComponent(key), btoa(key)]) {
      const at = text.indexOf(spelt);
      const found = text.slice(Math.max(0, at - 200), at + 60);
      assert(at < 0, `${what} shows ${key}: ${found}`);
    }
  }
}
