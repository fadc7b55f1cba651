/**
 * What every component says about itself, and what each gets.
 *
 * @module
 */
import type { Clock } from "../run/clock.ts";
import type { Logger } from "../run/log.ts";
import type { Metrics } from "../run/metrics.ts";
import type { Config, Fields, Place } from "../spec/field.ts";

/** What every component says about itself. */
export interface Definition<F extends Fields> {
  /** The name in `type:`. */
  readonly type: string;
  /** One sentence; documentation, editor hover, `new`. */
  readonly summary: string;
  readonly fields: F;
  /** A whole spec that passes `check`. */
  readonly example: string;
}

/** What a component gets when it is checked against its surroundings. */
export interface CheckContext<F extends Fields> {
  readonly config: Config<F>;
  /** The component's own place; `place.at("field").report(…)`. */
  readonly place: Place;
}

/** What every open component gets. */
export interface OpenContext {
  /** The component's name in the spec. */
  readonly name: string;
  readonly pipeline: string;
  /** Folder of the spec file. */
  readonly folder: string;
  /** Aborted when the run stops at once. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
}
