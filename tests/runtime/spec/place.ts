/**
 * A place that only remembers what is reported.
 *
 * @module
 */
import type { Schema } from "../../../runtime/row.ts";
import type { Place } from "../../../runtime/spec/field.ts";

/** A place with an input and the errors that were reported at it. */
export function testPlace(input?: Schema): {
  readonly place: Place;
  readonly found: string[];
} {
  const found: string[] = [];
  const at = (path: Place["path"]): Place => ({
    path,
    folder: ".",
    interpolated: false,
    input,
    report(message, _hint, options) {
      if (options?.severity === "warning") return undefined;
      found.push(`${path.join(".")}: ${message}`);
      return undefined;
    },
    at: (key) => at([...path, key]),
  });
  return { place: at([]), found };
}
