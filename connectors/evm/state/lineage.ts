/**
 * Whether one block leads to another where those between them were not read.
 *
 * @module
 */
import type { Position } from "../../../runtime/component.ts";
import type { LatestBlock } from "../chain/head.ts";
import {
  type Asking,
  blockHashAt,
  type Header,
  headerOf,
} from "../chain/header.ts";

// Heads kept to follow their parents back.
const REMEMBERED = 1024;

/** Follows heads back to their parents; asks only where one was missed. */
export class Lineage {
  readonly #options: Asking;
  /** Heads as they were seen, by hash. */
  readonly #heads = new Map<string, Header>();
  #latest: Header | undefined;
  /** A block that the node has confirmed, and what was the head then. */
  #confirmed: { readonly id: string; readonly head: string } | undefined;

  constructor(options: Asking) {
    this.#options = options;
  }

  /** The head was looked at. */
  see(latest: LatestBlock | undefined): void {
    if (!latest) return;
    const header = headerOf(latest.header);
    this.#latest = header;
    this.#heads.delete(header.hash);
    this.#heads.set(header.hash, header);
    const [oldest] = this.#heads.keys();
    if (this.#heads.size > REMEMBERED && oldest) this.#heads.delete(oldest);
  }

  /** Whether a block leads to a later one, as far as anybody knows. */
  async leads(block: Position, to: Header): Promise<boolean> {
    return this.#walk(block, to) ?? await this.#isCanonical(block) ?? true;
  }

  /** Whether a block is no longer below the head. */
  async isGone(block: Position): Promise<boolean> {
    const head = this.#latest;
    // A head below it is of a node that lags, until the chain has grown.
    if (!head || head.number < block.number) return false;
    const known = this.#walk(block, head);
    if (known !== undefined) return !known;
    const canonical = await this.#isCanonical(block) ?? true;
    if (canonical) this.#confirmed = { id: block.id, head: head.hash };
    return !canonical;
  }

  /** Undefined: a head between them was not seen. */
  #walk(block: Position, from: Header): boolean | undefined {
    const { head, id } = this.#confirmed ?? {};
    let at: Header | undefined = from;
    while (at && at.number > block.number + 1) {
      if (at.hash === head && id === block.id) return true;
      at = this.#heads.get(at.parent);
    }
    if (!at) return undefined;
    return (at.number === block.number ? at.hash : at.parent) === block.id;
  }

  /** Undefined: the node does not know the number yet. */
  async #isCanonical(
    { id, number }: Position,
  ): Promise<boolean | undefined> {
    const hash = await blockHashAt(number, this.#options);
    return hash === undefined ? undefined : hash === id;
  }
}
