/**
 * The program: the verbs of the runtime with every connector.
 *
 * @module
 */
import { components } from "./connectors/mod.ts";
import { main } from "./runtime/main.ts";

if (import.meta.main) Deno.exit(await main(components, Deno.args));
