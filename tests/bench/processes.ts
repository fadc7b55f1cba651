/**
 * What a process has used, as the kernel of Linux counts it.
 *
 * @module
 */

/** Ticks of a second in `/proc`; the same on every Linux that Deno runs on. */
const ticks = 100;

/** CPU seconds of a process so far, user and system. */
export async function cpuSeconds(pid: number): Promise<number> {
  const text = await Deno.readTextFile(`/proc/${pid}/stat`);
  // The name, in parentheses, may hold blanks.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticks;
}

/** Peak resident memory of a process so far, MiB. */
export async function peakMiB(pid: number): Promise<number> {
  const text = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/VmHWM:\s+(\d+)/.exec(text)?.[1]) / 1024;
}
