/**
 * Loaded before tests where `SLUICE_SEED` is set: then property tests try the
 * same inputs in every run, so that one says something about the code alone.
 *
 * @module
 */
import fc from "fast-check";

fc.configureGlobal({ seed: Number(Deno.env.get("SLUICE_SEED")) });
