import assert from "node:assert/strict";
import {
  type Dialect,
  meaningOf,
  questionUrl,
} from "../../../../connectors/evm/lookup/service.ts";

const address = `0x${"ab".repeat(20)}`;
const contract = { chain: 1, address };
const hash = { hash: "0xa9059cbb" };

const kind = (
  dialect: Dialect,
  status: number,
  body: unknown,
  question: typeof contract | typeof hash = contract,
) =>
  meaningOf(dialect, question, {
    status,
    text: typeof body === "string" ? body : JSON.stringify(body),
  }).kind;

Deno.test("meaningOf() takes only Etherscan's own words for none", () => {
  const said = (result: string, status = 200) =>
    kind("etherscan", status, { status: "0", message: "NOTOK", result });
  const ok = { status: "1", message: "OK", result: "[]" };
  assert.equal(kind("etherscan", 200, ok), "abi");
  assert.equal(said("Contract source code not verified"), "none");
  assert.equal(said("Contract source code not verified", 502), "failed");
  assert.equal(said("Max calls per sec rate limit reached (5/sec)"), "rate");
  assert.equal(said("Max rate limit reached, please use API Key"), "rate");
  assert.equal(said("Max daily rate limit reached. 110000 (100%)"), "quota");
  assert.equal(said("Invalid API Key (#err2)|1"), "refused");
  assert.equal(said("Query Timeout occured"), "failed");
  assert.equal(
    kind("etherscan", 200, { status: "1", result: "no list" }),
    "failed",
  );
  for (const text of ["<html></html>", "", "null", '"text"', "[1"]) {
    assert.equal(kind("etherscan", 200, text), "failed");
  }
  assert.equal(kind("etherscan", 429, "<html></html>"), "rate");
});

Deno.test("meaningOf() takes only Sourcify's own answer for none", () => {
  assert.equal(kind("sourcify", 200, { abi: [], match: "match" }), "abi");
  const none = { match: null, address, chainId: "1" };
  assert.equal(kind("sourcify", 404, none), "none");
  assert.equal(
    kind("sourcify", 404, { ...none, address: `0x${"00".repeat(20)}` }),
    "failed",
  );
  assert.equal(kind("sourcify", 404, { message: "Not found" }), "failed");
  assert.equal(kind("sourcify", 404, "<html>Not found</html>"), "failed");
  assert.equal(kind("sourcify", 429, { message: "Too many" }), "rate");
});

Deno.test("meaningOf() reads signatures of the hash that was asked for", () => {
  const answer = (list: unknown, of = "0xa9059cbb") => ({
    ok: true,
    result: { function: { [of]: list }, event: {} },
  });
  const open = (body: unknown) => kind("openchain", 200, body, hash);
  assert.equal(
    open(answer([{ name: "transfer(address,uint256)" }])),
    "signatures",
  );
  assert.equal(open(answer(null)), "none");
  assert.equal(open(answer([])), "none");
  assert.equal(open(answer(null, "0x12345678")), "failed");
  assert.equal(open({ ok: false }), "failed");
  const four = (body: unknown) => kind("4byte", 200, body, hash);
  assert.equal(four({ count: 0, results: [] }), "none");
  assert.equal(
    four({ count: 1, results: [{ text_signature: "f(uint256)" }] }),
    "signatures",
  );
  assert.equal(four({}), "failed");
});

Deno.test("questionUrl() asks as each service wants it", () => {
  const url = (dialect: Dialect, base: string, question = contract) =>
    questionUrl({ dialect, url: base, key: "k" }, question);
  assert.equal(
    url("etherscan", "https://api.etherscan.io/v2/api"),
    `https://api.etherscan.io/v2/api?chainid=1&module=contract&action=getabi&address=${address}&apikey=k`,
  );
  assert.equal(
    url("sourcify", "https://sourcify.dev/server/"),
    `https://sourcify.dev/server/v2/contract/1/${address}?fields=abi`,
  );
  const of = (dialect: Dialect, hash: string) =>
    questionUrl({ dialect, url: "https://x", key: "" }, { hash });
  assert.equal(
    of("openchain", "0xa9059cbb"),
    "https://x/signature-database/v1/lookup?function=0xa9059cbb&filter=true",
  );
  assert.match(of("4byte", `0x${"ab".repeat(32)}`), /event-signatures/);
});
