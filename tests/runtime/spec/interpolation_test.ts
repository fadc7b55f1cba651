import assert from "node:assert/strict";
import { interpolate, pathKey } from "../../../runtime/spec/interpolation.ts";

const environment = {
  env: (name: string) =>
    ({
      A: "one",
      B: "two",
      EMPTY: "",
      API_KEY: "abc12345",
      SORT_KEY: "block_number",
      NESTED: "${A}",
    })[name],
  read(path: string) {
    if (path === "/run/secrets/x") return "from a file\r\n";
    throw new Deno.errors.NotFound(path);
  },
};

function completed(text: string) {
  return interpolate(text, environment);
}

Deno.test("interpolate() puts in variables, defaults and files", () => {
  const values = {
    "${A}": "one",
    "${A}${B}/${A}": "onetwo/one",
    "${MISSING:-default}": "default",
    "${EMPTY:-default}": "default",
    "${A:-default}": "one",
    "${MISSING:-}": "",
    "${EMPTY}": "",
    "${file:/run/secrets/x}": "from a file",
    "${MISSING:-a:-b {c}": "a:-b {c",
  };
  for (const [text, value] of Object.entries(values)) {
    const { gaps, value: got } = completed(text);
    assert.equal(got, value, text);
    assert.deepEqual(gaps, [], text);
  }
});

Deno.test("interpolate() leaves every other dollar sign alone", () => {
  for (const text of ["$5", "$$", "a$", "$a.b", "{A}"]) {
    assert.equal(completed(text).value, text);
    assert.equal(completed(text).leaves.size, 0);
  }
  assert.equal(completed("$${A} and ${A}").value, "${A} and one");
  assert.equal(completed("$${A}").leaves.size, 0);
});

Deno.test("interpolate() does not read a value again", () => {
  assert.equal(completed("${NESTED}").value, "${A}");
});

Deno.test("interpolate() completes texts only, and knows where", () => {
  const { leaves, value } = interpolate(
    { a: ["${A}", 5, null, { b: "x${B}" }], "${A}": true },
    environment,
  );
  assert.deepEqual(value, { a: ["one", 5, null, { b: "xtwo" }], "${A}": true });
  assert.deepEqual([...leaves.keys()], [
    pathKey(["a", 0]),
    pathKey(["a", 3, "b"]),
  ]);
});

Deno.test("interpolate() finds everything that is missing", () => {
  const { gaps, leaves } = completed("${X}-${A}-${Y}-${file:/nowhere}");
  assert.deepEqual(gaps.map(({ message, missing }) => [message, missing]), [
    ['Missing environment variable "X"', true],
    ['Missing environment variable "Y"', true],
    ['Cannot read the file "/nowhere"', true],
  ]);
  assert.equal(leaves.get("")?.complete, false);
});

Deno.test("interpolate() explains what it cannot read", () => {
  for (const text of ["${", "${A", "${}", "${1A}", "${A-b}", "${a b}"]) {
    const { gaps } = completed(text);
    assert.equal(gaps.length, 1, text);
    assert.equal(gaps[0]?.missing, false, text);
    assert.match(gaps[0]?.message ?? "", /^Cannot read /, text);
  }
  assert.equal(completed("$ETH_RPC_URL").gaps[0]?.severity, "warning");
});

Deno.test("interpolate() remembers what is secret", () => {
  const { secrets } = completed(
    "${A} ${API_KEY} ${SORT_KEY} ${file:/run/secrets/x}",
  );
  assert.deepEqual(secrets, ["abc12345", "from a file"]);
});
