import assert from "node:assert/strict";
import { RetryableError, UserError } from "../../../runtime/errors.ts";
import { openStage } from "../../../runtime/run/opening.ts";
import { openContext } from "../../contracts/open_context.ts";
import { FakeClock, settled } from "../../fixtures/fake_clock.ts";

const { log } = openContext();

Deno.test("openStage() waits for what passes with time", async () => {
  const clock = new FakeClock();
  const { signal } = new AbortController();
  let attempts = 0;
  const opening = openStage(() => {
    if (++attempts < 3) throw new RetryableError("Not yet");
    return "open";
  }, { stage: "out", clock, log, signal });
  await clock.advance(3_600_000);
  assert.equal(await opening, "open");
  assert.equal(attempts, 3);
});

Deno.test("openStage() gives up what cannot get better", async () => {
  const clock = new FakeClock();
  const { signal } = new AbortController();
  const open = () => Promise.reject(new UserError("Never"));
  await assert.rejects(
    openStage(open, { stage: "out", clock, log, signal }),
    UserError,
  );
  assert.equal(clock.waiting, 0);
});

Deno.test("openStage() says what was wrong when it is told to end", async () => {
  const clock = new FakeClock();
  const controller = new AbortController();
  const opening = openStage(() => {
    throw new RetryableError("Not yet");
  }, { stage: "out", clock, log, signal: controller.signal });
  await settled();
  assert.equal(clock.waiting, 1);
  controller.abort();
  await assert.rejects(opening, /Not yet/);
});
