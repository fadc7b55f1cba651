/**
 * Whether another process of this machine still runs.
 *
 * @module
 */
import process from "node:process";

/**
 * Whether a process runs that was seen before.
 *
 * @param started When it began, as `startOf` told then.
 */
export function isRunning(pid: number, started: string): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as { code?: string }).code === "EPERM";
  }
  // The pid may belong to another process by now: its start tells.
  const now = startOf(pid);
  return now === undefined || now === started;
}

/**
 * When a process began, in the system's own ticks; undefined where the
 * system does not say (not Linux), "ended" for one that is only waited for.
 */
export function startOf(pid: number): string | undefined {
  try {
    const text = Deno.readTextFileSync(`/proc/${pid}/stat`);
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? "ended" : fields[19];
  } catch {
    return undefined;
  }
}
