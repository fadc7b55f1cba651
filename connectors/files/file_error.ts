/**
 * What the operating system says about a file, as the runtime wants it.
 *
 * @module
 */
import { RetryableError, UserError } from "../../runtime/component.ts";

/** Codes that go away when somebody makes room. */
const full = new Map([
  ["ENOSPC", "the disk is full"],
  ["EDQUOT", "the disk quota is used up"],
]);

const final: readonly [new (message: string) => Error, string][] = [
  [Deno.errors.PermissionDenied, "permission denied"],
  [Deno.errors.NotCapable, "Deno was not given the permission"],
  [Deno.errors.NotFound, "it does not exist"],
  [Deno.errors.NotADirectory, "a part of the path is not a folder"],
  [Deno.errors.IsADirectory, "it is a folder"],
  [Deno.errors.AlreadyExists, "a file has its name"],
];

/**
 * Do something with a file.
 *
 * @param what for the message: `write "data/logs.jsonl"`.
 * @throws {RetryableError} when the disk is full.
 * @throws {UserError} when the path or its permissions are wrong.
 */
export async function fileAction<T>(
  what: string,
  action: () => Promise<T>,
): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    const room = full.get((cause as { code?: string }).code ?? "");
    if (room) throw new RetryableError(`Cannot ${what}: ${room}`, { cause });

    const reason = final.find(([type]) => cause instanceof type)?.[1];
    if (reason) throw new UserError(`Cannot ${what}: ${reason}`, { cause });
    throw cause;
  }
}
