import assert from "node:assert/strict";

const root = new URL("../", import.meta.url);

interface Module {
  readonly specifier: string;
  readonly dependencies?: readonly {
    readonly isDynamic?: boolean;
    readonly code?: { readonly specifier?: string };
  }[];
}

/** What is loaded with a file, as `deno info` tells it. */
async function loadedWith(file: string): Promise<Set<string>> {
  const { stdout, success } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", file],
    cwd: root,
    stderr: "inherit",
  }).output();
  assert.ok(success, "deno info failed");
  const { modules, redirects, roots } = JSON.parse(
    new TextDecoder().decode(stdout),
  ) as {
    readonly modules: readonly Module[];
    readonly redirects: Readonly<Record<string, string>>;
    readonly roots: readonly string[];
  };
  const known = new Map(modules.map((one) => [one.specifier, one]));
  const loaded = new Set<string>();
  const load = (specifier: string) => {
    const found = redirects[specifier] ?? specifier;
    if (loaded.has(found)) return;
    loaded.add(found);
    for (const { code, isDynamic } of known.get(found)?.dependencies ?? []) {
      if (!isDynamic && code?.specifier) load(code.specifier);
    }
  };
  roots.forEach(load);
  return loaded;
}

/**
 * Every verb pays for what is loaded at the start. A package that is new here
 * is imported by what opens a component, or is worth its milliseconds.
 */
Deno.test("sluice.ts starts with few packages, and without what runs", async () => {
  const loaded = await loadedWith("sluice.ts");
  const packages = [...loaded].flatMap((specifier) =>
    /^npm:\/?(@?[^@]+)@/.exec(specifier)?.[1] ?? []
  );
  assert.deepEqual(packages.sort(), [
    "@commander-js/extra-typings",
    "@noble/hashes",
    "abitype",
    "croner",
    "fastest-levenshtein",
  ]);
  const ours = [...loaded].map((specifier) =>
    specifier.slice(root.href.length)
  );
  assert.ok(ours.includes("connectors/mod.ts"));
  assert.deepEqual(
    ours.filter((path) =>
      path.startsWith("runtime/verbs/") ||
      /client\.ts$|open_\w+\.ts$|_reader\.ts$|pipeline\.ts$/.test(path)
    ),
    ["runtime/verbs/terminal.ts", "runtime/verbs/verb.ts"],
  );
});
