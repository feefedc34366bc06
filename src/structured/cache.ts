import { createHash } from 'node:crypto';
import { checkSize } from './size.js';
import type { Grammar } from './grammar.js';
import { LIMITS, Refusal } from './refusal.js';
import type { Structure } from './structure.js';
import { TokenMasks } from './token-masks.js';
import type { Vocabulary } from './vocabulary.js';

/** Bytes of grammars and their masks that are kept for each vocabulary. */
const BYTES = 64 * 1024 * 1024;
const GRAMMARS = 64;
const REFUSALS = 1024;

/** What became of a structure. */
export type Compiled = Grammar | Refusal;

/**
 * The structures that were used last with a vocabulary: those that were refused as well, so that a client
 * pays only once for each.
 */
export class StructureCache {
  /** What is being compiled. */
  readonly pending = new Map<string, Promise<Compiled>>();
  readonly #vocabulary: Vocabulary;
  readonly #masks = new Map<string, TokenMasks>();
  readonly #refusals = new Map<string, Refusal>();

  constructor(vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary;
  }

  /** @throws Refusal where the structure was refused */
  get(key: string): TokenMasks | undefined {
    const refusal = this.#refusals.get(key);
    if (refusal !== undefined) throw refusal;
    const masks = this.#masks.get(key);
    if (masks !== undefined) this.#keep(key, masks);
    return masks;
  }

  /** @throws Refusal where the structure is refused */
  add(key: string, compiled: Compiled): TokenMasks {
    if (!(compiled instanceof Refusal)) return this.#keep(key, new TokenMasks(compiled, this.#vocabulary));
    this.#refusals.set(key, compiled);
    if (this.#refusals.size > REFUSALS) this.#refusals.delete(this.#refusals.keys().next().value!);
    throw compiled;
  }

  #keep(key: string, masks: TokenMasks): TokenMasks {
    // The last one used stands last.
    this.#masks.delete(key);
    this.#masks.set(key, masks);
    let bytes = [...this.#masks.values()].reduce((sum, kept) => sum + kept.bytes, 0);
    for (const [oldest, kept] of this.#masks) {
      if ((bytes <= BYTES && this.#masks.size <= GRAMMARS) || oldest === key) break;
      this.#masks.delete(oldest);
      bytes -= kept.bytes;
    }
    return masks;
  }
}

/**
 * A key for a structure, which tells those apart that differ in anything, the order of members included.
 *
 * @throws Refusal where the structure is too large.
 */
export function keyOf(structure: Structure): string {
  if (structure.kind === 'regex' && structure.pattern.length > LIMITS.pattern)
    throw new Refusal('', `has ${structure.pattern.length} characters, more than ${LIMITS.pattern}`);
  if (structure.kind === 'schema') checkSize(structure.schema);
  if (structure.kind === 'choice') checkSize(structure.choices);
  // Apart, so that no text can be taken for a number.
  const large: string[] = [];
  const text = JSON.stringify(structure, (_, value: unknown) =>
    typeof value === 'bigint' ? `${large.push(String(value))}` : value,
  );
  return createHash('sha256').update(`${large.join()} ${text}`).digest('base64');
}
