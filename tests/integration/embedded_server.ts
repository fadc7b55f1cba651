/**
 * Ends an embedded ClickHouse that outlives the program that started it.
 *
 * @module
 */
import { dirname } from "node:path";

/** How often a process is looked at that is about to end, ms. */
const pollEvery = 5;

/**
 * Kill the server of a data folder and wait until it is gone.
 *
 * @returns whether there was one.
 */
export async function killServer(folder: string): Promise<boolean> {
  const pid = await serverOf(folder);
  if (pid === undefined) return false;
  try {
    Deno.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  while (await serverOf(folder) === pid) {
    await new Promise((resolve) => setTimeout(resolve, pollEvery));
  }
  return true;
}

/** The process that owns a data folder, as far as it still runs. */
async function serverOf(folder: string): Promise<number | undefined> {
  try {
    const pid = parseInt(await Deno.readTextFile(`${folder}/server.lock`));
    // The number may be another process's by now.
    const home = await Deno.readLink(`/proc/${pid}/cwd`);
    return home === await Deno.realPath(dirname(folder)) ? pid : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
