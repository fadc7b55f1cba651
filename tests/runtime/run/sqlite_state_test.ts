import assert from "node:assert/strict";
import { join } from "node:path";
import {
  leaseTtl,
  openSqliteState,
} from "../../../runtime/run/sqlite_state.ts";
import { stateContract } from "../../contracts/state_contract.ts";
import { FakeClock } from "../../fixtures/fake_clock.ts";

stateContract({
  name: "SQLite",
  journals: 100,
  async arrange() {
    const folder = await Deno.makeTempDir({ prefix: "sluice-state-" });
    const clock = new FakeClock();
    // As the first run leaves it when it is killed at once.
    await Deno.writeFile(join(folder, "state.db"), new Uint8Array());
    return {
      open: (options = {}) =>
        Promise.resolve(
          openSqliteState(join(folder, "state.db"), { clock, ...options }),
        ),
      async takeOver(next) {
        await clock.advance(leaseTtl);
        assert.equal(await next.acquire(), undefined);
      },
      pass: () => clock.advance(leaseTtl * 0.9),
      lapse: () => clock.advance(leaseTtl * 2),
      [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
    };
  },
});
