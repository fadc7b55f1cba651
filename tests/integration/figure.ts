/**
 * Figures that a test has measured, for whoever reads its output.
 *
 * @module
 */

const encoder = new TextEncoder();

/** Show a figure. */
export function figure(line: string): void {
  Deno.stderr.writeSync(encoder.encode(`\n  ${line}\n`));
}
