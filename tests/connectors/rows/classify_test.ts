import assert from "node:assert/strict";
import fc from "fast-check";
import { classify } from "../../../connectors/rows/classify.ts";
import type { Match, Row } from "../../../runtime/component.ts";
import { Reports } from "../../contracts/reports.ts";
import { apply, matching, transactions } from "./apply.ts";

const input = transactions;

const cases = {
  deploy: matching((row) => row["to_address"] === null, "to_address"),
  transfer: matching((row) => row["input"] === "0x", "input"),
  call: matching(() => true),
};

function row(to: string | null, data: string): Row {
  return { hash: "0x01", to_address: to, value: 1n, input: data };
}

function problems(given: Record<string, Match>): string[] {
  const reports = new Reports(input);
  classify.check?.({ config: { cases: given }, input, place: reports.place });
  return reports.lines;
}

Deno.test("classify splits rows by the first case that matches", async () => {
  const rows = [row(null, "0x"), row("0xa", "0x"), row("0xa", "0x60")];
  const { rows: out, rejects } = await apply(classify, {
    config: { cases },
    input,
    rows,
  });
  assert.deepEqual(out, {
    deploy: [{ ...rows[0], case: "deploy" }],
    transfer: [{ ...rows[1], case: "transfer" }],
    call: [{ ...rows[2], case: "call" }],
  });
  assert.deepEqual(rejects, []);
});

Deno.test("classify rejects a row that no case matches", async () => {
  const rows = [row("0xa", "0x60")];
  const { deploy, transfer } = cases;
  const { rows: out, rejects } = await apply(classify, {
    config: { cases: { deploy, transfer } },
    input,
    rows,
  });
  assert.deepEqual(out, {});
  assert.deepEqual(rejects, [{ row: rows[0], reason: "No case matches" }]);
});

Deno.test("classify puts every row into the first of its cases, once", async () => {
  const names = ["a", "b", "c", "d"];
  await fc.assert(fc.asyncProperty(
    fc.array(fc.uniqueArray(fc.constantFrom(...names))),
    async (matchesOf) => {
      const config = {
        cases: Object.fromEntries(names.map((name) => [
          name,
          matching((row) => (row["names"] as string[]).includes(name), "names"),
        ])),
      };
      const rows = matchesOf.map((names, id) => ({ id, names }));
      const { rows: out, rejects } = await apply(classify, {
        config,
        input,
        rows,
      });
      for (const { id, names: own } of rows) {
        const first = names.find((name) => own.includes(name));
        const found = Object.entries(out).flatMap(([port, rows]) =>
          rows.filter((row) => row["id"] === id).map((
            row,
          ) => [port, row["case"]])
        );
        assert.deepEqual(found, first ? [[first, first]] : []);
        assert.equal(
          rejects.some(({ row }) => row["id"] === id),
          first === undefined,
        );
      }
      for (const port of Object.values(out)) {
        const ids = port.map((row) => Number(row["id"]));
        assert.deepEqual(ids, ids.toSorted((a, b) => a - b));
      }
    },
  ));
});

Deno.test("classify leaves the input rows as they are", async () => {
  const rows = [Object.freeze(row(null, "0x"))];
  await apply(classify, { config: { cases }, input, rows });
  assert.deepEqual(rows, [row(null, "0x")]);
});

Deno.test("classify adds the column case to each output", () => {
  const outputs = classify.outputs({ config: { cases }, input });
  assert.deepEqual(Object.keys(outputs), ["deploy", "transfer", "call"]);
  assert.deepEqual(outputs["call"]?.at(-1)?.values, ["call"]);
  const names = outputs["call"]?.map(({ name }) => name);
  assert.deepEqual(names, [...input.map(({ name }) => name), "case"]);
  const twice = classify.outputs({
    config: { cases },
    input: outputs["call"] ?? [],
  });
  assert.deepEqual(twice, outputs);
});

Deno.test("classify uses what its cases and its readers need", () => {
  const used = new Map([
    ["deploy", new Set(["hash", "case"])],
    ["call", new Set(["value"])],
  ]);
  assert.deepEqual(
    new Set(classify.uses?.({ config: { cases }, input }, used)),
    new Set(["hash", "value", "to_address", "input"]),
  );
});

Deno.test("classify reports cases that cannot be", () => {
  assert.deepEqual(problems(cases), []);
  assert.deepEqual(problems({}), [
    "cases: No case (write a case: name: { column: value })",
  ]);
  const one = matching(() => true, "hash");
  assert.deepEqual(problems({ "a b": one, errors: one, _x: one, ok_1: one }), [
    `cases.a b!: "a b" cannot be a case (letters, digits and _ only, a letter first)`,
    `cases.errors!: A case cannot be called "errors" (that is the output of rejected rows)`,
    `cases._x!: "_x" cannot be a case (letters, digits and _ only, a letter first)`,
  ]);
  assert.deepEqual(problems({ call: cases.call, deploy: cases.deploy }), [
    `cases.deploy!: Case "deploy" gets no rows: "call" takes them all (put it before "call")`,
  ]);
});
