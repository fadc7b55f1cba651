import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const RUN = fileURLToPath(new URL("run.ts", import.meta.url));

/** Run `deno task test` on a file with this text. */
async function runOn(
  text: string,
  args: readonly string[] = [],
): Promise<{ code: number; said: string }> {
  const folder = await Deno.makeTempDir();
  try {
    const file = `${folder}/one_test.ts`;
    await Deno.writeTextFile(file, text);
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", RUN, file, ...args],
      env: { NO_COLOR: "1" },
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
    ["--filter", "one", "--", "--update"],
  );
  assert.equal(code, 0, said);
  assert.match(said, /1 passed \| 0 failed \| 1 filtered out/);
  assert.doesNotMatch(said, /^Started /m);
});

Deno.test("run fails when a test fails", async () => {
  const { code, said } = await runOn(
    `Deno.test("one", () => { throw new Error(Deno.args.join()); });`,
    ["--", "--update"],
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
