import assert from "node:assert/strict";
import {
  type Connected,
  defineConnection,
  defineSink,
  defineSource,
  type Registry,
  RetryableError,
  type StateOptions,
} from "../../../runtime/component.ts";
import { createLogger } from "../../../runtime/run/log.ts";
import { openSqliteState } from "../../../runtime/run/sqlite_state.ts";
import { checkSpec } from "../../../runtime/spec/check.ts";
import type { Spec } from "../../../runtime/spec/spec.ts";
import {
  awaitState,
  lookAtState,
  openState,
} from "../../../runtime/verbs/open_state.ts";
import { cursorOf } from "../../contracts/state_samples.ts";
import { folderWith } from "./program.ts";

const example = "name: example\n";

/** Opens its state in a file, and remembers what it was asked. */
class Drawer {
  readonly asked: StateOptions[] = [];
  closed = 0;
  /** So often it cannot be opened. */
  stuck = 0;

  spec(lines: readonly string[], shared = false): Spec {
    const drawer = defineConnection<Record<never, never>, Connected>({
      type: "drawer",
      summary: "A drawer",
      offers: ["state"],
      fields: {},
      example,
      open: () => ({
        state: (options) => {
          if (this.stuck-- > 0) throw new RetryableError("It is stuck");
          this.asked.push(options);
          return Promise.resolve(openSqliteState(":memory:", options));
        },
        [Symbol.asyncDispose]: () => {
          this.closed++;
          return Promise.resolve();
        },
      }),
    });
    const belt = defineSource({
      type: "belt",
      summary: "A belt",
      reorgs: false,
      shared,
      fields: {},
      outputs: () => ({ rows: [] }),
      example,
      open: () => ({ read: async function* () {} }),
    });
    const bin = defineSink({
      type: "bin",
      summary: "A bin",
      fields: {},
      batch: () => ({ rows: 1, bytes: 1, every: 1 }),
      delivery: () => "nothing is stored",
      example,
      open: () => ({
        encode: () => ({ data: "", bytes: 0 }),
        write: () => Promise.resolve(),
      }),
    });
    const registry: Registry = [drawer, belt, bin];
    const yaml = [
      "name: toys",
      ...lines,
      "sources: { belt: { type: belt } }",
      "sinks: { bin: { type: bin, from: belt } }",
    ].join("\n");
    const { diagnostics, spec } = checkSpec("toys.yaml", {
      registry,
      read: () => yaml,
    });
    assert.ok(spec, diagnostics.map(({ message }) => message).join());
    return spec;
  }
}

const inDrawer = [
  "state: { connection: top }",
  "connections: { top: { type: drawer } }",
];

const terminal = {
  interactive: false,
  columns: 80,
  print() {},
  note() {},
  renew() {},
};

Deno.test("openState() keeps state in a file unless the spec says where", async () => {
  await using folder = await folderWith({});
  const before = Deno.cwd();
  Deno.chdir(folder.at("."));
  try {
    const spec = new Drawer().spec([]);
    assert.equal(await lookAtState(spec, { terminal }), undefined);
    {
      await using opened = await openState(spec, { terminal });
      await opened.store.acquire();
      await opened.store.saveCursor(cursorOf("bin"));
    }
    await using looking = await lookAtState(spec, { terminal });
    assert.equal((await looking?.store.cursors())?.length, 1);
    await using forgetful = await openState(spec, { terminal, forget: true });
    assert.deepEqual(await forgetful.store.cursors(), []);
  } finally {
    Deno.chdir(before);
  }
});

Deno.test("openState() opens the connection that the spec names, and closes it", async () => {
  const drawer = new Drawer();
  const spec = drawer.spec(inDrawer);
  {
    await using opened = await openState(spec, { terminal });
    assert.equal(await opened.store.acquire(), undefined);
    await using looking = await lookAtState(spec, { terminal });
    assert.ok(looking);
    assert.deepEqual(
      drawer.asked.map(({ pipeline, readOnly }) => [pipeline, readOnly]),
      [["toys", false], ["toys", true]],
    );
  }
  assert.equal(drawer.closed, 2);
});

Deno.test("openState() remembers nothing of what its sources remember themselves", async () => {
  const drawer = new Drawer();
  await using opened = await openState(drawer.spec(inDrawer, true), {
    terminal,
  });
  assert.deepEqual(await opened.store.cursors(), []);
  assert.deepEqual(drawer.asked, []);
});

Deno.test("awaitState() waits for the store until it is told to end", async () => {
  const drawer = new Drawer();
  const spec = drawer.spec(inDrawer);
  const ending = new AbortController();
  const lines: string[] = [];
  const options = {
    terminal,
    ending: ending.signal,
    log: createLogger({
      level: "info",
      secrets: [],
      write({ fields }) {
        lines.push(String(fields["reason"]));
        if (drawer.stuck > 10) ending.abort();
      },
    }),
  };
  drawer.stuck = 1;
  await using opened = await awaitState(spec, options);
  assert.ok(opened);
  assert.deepEqual(lines, ["It is stuck"]);
  drawer.stuck = 100;
  assert.equal(await awaitState(spec, options), undefined);
  assert.equal(drawer.closed, 2, "what could not be opened is closed");
});
