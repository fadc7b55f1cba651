/**
 * Counters and gauges that the runtime keeps about a run.
 *
 * @module
 */

/** Names and values that tell one series of a metric from another. */
export type Labels = Readonly<Record<string, string>>;

/** A number that only grows. */
export interface Counter {
  readonly value: number;
  add(amount?: number): void;
}

/** A number that is set. */
export interface Gauge {
  readonly value: number;
  set(value: number): void;
}

/** One series as it stands now. */
export interface Sample {
  readonly name: string;
  readonly labels: Labels;
  readonly value: number;
}

/**
 * The metrics of a run. The same name and labels give the same series, so a
 * hot path keeps the counter instead of asking for it again.
 */
export class Metrics {
  readonly #series = new Map<string, { sample: Sample & { value: number } }>();

  /** The counter of that name and labels. */
  counter(name: string, labels: Labels = {}): Counter {
    const { sample } = this.#open(name, labels);
    return {
      get value() {
        return sample.value;
      },
      add: (amount = 1) => {
        sample.value += amount;
      },
    };
  }

  /** The gauge of that name and labels. */
  gauge(name: string, labels: Labels = {}): Gauge {
    const { sample } = this.#open(name, labels);
    return {
      get value() {
        return sample.value;
      },
      set: (value) => {
        sample.value = value;
      },
    };
  }

  /** Every series, in the order of first use. */
  *samples(): Iterable<Sample> {
    for (const { sample } of this.#series.values()) yield { ...sample };
  }

  /** Sum of all series of that name whose labels include these. */
  total(name: string, labels: Labels = {}): number {
    let sum = 0;
    for (const { sample } of this.#series.values()) {
      if (sample.name !== name) continue;
      const same = Object.entries(labels)
        .every(([key, value]) => sample.labels[key] === value);
      if (same) sum += sample.value;
    }
    return sum;
  }

  #open(name: string, labels: Labels) {
    const key = `${name}${JSON.stringify(Object.entries(labels).sort())}`;
    const known = this.#series.get(key);
    if (known) return known;

    const made = { sample: { name, labels, value: 0 } };
    this.#series.set(key, made);
    return made;
  }
}
