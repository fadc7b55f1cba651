import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const root = new URL("../../../", import.meta.url);

const copied = [
  "connectors/clickhouse/embedded_install.ts",
  "servers/clickhouse/deno.json",
  "servers/clickhouse/deno.lock",
  "servers/clickhouse/package.json",
];

Deno.test("installEmbedded() installs once for several processes", async () => {
  const dir = await Deno.makeTempDir();
  try {
    for (const file of copied) {
      await Deno.mkdir(`${dir}/${file.slice(0, file.lastIndexOf("/"))}`, {
        recursive: true,
      });
      await Deno.copyFile(fileURLToPath(new URL(file, root)), `${dir}/${file}`);
    }
    const modules = `${dir}/servers/clickhouse/node_modules`;
    const said = await Promise.all([install(dir), install(dir), install(dir)]);
    const first = said.filter((text) => text !== "");
    assert.equal(first.length, 1);
    assert.match(
      first[0]!,
      /^Installing embedded .* MiB on disk\nInstalled .* in [\d.]+ s\n$/,
    );
    await Deno.stat(`${modules}/chdb/package.json`);
    assert.equal(await install(dir), "");

    // A new lockfile, as after an update, or an installation that broke off.
    await Deno.remove(`${modules}/.installed`);
    assert.equal(await install(dir), "");
    assert.equal(
      await Deno.readTextFile(`${modules}/.installed`),
      await Deno.readTextFile(`${dir}/servers/clickhouse/deno.lock`),
    );
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

/** What an installation says, if it does anything. */
async function install(dir: string): Promise<string> {
  const module = `${dir}/connectors/clickhouse/embedded_install.ts`;
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--quiet",
      "--no-config",
      `data:text/javascript,import { installEmbedded } from "file://${module}";
       await installEmbedded();`,
    ],
    stdout: "null",
    stderr: "piped",
  }).output();
  const text = new TextDecoder().decode(stderr);
  assert(success, text);
  return text;
}
