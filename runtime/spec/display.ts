/**
 * How wide text is on a terminal.
 *
 * @module
 */

/** Characters that take no column of their own. */
const zeroWidth = /[\p{Mn}\p{Me}\u200b-\u200d\ufe00-\ufe0f]/u;

/** Characters of two columns: Unicode's East Asian Width W and F, emoji. */
const doubleWidth =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f900}-\u{1f9ff}\u{1fa70}-\u{1faff}\u{20000}-\u{3fffd}]/u;

/** Number of terminal columns of a line without tabs. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) {
    if (zeroWidth.test(character)) continue;
    width += doubleWidth.test(character) ? 2 : 1;
  }
  return width;
}

/**
 * Text that cannot steer a terminal: control characters (a spec may hold
 * any) become `?`, one for one.
 */
export function printable(text: string): string {
  // deno-lint-ignore no-control-regex -- they are what it takes out
  return text.replace(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g, "?");
}
