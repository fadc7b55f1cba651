/**
 * What a provider says of the limits of `eth_getLogs` when it refuses a
 * question as too large: the widest range, the most results, and a range that
 * would do.
 *
 * @module
 */

/** Limits that a refusal tells of. */
export interface LogLimits {
  /** Most blocks of one call. */
  readonly range?: number;
  /** Most logs that one answers. */
  readonly results?: number;
}

const count = "(\\d[\\d,_]*)(k)?";

// Every pattern comes from an answer that a user has reported.
const ranges = [
  `up to an? ${count}[ -]block`,
  `limited to (?:an? |0 ?- ?)?${count}(?: blocks?)? range`,
  `(?:range limit|limit of|limit is|limited to|max(?:imum)? is(?: set to)?)[: ]*${count}`,
  `max(?:imum)?(?: \\w+)?[ _](?:block )?range(?: is| of)?[: ]*${count}`,
  `range: ?${count}`,
  `\\(\\d+ ?> ?${count}\\)`,
  `exceeds? (?:the )?(?:max(?:imum)? )?(?:block )?range (?:of |limit )?${count}`,
  `${count} blocks? (?:range|at most|max)`,
].map((pattern) => new RegExp(pattern, "i"));

const results = [
  `more than ${count} (?:results|logs)`,
  `max(?:imum)?(?: number of)?[ _](?:results|logs)(?: is| of)?[: ]*${count}`,
  `${count} (?:results|logs) (?:limit|max)`,
  `(?:results|logs) (?:limit|exceeds?)(?: of)?[: ]*${count}`,
].map((pattern) => new RegExp(pattern, "i"));

const proposals = [
  /block range[^[]*\[\s*(0x[0-9a-f]+|\d+)\s*,\s*(0x[0-9a-f]+|\d+)\s*\]/i,
  /(?:retry|try) with the range (\d+|0x[0-9a-f]+)\s*-\s*(\d+|0x[0-9a-f]+)/i,
];

/** The limits that a text names. */
export function limitsIn(text: string): LogLimits {
  const most = numberIn(text, results);
  // The number of results must not be taken for one of blocks.
  const range = most === undefined ? numberIn(text, ranges) : undefined;
  return {
    ...(range === undefined ? {} : { range }),
    ...(most === undefined ? {} : { results: most }),
  };
}

/** The last block of the range that a text proposes, which begins at `from`. */
export function proposedEnd(
  text: string,
  { from, to }: { readonly from: number; readonly to: number },
): number | undefined {
  for (const pattern of proposals) {
    const [, first, last] = pattern.exec(text) ?? [];
    if (first === undefined || last === undefined) continue;
    const end = Number(last);
    // Of another question, or no smaller than this one: of no use.
    if (Number(first) === from && end >= from && end < to) return end;
  }
  return undefined;
}

function numberIn(
  text: string,
  patterns: readonly RegExp[],
): number | undefined {
  for (const pattern of patterns) {
    const [, digits, thousands] = pattern.exec(text) ?? [];
    if (digits === undefined) continue;
    const number = Number(digits.replace(/[,_]/g, "")) * (thousands ? 1000 : 1);
    if (number > 0) return number;
  }
  return undefined;
}
