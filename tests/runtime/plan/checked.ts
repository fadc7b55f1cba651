/**
 * Specs for tests of plans, with every component there is.
 *
 * @module
 */
import assert from "node:assert/strict";
import { components } from "../../../connectors/mod.ts";
import { checkSpec } from "../../../runtime/spec/check.ts";
import type { Spec } from "../../../runtime/spec/spec.ts";

const file = "pipelines/checked.yaml";

/** Check a text as if it were a file in `pipelines/`. */
export function checked(yaml: string): Spec {
  const { spec } = checkSpec(file, {
    registry: components,
    env: () => undefined,
    read: (path) => path === file ? yaml : Deno.readTextFileSync(path),
  });
  assert.ok(spec);
  return spec;
}
