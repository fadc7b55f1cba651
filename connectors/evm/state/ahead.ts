/**
 * Work on what comes, some of it at once, with results in order.
 *
 * @module
 */

/**
 * Begin work on each item as it comes, on so many at once, and yield the
 * results in the order of the items. Whoever ends early must see to it that
 * the items end too.
 */
export async function* ahead<T, R>(
  items: AsyncIterable<T>,
  work: (item: T) => Promise<R>,
  most: number,
): AsyncGenerator<R> {
  const results: Promise<R>[] = [];
  let ended = false;
  let changed = Promise.withResolvers<void>();
  const change = () => {
    changed.resolve();
    changed = Promise.withResolvers();
  };
  const pump = (async () => {
    try {
      for await (const item of items) {
        const result = work(item);
        // It may fail long before its turn comes.
        result.catch(() => {});
        results.push(result);
        change();
        while (results.length >= most && !ended) await changed.promise;
        if (ended) return;
      }
    } finally {
      ended = true;
      change();
    }
  })();
  pump.catch(() => {});
  try {
    for (;;) {
      const [first] = results;
      if (first) {
        yield await first;
        results.shift();
        change();
      } else if (ended) {
        await pump;
        return;
      } else await changed.promise;
    }
  } finally {
    ended = true;
    change();
  }
}
