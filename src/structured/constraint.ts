import type { TokenConstraint } from '#engine/types.js';
import { distance, firstFrame, mayEnd, step, type Frame } from './frames.js';
import type { TokenMasks } from './token-masks.js';

/** A place in a text where the model would have gone on, but was led to the end. */
export interface Steering {
  /** Bytes of the text before the token. */
  readonly at: number;
  /** The bytes of the token that the model wanted. */
  readonly wanted: Uint8Array | readonly number[];
}

/** What is known of a text that is kept to a structure, beside what the engine asks. */
export interface StructureConstraint extends TokenConstraint {
  /** Where at least this many tokens may still come, the text is sure to be whole in the end. */
  readonly enough: number;
  /** Where the text was led to its end, in order. */
  readonly steerings: readonly Steering[];
}

/** Keeps one sequence within a grammar. */
export class GrammarConstraint implements StructureConstraint {
  readonly #masks: TokenMasks;
  #frames: readonly Frame[];
  #length = 0;
  readonly #steerings: Steering[] = [];

  constructor(masks: TokenMasks) {
    this.#masks = masks;
    this.#frames = [firstFrame(masks.grammar)];
  }

  get complete(): boolean {
    const { goesOn } = this.#masks.grammar;
    return this.#frames.every(({ state }) => !goesOn[state]);
  }

  get shortened(): boolean {
    return this.#steerings.length > 0;
  }

  get steerings(): readonly Steering[] {
    return this.#steerings;
  }

  get enough(): number {
    return Math.min(...this.#frames.map(frame => distance(this.#masks.grammar, frame)));
  }

  accept(id: number): void {
    const bytes = this.#masks.vocabulary.tokenBytes[id] ?? [];
    for (const byte of bytes) this.#frames = step(this.#masks.grammar, this.#frames, byte);
    this.#length += bytes.length;
    if (bytes.length === 0 || this.#frames.length === 0)
      throw new Error(`token ${id} does not fit the grammar`);
  }

  mask(logits: Float32Array, stopTokenIds: ReadonlySet<number>, remaining: number): void {
    const { grammar, bits } = this.#masks;
    const stops = mayEnd(grammar, this.#frames) ? [...stopTokenIds] : [];
    const peak = this.#masks.allow(this.#frames);
    // Every byte has a token of its own, so a way of so many bytes can be gone in as many tokens.
    if (peak >= remaining && this.#frames.some(frame => distance(grammar, frame) <= remaining))
      this.#hurry(logits, stops, remaining);
    for (const id of stopTokenIds) if (stops.length === 0) bits[id >>> 5]! &= ~(1 << (id & 31));
    for (const id of stops) bits[id >>> 5]! |= 1 << (id & 31);
    apply(bits, logits);
  }

  /** Leaves only tokens after which the text can still end in time. */
  #hurry(logits: Float32Array, stops: readonly number[], remaining: number): void {
    const { bits } = this.#masks;
    const favourite = best(bits, logits);
    const ends = stops.some(id => logits[id]! > logits[favourite]!);
    this.#masks.allowWithin(this.#frames, remaining - 1);
    if (bits.every(word => word === 0) && stops.length === 0) this.#masks.allow(this.#frames);
    else if (!ends && !isSet(bits, favourite)) {
      const wanted = this.#masks.vocabulary.tokenBytes[favourite] ?? [];
      this.#steerings.push({ at: this.#length, wanted });
    }
  }
}

function isSet(bits: Uint32Array, id: number): boolean {
  return (bits[id >>> 5]! & (1 << (id & 31))) !== 0;
}

function best(bits: Uint32Array, logits: Float32Array): number {
  let result = 0;
  let max = -Infinity;
  for (let id = 0; id < logits.length; id++) {
    if (logits[id]! > max && isSet(bits, id)) {
      max = logits[id]!;
      result = id;
    }
  }
  return result;
}

/** Sets the logits of all other tokens to -Infinity. */
function apply(bits: Uint32Array, logits: Float32Array): void {
  for (let word = 0; word * 32 < logits.length; word++) {
    const set = bits[word] ?? 0;
    if (set === 0xffffffff) continue;
    const end = Math.min(word * 32 + 32, logits.length);
    if (set === 0) logits.fill(-Infinity, word * 32, end);
    else for (let id = word * 32; id < end; id++) if (!isSet(bits, id)) logits[id] = -Infinity;
  }
}
