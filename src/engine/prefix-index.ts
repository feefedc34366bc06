import { isSameSource, isSound, type CachedSource } from './source.js';

/**
 * Keys by which beginnings are looked up. Shorter common ones are not worth a copy, nor a run of their own.
 */
export const REUSE_BLOCK = 16;

/**
 * What of a sequence must be equal for its keys and values to be of use to another one, position by position.
 */
export interface ReuseKeys {
  /** Sequences of different scopes share nothing. */
  readonly scope: string;
  /** What its positions attend to beside each other; undefined: nothing. Never changes. */
  readonly source?: CachedSource | undefined;
  /**
   * What each position holds: a token id, or a number outside of the vocabulary that stands for other
   * content, such as a picture's hash. Grows at its end, and never changes otherwise.
   */
  readonly keys: readonly number[];
}

/**
 * Finds those that may begin like a sequence: by their scope and source, or else by their scope and their first
 * {@link REUSE_BLOCK} keys.
 */
export class PrefixIndex<T extends ReuseKeys> {
  readonly #byBlock = new Map<number, Set<T>>();
  readonly #blocks = new Map<T, number>();
  /** Those that had not as many keys when they were added. */
  readonly #short = new Set<T>();

  add(item: T): void {
    if (item.source === undefined && item.keys.length < REUSE_BLOCK) {
      this.#short.add(item);
      return;
    }
    const block = hashOf(item);
    const alike = this.#byBlock.get(block);
    if (alike === undefined) this.#byBlock.set(block, new Set([item]));
    else alike.add(item);
    this.#blocks.set(item, block);
  }

  remove(item: T): void {
    this.#short.delete(item);
    const block = this.#blocks.get(item);
    if (block === undefined) return;
    this.#blocks.delete(item);
    const alike = this.#byBlock.get(block)!;
    alike.delete(item);
    if (alike.size === 0) this.#byBlock.delete(block);
  }

  /** Those with the sequence's source or first block; others among them have an equal hash only. */
  candidates(sequence: ReuseKeys): Iterable<T> {
    for (const item of this.#short) {
      if (item.keys.length < REUSE_BLOCK) continue;
      this.#short.delete(item);
      this.add(item);
    }
    return this.#byBlock.get(hashOf(sequence)) ?? [];
  }
}

/** How many leading keys two sequences share, looking at no more than `limit`. */
export function commonPrefix(a: ReuseKeys, b: ReuseKeys, limit = Infinity): number {
  if (!haveOneSource(a, b)) return 0;
  const end = Math.min(limit, a.keys.length, b.keys.length);
  let length = 0;
  while (length < end && a.keys[length] === b.keys[length]) length++;
  return length;
}

/** Whether two sequences of one scope attend to the same source, or both to none. */
export function haveOneSource(a: ReuseKeys, b: ReuseKeys): boolean {
  if (a.scope !== b.scope) return false;
  if (a.source === undefined || b.source === undefined) return a.source === b.source;
  return isSameSource(a.source, b.source);
}

/** FNV-1a over the scope, and the source or the first block. */
function hashOf({ scope, source, keys }: ReuseKeys): number {
  let hash = 0x811c9dc5;
  const addText = (text: string): void => {
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  };
  const addNumbers = (numbers: readonly number[], end: number): void => {
    for (let i = 0; i < end; i++) hash = Math.imul(hash ^ numbers[i]!, 0x01000193);
  };
  addText(scope);
  if (source === undefined) addNumbers(keys, REUSE_BLOCK);
  else if (isSound(source)) addText(source.key);
  else addNumbers(source, source.length);
  return hash;
}
