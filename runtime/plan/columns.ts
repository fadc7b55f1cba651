/**
 * Lines of text in columns.
 *
 * @module
 */

/** Cells as columns of text; the last cell of a line is not padded. */
export function aligned(
  rows: readonly (readonly string[])[],
): readonly string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, index) => {
      widths[index] = Math.max(widths[index] ?? 0, cell.length);
    });
  }
  return rows.map((row) =>
    row.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join("  ")
      .trimEnd()
  );
}

/** Lines two blanks further in. */
export function indented(lines: readonly string[]): readonly string[] {
  return lines.map((line) => line === "" ? "" : `  ${line}`);
}
