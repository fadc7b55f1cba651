/**
 * What a component's `check` reports, without a spec around it.
 *
 * @module
 */
import { parse } from "yaml";
import type { Place, ReportOptions, Schema } from "../../runtime/component.ts";

/** One report: `rename.value: Two columns …`. */
export interface Report {
  /** Path inside the component, joined by dots; `!key` behind a key. */
  readonly at: string;
  readonly message: string;
  readonly hint: string | undefined;
}

/** Collects what is reported at a place and below. */
export class Reports {
  readonly all: Report[] = [];
  readonly place: Place;

  constructor(input?: Schema, folder = ".") {
    this.place = this.#at([], { input, folder });
  }

  /** Every report as one line: place, message, hint. */
  get lines(): string[] {
    return this.all.map(({ at, message, hint }) =>
      `${at}: ${message}${hint === undefined ? "" : ` (${hint})`}`
    );
  }

  #at(
    path: readonly (string | number)[],
    rest: { input: Schema | undefined; folder: string },
  ): Place {
    return {
      path,
      interpolated: false,
      ...rest,
      report: (message, hint, options: ReportOptions = {}) => {
        const at = `${path.join(".")}${options.key ? "!" : ""}`;
        this.all.push({ at, message, hint });
        return undefined;
      },
      document: (file) => {
        if (typeof file === "string") return undefined;
        const value = parse(Deno.readTextFileSync(file));
        return { value, place: this.#at([`${file}`], rest) };
      },
      at: (key) => this.#at([...path, key], rest),
    };
  }
}
