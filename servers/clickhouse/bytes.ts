/**
 * A body as it arrives: pieces of any size, read by one reader after another.
 *
 * @module
 */

/** Bytes that may be handed to the engine. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** Pieces that one reader may leave in the middle for the next one. */
export async function* inPieces(
  source: AsyncIterable<Bytes> | Iterable<Bytes>,
): AsyncGenerator<Bytes> {
  yield* source;
}

/** Read until `size` bytes are there or the source ends, and leave the rest. */
export async function take(
  source: AsyncIterable<Bytes>,
  size: number,
): Promise<Bytes> {
  const iterator = source[Symbol.asyncIterator]();
  const parts: Bytes[] = [];
  let length = 0;
  while (length < size) {
    const { done, value } = await iterator.next();
    if (done) break;
    parts.push(value);
    length += value.length;
  }
  return concat(parts);
}

/** One array of several; a single one is not copied. */
export function concat(parts: readonly Bytes[]): Bytes {
  const [only] = parts;
  if (only && parts.length === 1) return only;
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const joined = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/**
 * Read what is left of a body: a client that is still sending would see a
 * reset instead of the answer.
 */
export async function drain(pieces: AsyncIterable<unknown>): Promise<void> {
  try {
    for await (const _ of pieces);
  } catch {
    // It broke off, and with it whoever would have read the answer.
  }
}

/** Join pieces of a body, after `first`, to chunks of at least `size`. */
export async function* inChunks(
  pieces: AsyncIterable<Bytes>,
  { first, size }: { first: Bytes; size: number },
): AsyncGenerator<Bytes> {
  let parts = [first];
  let length = first.length;
  for await (const piece of pieces) {
    parts.push(piece);
    length += piece.length;
    if (length < size) continue;
    yield concat(parts);
    parts = [];
    length = 0;
  }
  if (length > 0) yield concat(parts);
}
