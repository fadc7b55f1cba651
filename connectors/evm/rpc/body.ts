/**
 * The bytes of an answer.
 *
 * @module
 */

// A large answer is read into one buffer of its size: half of the memory and
// a third less time than where a buffer grows. For a small one that takes
// longer than it saves.
const LARGE_BYTES = 1 << 20;

// More than this is not believed before it has come.
const MOST_BYTES = 64 << 20;

/** All bytes of an answer, however it says or hides how many there are. */
export async function bytesOf(response: Response): Promise<Uint8Array> {
  const told = Number(response.headers.get("content-length") ?? 0);
  if (!(told >= LARGE_BYTES) || response.body === null) {
    return await response.bytes();
  }
  const reader = response.body.getReader({ mode: "byob" });
  // One more, so that there is room in which to find its end.
  let buffer = new ArrayBuffer(Math.min(told, MOST_BYTES) + 1);
  for (let at = 0;;) {
    // What is told may be the length before it was unpacked.
    if (at === buffer.byteLength) buffer = buffer.transfer(2 * at);
    const { done, value } = await reader.read(new Uint8Array(buffer, at));
    if (value) buffer = value.buffer;
    if (done) return new Uint8Array(buffer, 0, at);
    at += value.length;
  }
}
