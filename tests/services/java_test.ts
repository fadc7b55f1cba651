import assert from "node:assert/strict";

/** Run a file with one `javaTest()`, as on a machine without Java. */
async function runWithoutJava(
  required: "0" | "1",
): Promise<{ code: number; stdout: string }> {
  const folder = await Deno.makeTempDir();
  try {
    const file = `${folder}/one_test.ts`;
    const module = new URL("mod.ts", import.meta.url);
    await Deno.writeTextFile(
      file,
      `import { javaTest } from "${module}";
       javaTest("one", async () => {});
       javaTest("two", async () => {});`,
    );
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["test", "-A", "--no-check", file],
      env: {
        JAVA_HOME: `${folder}/nothing`,
        NO_COLOR: "1",
        SLUICE_REQUIRE_JAVA: required,
      },
    }).output();
    return { code, stdout: new TextDecoder().decode(stdout) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("javaTest() is ignored without Java, and says so once", async () => {
  const { code, stdout } = await runWithoutJava("0");
  assert.equal(code, 0);
  assert.match(stdout, /0 passed \| 0 failed \| 2 ignored/);
  assert.deepEqual(stdout.match(/^SKIPPED: .*$/gm), [
    "SKIPPED: tests that need servers in Java. Java 17 or newer is not " +
    "there: install a JDK, or set JAVA_HOME",
  ]);
});

Deno.test("javaTest() fails without Java when it is required", async () => {
  const { code, stdout } = await runWithoutJava("1");
  assert.equal(code, 1);
  assert.match(stdout, /0 passed \| 2 failed/);
  assert.match(stdout, /Java 17 or newer is not there/);
});
