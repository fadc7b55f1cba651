/**
 * Finds where a fork has begun.
 *
 * @module
 */

/**
 * How many units are canonical, counted from the oldest.
 *
 * @param isCanonical Asks the other side about one of them.
 */
export async function canonicalCount<T>(
  units: readonly T[],
  isCanonical: (unit: T) => Promise<boolean>,
): Promise<number> {
  const isRight = async (index: number) => {
    const unit = units[index];
    return unit !== undefined && await isCanonical(unit);
  };
  // Reorgs are shallow as a rule: step back 1, 2, 4 … then bisect.
  let wrong = units.length;
  let step = 1;
  let right = wrong - step;
  while (right >= 0 && !await isRight(right)) {
    wrong = right;
    step *= 2;
    right = Math.max(wrong - step, wrong === 0 ? -1 : 0);
  }
  while (wrong - right > 1) {
    const middle = (wrong + right) >> 1;
    if (await isRight(middle)) right = middle;
    else wrong = middle;
  }
  return right + 1;
}
