/**
 * How many replicas answer for a request.
 *
 * @module
 */

/** Every consistency that a write or read may ask for. */
export const consistencies = [
  "one",
  "two",
  "three",
  "quorum",
  "all",
  "local_quorum",
  "each_quorum",
  "local_one",
] as const;

/** How many replicas must have answered. */
export type Consistency = typeof consistencies[number];
