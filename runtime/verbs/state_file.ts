/**
 * Where a pipeline's state is.
 *
 * @module
 */

/** The state file of a pipeline, relative to the working directory. */
export function stateFile(pipeline: string): string {
  return `.sluice/${pipeline}.db`;
}
