import assert from "node:assert/strict";
import {
  createLogger,
  jsonLine,
  type LogLine,
  textLine,
} from "../../../runtime/run/log.ts";

function collect(secrets: string[] = [], level: "debug" | "warn" = "debug") {
  const lines: LogLine[] = [];
  const log = createLogger({
    level,
    secrets,
    write: (line) => lines.push(line),
  });
  return { lines, log };
}

Deno.test("createLogger() hides secrets in messages, fields at any depth and causes", () => {
  const { lines, log } = collect(["s3cret-key", "s3cret-key-2"]);
  log.with({ url: "https://x/s3cret-key" }).warn("at s3cret-key-2", {
    deep: { list: ["a s3cret-key b"] },
    error: new Error("no s3cret-key"),
  });
  const text = JSON.stringify(lines) + lines.map(jsonLine) +
    lines.map(textLine);
  assert(!text.includes("s3cret"), text);
  assert(text.includes("at ***"), "the longer secret goes as a whole");
});

Deno.test("createLogger() hides a secret that JSON has to escape", () => {
  const { lines, log } = collect(['pass"word\\1']);
  log.info('with pass"word\\1', { field: 'and pass"word\\1' });
  assert(!JSON.stringify(lines).includes("word"), JSON.stringify(lines));
});

Deno.test("createLogger() hides keys in URLs, and leaves short texts", () => {
  const { lines, log } = collect(["1", "key1"]);
  log.info("1 key1 1", {
    url: "https://rpc.example.org/v2/0123456789abcdef0123456789abcdef",
  });
  assert.deepEqual(lines.map(({ fields, message }) => [message, fields]), [
    ["1 *** 1", { url: "https://rpc.example.org/v2/***" }],
  ]);
});

Deno.test("createLogger() writes bigints as decimal strings and drops lower levels", () => {
  const { lines, log } = collect([], "warn");
  log.info("no");
  log.error("yes", { value: 2n ** 64n });
  assert.deepEqual(lines.map(({ fields, message }) => [message, fields]), [
    ["yes", { value: "18446744073709551616" }],
  ]);
});

Deno.test("textLine() quotes what would be misread", () => {
  const time = "2026-01-01T12:00:00.000Z";
  const fields = { a: "plain", b: "two words", c: 3, d: "x=y" };
  assert.equal(
    textLine({ time, level: "warn", message: "Says", fields }),
    '12:00:00 warn Says a=plain b="two words" c=3 d="x=y"',
  );
});
