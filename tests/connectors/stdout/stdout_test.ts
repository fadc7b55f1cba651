import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import {
  type Output,
  printLines,
  printTable,
} from "../../../connectors/stdout/sink.ts";
import {
  type OpenSink,
  type Row,
  type Schema,
  type UnitInfo,
  UserError,
} from "../../../runtime/component.ts";
import { canonicalRows, netRows } from "../../contracts/canonical.ts";
import { everyType, extremeRows } from "../../contracts/extreme_rows.ts";

/** Takes at most seven bytes at a time, as a full pipe may. */
class Printed implements Output {
  #bytes: number[] = [];

  write(bytes: Uint8Array): Promise<number> {
    const some = bytes.subarray(0, 7);
    this.#bytes.push(...some);
    return Promise.resolve(some.length);
  }

  get text(): string {
    return new TextDecoder().decode(new Uint8Array(this.#bytes));
  }
}

const unit: UnitInfo = {
  number: 1,
  id: "0x1",
  time: 0,
  op: "insert",
  version: 1,
};

async function write<T>(
  sink: OpenSink<T>,
  units: readonly (readonly [Row[], UnitInfo["op"]])[],
): Promise<void> {
  const chunks = units.map(([rows, op]) => ({
    ...sink.encode(rows, { ...unit, op }, () => assert.fail("rejected")),
    rows: rows.length,
    unit: { ...unit, op },
  }));
  const { signal } = new AbortController();
  await sink.write({ chunks, rows: 0, bytes: 0, token: "", signal });
}

Deno.test("stdout prints every row as a JSON line", async () => {
  const output = new Printed();
  const sink = printLines(everyType, output);
  const [first = {}, ...rest] = extremeRows(1);
  await write(sink, [[[first, ...rest], "insert"], [[first], "retract"]]);
  await write(sink, []);
  const changes = output.text.trimEnd().split("\n").map((line) => {
    const { _op: op, ...row } = JSON.parse(line);
    return { op, row };
  });
  assert.equal(changes.length, rest.length + 2);
  assert.deepEqual(netRows(everyType, changes), canonicalRows(everyType, rest));
});

const schema: Schema = [
  { name: "number", type: "uint64", doc: "" },
  { name: "address", type: "address", nullable: true, doc: "" },
  { name: "name", type: "string", doc: "" },
  { name: "time", type: "timestamp", doc: "" },
];

Deno.test("stdout prints a table that goes on in line", async () => {
  const output = new Printed();
  const sink = printTable(schema, output);
  const row = {
    number: 19_000_000,
    address: "0x7a250d5630b4cf539739df2c5dacb4c659f2488d",
    name: "Uniswap",
    time: 0,
  };
  await write(sink, []);
  await write(sink, [[[row, { ...row, number: 7, address: null }], "insert"]]);
  await write(sink, [[[{ ...row, number: 8, name: "" }], "retract"]]);
  assert.equal(
    output.text,
    [
      "  number  address              name     time                      _op",
      "19000000  0x7a250d56…59f2488d  Uniswap  1970-01-01T00:00:00.000Z  insert",
      "       7                       Uniswap  1970-01-01T00:00:00.000Z  insert",
      "       8  0x7a250d56…59f2488d           1970-01-01T00:00:00.000Z  retract",
      "",
    ].join("\n"),
  );
});

Deno.test("stdout lets no text steer the terminal", async () => {
  const output = new Printed();
  const names = ["\x1b[31mred", "a\nb", "\u202Egnp", "x".repeat(100)];
  const rows = names.map((name) => ({
    number: 1,
    address: null,
    name,
    time: 0,
  }));
  await write(printTable(schema, output), [[rows, "insert"]]);
  const lines = output.text.trimEnd().split("\n");
  assert.equal(lines.length, 5);
  assert.match(lines[1] ?? "", / \\u\{1b\}\[31mred /);
  assert.match(lines[2] ?? "", / a\\u\{a\}b /);
  assert.match(lines[3] ?? "", / \\u\{202e\}gnp /);
  assert.match(lines[4] ?? "", / x{39}… /);
});

Deno.test("stdout prints every type in a table", async () => {
  const output = new Printed();
  await write(printTable(everyType, output), [[extremeRows(1), "insert"]]);
  assert.equal(output.text.split("\n").length, extremeRows(1).length + 2);
});

Deno.test("stdout stops when nobody reads any more", async () => {
  const program = `
    import { stdoutSink } from ${
    JSON.stringify(
      new URL("../../../connectors/stdout/sink.ts", import.meta.url).href,
    )
  };
    const schema = [{ name: "n", type: "uint32", doc: "" }];
    const unit = { number: 1, id: "a", time: 0, op: "insert", version: 1 };
    const sink = stdoutSink.open({ format: "jsonl" }, { schema });
    const { data } = sink.encode([{ n: 1 }], unit, () => {});
    try {
      for (;;) await sink.write({ chunks: [{ data }] });
    } catch (error) {
      console.error(error.name + ": " + error.message);
    }
  `;
  await using child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--ext=ts", program],
    cwd: fileURLToPath(new URL("../../..", import.meta.url)),
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  assert.match(new TextDecoder().decode(value), /^{"n":1,"_op":"insert"}\n/);
  await reader.cancel();
  const words = await new Response(child.stderr).text();
  assert.equal(words, "UserError: Standard output was closed\n");
  assert.equal((await child.status).code, 0);
});

Deno.test("stdout passes other errors on", async () => {
  const broken: Output = {
    write: () => Promise.reject(new Error("on fire")),
  };
  const sink = printLines(schema.slice(0, 1), broken);
  await assert.rejects(write(sink, [[[{ number: 1 }], "insert"]]), (error) => {
    assert(!(error instanceof UserError));
    return true;
  });
});
