/**
 * Did-you-mean hints.
 *
 * @module
 */
import { distance } from "fastest-levenshtein";

/** Typing mistakes up to a third of the word (at least 2) are recognised. */
const errorShare = 1 / 3;

/** More names than this in a hint hide the one that is looked for. */
const mostNames = 16;

/**
 * What to write instead of `wrong`: the nearest of the names that are legal
 * there; behind it, when `label` is given, all of them.
 */
export function suggestion(
  wrong: string,
  names: readonly string[],
  label?: string,
): string | undefined {
  const near = nearest(wrong, names);
  const mean = near === undefined ? [] : [`did you mean "${near}"?`];
  // With a good guess a long list is noise.
  const list = label && names.length > 0 && !(near && names.length > mostNames)
    ? [`${label}: ${enumerate(names)}`]
    : [];
  const parts = [...mean, ...list];
  return parts.length > 0 ? parts.join(" ") : undefined;
}

/** The name that was meant, when one is near enough. */
export function nearest(
  wrong: string,
  names: readonly string[],
): string | undefined {
  const word = normal(wrong);
  const most = Math.max(
    word.length > 3 ? 2 : 1,
    Math.floor(word.length * errorShare),
  );
  let best: string | undefined;
  let least = most + 1;
  for (const name of names) {
    const far = mistakes(word, normal(name));
    // A short name is near to anything: half of it must be right.
    if (far < least && far * 2 <= name.length) {
      best = name;
      least = far;
    }
  }
  return best;
}

/** Typing mistakes between two words; swapped letters are one, not two. */
function mistakes(a: string, b: string): number {
  const far = distance(a, b);
  const swapped = far === 2 && [...a].sort().join() === [...b].sort().join();
  return swapped ? 1 : far;
}

/** Names as a list, cut where it gets long. */
export function enumerate(names: readonly string[]): string {
  const rest = names.length - mostNames;
  if (rest <= 1) return names.join(", ");
  return `${names.slice(0, mostNames).join(", ")} and ${rest} more`;
}

function normal(name: string): string {
  return name.toLowerCase().replaceAll("-", "_");
}
