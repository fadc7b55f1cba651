import assert from "node:assert/strict";
import fc from "fast-check";
import { Timeline, timestampOf } from "../../../connectors/scylla/timeline.ts";

const now = Date.parse("2026-01-01T00:00:00Z");

Deno.test("Timeline gives what comes later in the chain a higher timestamp", () => {
  const unit = fc.record({
    number: fc.nat({ max: 500_000_000 }),
    version: fc.integer({ min: now - 86_400_000, max: now }),
  });
  fc.assert(
    fc.property(fc.array(unit), (units) => {
      const timeline = new Timeline(0, { shared: false });
      const given = units.map((one) => timeline.next(one));
      const sorted = [...new Set(given)].sort((a, b) => a - b);
      assert.deepEqual(given, sorted);
    }),
  );
});

Deno.test("Timeline goes on where it was", () => {
  const units = [5, 6, 7, 8].map((number) => ({ number, version: now }));
  const whole = new Timeline(0, { shared: false });
  const all = units.map((one) => whole.next(one));
  const first = new Timeline(0, { shared: false });
  units.slice(0, 2).forEach((one) => first.next(one));
  const second = new Timeline(first.last, { shared: false });
  const rest = units.slice(2).map((one) => second.next(one));
  assert.deepEqual(rest, all.slice(2));
});

Deno.test("Timeline puts a journal behind history that came with a later version", () => {
  const timeline = new Timeline(0, { shared: false });
  const history = timeline.next({ number: 5, version: now });
  const journaled = timeline.next({ number: 6, version: now - 60_000 });
  assert(journaled > history);
});

Deno.test("Timeline of a shared source looks at nothing but the unit", () => {
  const timeline = new Timeline(0, { shared: true });
  const later = { number: 6, version: now + 1000 };
  const earlier = { number: 5, version: now };
  timeline.next(later);
  assert.equal(timeline.next(earlier), timestampOf(earlier));
});

Deno.test("timestampOf() tells units of one version apart by their number", () => {
  const at = (number: number) => timestampOf({ number, version: now });
  assert(at(19_000_001) > at(19_000_000));
});

Deno.test("timestampOf() puts a retraction between what it takes back and its replacement", () => {
  const [insert, retract, replacement] = [
    { number: 100, version: now },
    { number: 100, version: now + 1 },
    { number: 99, version: now + 2 },
  ].map(timestampOf);
  assert(insert !== undefined && retract !== undefined);
  assert(replacement !== undefined);
  assert(insert < retract && retract < replacement);
});

Deno.test("timestampOf() is no more than minutes ahead of the clock", () => {
  // Scylla refuses timestamps that are three days ahead.
  for (const number of [19_000_000, 400_000_000, now, now * 1000]) {
    const ahead = timestampOf({ number, version: now }) - now * 1000;
    assert(ahead >= 0 && ahead < 75 * 60 * 1e6, `${number}: ${ahead}`);
  }
});
