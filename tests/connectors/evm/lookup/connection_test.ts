import assert from "node:assert/strict";
import { abiLookup } from "../../../../connectors/evm/lookup/connection.ts";
import { readFields } from "../../../../runtime/spec/members.ts";
import { Reports } from "../../../contracts/reports.ts";

function mistakesIn(written: Readonly<Record<string, unknown>>): string[] {
  const reports = new Reports();
  const config = readFields(abiLookup.fields, written, reports.place);
  if (config) abiLookup.check?.({ config, place: reports.place });
  return reports.lines;
}

Deno.test("abi_lookup takes one service or several", () => {
  const url = "https://api.etherscan.io/v2/api";
  assert.deepEqual(mistakesIn({ url, keys: "a,b", rate: "5/s" }), []);
  assert.deepEqual(mistakesIn({ services: [{ url }, { url: "" }] }), []);
  assert.match(mistakesIn({}).join(), /Missing field "url"/);
  assert.match(
    mistakesIn({ url, services: [{ url }] }).join(),
    /Use either url or services/,
  );
  assert.match(
    mistakesIn({ url: "ftp://example.org" }).join(),
    /Expected an http or https URL/,
  );
  assert.match(mistakesIn({ url, api: "guess" }).join(), /etherscan, sourcify/);
});
