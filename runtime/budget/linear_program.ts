/**
 * A linear program: maximise a sum under limits.
 *
 * The simplex method on a dictionary, with Bland's rule, which never runs in
 * circles (Chvátal, Linear Programming, 1983, chapters 2 and 3). Ours are
 * small: a row for each method at each provider.
 *
 * @module
 */

// Differences below this are rounding.
const EPSILON = 1e-11;

/** A row of a program: `Σ factors[i] · x[i] <= limit`, limit not negative. */
export interface Limit {
  readonly factors: readonly number[];
  readonly limit: number;
}

/** The best point, and what one unit more of each limit would be worth. */
export interface Solution {
  readonly point: readonly number[];
  readonly worth: readonly number[];
}

/**
 * Find the `x >= 0` with the greatest `Σ gains[i] · x[i]` under the limits.
 *
 * @returns undefined when the sum has no end.
 */
export function maximise(
  gains: readonly number[],
  limits: readonly Limit[],
): Solution | undefined {
  const width = gains.length;
  // basic[row] = limit - Σ factors · free; the last row is the sum itself.
  const rows = [
    ...limits.map(({ factors, limit }) => [...factors.map((a) => -a), limit]),
    [...gains, 0],
  ].map((row) => Float64Array.from(row));
  const sum = rows[limits.length] as Float64Array;
  const free = gains.map((_, index) => index);
  const basic = limits.map((_, index) => width + index);
  for (;;) {
    const enter = lowest(free, (column) => at(sum, column) > EPSILON);
    if (enter === undefined) break;
    const leave = leaving(rows, { basic, enter, width });
    if (leave === undefined) return undefined;
    pivot(rows, leave, enter);
    const swapped = free[enter] ?? 0;
    free[enter] = basic[leave] ?? 0;
    basic[leave] = swapped;
  }
  const point = gains.map(() => 0);
  basic.forEach((variable, row) => {
    if (variable < width) point[variable] = at(rows[row], width);
  });
  const worth = limits.map(() => 0);
  free.forEach((variable, column) => {
    if (variable >= width) worth[variable - width] = -at(sum, column);
  });
  return { point, worth };
}

/** The place of the lowest variable whose place will do. */
function lowest(
  variables: readonly number[],
  fits: (place: number) => boolean,
): number | undefined {
  let found: number | undefined;
  variables.forEach((variable, place) => {
    if (!fits(place)) return;
    if (found === undefined || variable < (variables[found] ?? 0)) {
      found = place;
    }
  });
  return found;
}

/** The row that limits a growing variable most; undefined: none does. */
function leaving(
  rows: readonly Float64Array[],
  { basic, enter, width }: {
    readonly basic: readonly number[];
    readonly enter: number;
    readonly width: number;
  },
): number | undefined {
  const room = (row: number) => {
    const factor = at(rows[row], enter);
    return factor < -EPSILON ? at(rows[row], width) / -factor : Infinity;
  };
  const least = Math.min(...basic.map((_, row) => room(row)));
  if (least === Infinity) return undefined;
  return lowest(basic, (row) => room(row) <= least + EPSILON);
}

/** Solve a row for a free variable, and put that into all other rows. */
function pivot(
  rows: readonly Float64Array[],
  leave: number,
  enter: number,
): void {
  const row = rows[leave] as Float64Array;
  const factor = at(row, enter);
  row[enter] = -1;
  for (let i = 0; i < row.length; i++) row[i] = at(row, i) / -factor;
  for (const other of rows) {
    const scale = at(other, enter);
    if (other === row || scale === 0) continue;
    other[enter] = 0;
    for (let i = 0; i < row.length; i++) {
      other[i] = at(other, i) + scale * at(row, i);
    }
  }
}

function at(row: Float64Array | undefined, index: number): number {
  return row?.[index] ?? 0;
}
