/**
 * The program as a process of its own, with the real components.
 *
 * @module
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { folderWith } from "./program.ts";

const program = fileURLToPath(new URL("../../../sluice.ts", import.meta.url));

/** Where packages come from; no connection, which would decide a test. */
function ofDeno(): Record<string, string> {
  const all = Object.entries(Deno.env.toObject());
  return Object.fromEntries(
    all.filter(([name]) => /^(HOME|PATH|DENO_.*|NPM_.*)$/i.test(name)),
  );
}

async function sluice(args: readonly string[]) {
  const { code, stderr, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", program, ...args],
    clearEnv: true,
    env: { ...ofDeno(), NO_COLOR: "1" },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

Deno.test("sluice ends with 0 and prints results on standard output", async () => {
  const example = await sluice(["new", "file"]);
  assert.deepEqual([example.code, example.err], [0, ""]);
  await using folder = await folderWith({ "new.yaml": example.out });
  const file = folder.at("new.yaml");
  const check = await sluice(["check", file]);
  assert.deepEqual(check, {
    code: 0,
    out: "ok: blocks-to-file (2 stages, 0 tests)\n",
    err: "",
  });
});

Deno.test("sluice ends with 1 when something outside is wrong", async () => {
  await using folder = await folderWith({ "x.yaml": "connections: {}\n" });
  const { code, err, out } = await sluice(["query", folder.at("x.yaml"), "x"]);
  assert.deepEqual([code, out], [1, ""]);
  assert.match(err, /^error: No connection of /);
});

Deno.test("sluice ends with 2 when a spec or a call is wrong", async () => {
  await using folder = await folderWith({ "x.yaml": "nmae: x\n" });
  const spec = await sluice(["check", folder.at("x.yaml")]);
  assert.deepEqual([spec.code, spec.out], [2, ""]);
  assert.match(spec.err, /x\.yaml:1:1: Unknown field "nmae"\n/);
  const call = await sluice(["check"]);
  assert.deepEqual([call.code, call.out], [2, ""]);
  assert.match(call.err, /missing required argument 'spec'/);
  const type = await sluice(["new", "clickhous"]);
  assert.equal(type.code, 2);
  assert.match(type.err, /did you mean "clickhouse"\?/);
});

/** Packages that take long to load; a verb that uses one imports it then. */
const heavy = /npm:\/?(@clickhouse\/client|kafkajs|cassandra-driver)@/;

interface Graph {
  readonly roots: readonly string[];
  readonly modules: readonly {
    readonly specifier: string;
    readonly dependencies?: readonly {
      readonly isDynamic?: boolean;
      readonly code?: { readonly specifier: string };
    }[];
  }[];
}

Deno.test("sluice starts without loading a driver", async () => {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", program],
  }).output();
  const { modules, roots }: Graph = JSON.parse(
    new TextDecoder().decode(stdout),
  );
  const waiting = [...roots];
  const loaded = new Set<string>();
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    if (loaded.has(next)) continue;
    loaded.add(next);
    const found = modules.find(({ specifier }) => specifier === next);
    for (const { code, isDynamic } of found?.dependencies ?? []) {
      if (code && !isDynamic) waiting.push(code.specifier);
    }
  }
  assert.ok(loaded.size > 50);
  assert.deepEqual([...loaded].filter((one) => heavy.test(one)), []);
});
