import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const RUN = fileURLToPath(new URL("run.ts", import.meta.url));

/** Run `deno task test` on a file with this text. */
async function runOn(
  text: string,
  { args = [], env = {} }: {
    args?: readonly string[];
    env?: Readonly<Record<string, string>>;
  } = {},
): Promise<{ code: number; said: string }> {
  const folder = await Deno.makeTempDir();
  try {
    const file = `${folder}/one_test.ts`;
    await Deno.writeTextFile(file, text);
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", RUN, file, ...args],
      env: { NO_COLOR: "1", ...env },
    }).output();
    const said = [stdout, stderr].map((part) => new TextDecoder().decode(part));
    return { code, said: said.join("") };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("run passes when the tests pass, and hands on arguments", async () => {
  const { code, said } = await runOn(
    `Deno.test("one", () => {});
     Deno.test("two", () => { throw new Error(Deno.args.join()); });`,
    { args: ["--filter", "one", "--", "--update"] },
  );
  assert.equal(code, 0, said);
  assert.match(said, /1 passed \| 0 failed \| 1 filtered out/);
  assert.doesNotMatch(said, /^Started /m);
});

Deno.test("run fails when a test fails", async () => {
  const { code, said } = await runOn(
    `Deno.test("one", () => { throw new Error(Deno.args.join()); });`,
    { args: ["--", "--update"] },
  );
  assert.equal(code, 1);
  assert.match(said, /Error: --update/);
});

Deno.test("run fails when a test leaves something open", async () => {
  const { code, said } = await runOn(
    `Deno.test("one", () => { setInterval(() => {}, 1000); });`,
  );
  assert.equal(code, 1);
  assert.match(said, /Leaks detected/);
});

Deno.test("run repeats what a seed has tried", async () => {
  const tried = async (seed: string) => {
    const { said } = await runOn(
      `import fc from "fast-check";
       Deno.test("one", () => fc.assert(fc.property(fc.nat(), (nat) => {
         console.log("tried " + nat);
       })));`,
      { env: { SLUICE_SEED: seed } },
    );
    return said.match(/tried \d+/g);
  };
  const first = await tried("3");
  assert.equal(first?.length, 100);
  assert.deepEqual(await tried("3"), first);
  assert.notDeepEqual(await tried("4"), first);
});
