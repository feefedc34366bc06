import type { SlotOperation } from '#model/decoder/contract.js';
import { commonPrefix, PrefixIndex, REUSE_BLOCK, type ReuseKeys } from './prefix-index.js';
import type { SlotOccupancy } from './types.js';

/** What a slot table must know of a sequence. */
export interface CachedSequence extends ReuseKeys {
  /** How many of its positions have their keys and values in the cache. */
  readonly computed: number;
}

/** A slot that holds the beginning of a prompt. */
export interface PrefixMatch {
  readonly slot: number;
  /** Leading tokens in common. */
  readonly length: number;
}

export interface SlotTableOptions {
  /**
   * How many positions a token sees, its own included, in those layers that do not see all; by default there
   * are none.
   */
  readonly window?: number | undefined;
  /**
   * How many positions at least are given up at a time. As many are kept behind the window, since a prompt
   * may differ in the last tokens of what it continues: an answer can be split otherwise when it comes back
   * as text.
   */
  readonly trimStep?: number | undefined;
  /**
   * Whether a slot keeps the memory that its new sequence is about to fill, which saves giving it back and
   * taking it anew. Not where other slots could fill it before: what is kept counts as free. Default true.
   */
  readonly keepsAhead?: boolean | undefined;
}

interface Slot<S> extends ReuseKeys {
  /** Undefined: idle, free to be taken. */
  sequence: S | undefined;
  /** Which one it is. */
  place: number;
  /** Of the sequence that has it, or had it last. */
  scope: string;
  keys: readonly number[];
  /** Of an idle slot: positions whose keys and values are still there. */
  kept: number;
  /** Positions before this one are gone in layers with a window. */
  trimmed: number;
  /** When it was last of use; larger is later. */
  lastUsed: number;
}

/** Some whole pages of memory in each head, whatever its size. */
const TRIM_STEP = 256;

/**
 * What each slot of the cache holds. Idle slots remember the tokens of the sequence that left them, so that a
 * prompt with the same beginning need not be run again. Pure bookkeeping: changes of place are written down
 * as operations for the cache.
 *
 * With a window, slots are trimmed: positions further back are given up. What is left can then be continued
 * near its end only, by the next turn of a chat, but is of no use to a prompt that shares no more than an
 * early part of it.
 */
export class SlotTable<S extends CachedSequence> {
  readonly #slots: Slot<S>[];
  /** Of all slots but idle ones that keep too little. */
  readonly #index = new PrefixIndex<Slot<S>>();
  readonly #window: number;
  readonly #trimStep: number;
  readonly #keepsAhead: boolean;
  #operations: SlotOperation[] = [];
  #clock = 0;

  constructor(
    count: number,
    { window = Infinity, trimStep = TRIM_STEP, keepsAhead = true }: SlotTableOptions = {},
  ) {
    this.#window = window;
    this.#trimStep = trimStep;
    this.#keepsAhead = keepsAhead;
    this.#slots = Array.from({ length: count }, (_, place) => ({
      sequence: undefined,
      place,
      scope: '',
      keys: [],
      kept: 0,
      trimmed: 0,
      lastUsed: 0,
    }));
  }

  get count(): number {
    return this.#slots.length;
  }

  sequence(slot: number): S | undefined {
    return this.#slots[slot]!.sequence;
  }

  /** Filled positions of a slot that are known and may be of use. */
  filled(slot: number): number {
    return filledOf(this.#slots[slot]!);
  }

  /** Filled positions of all slots. */
  get filledTotal(): number {
    let total = 0;
    for (const slot of this.#slots) total += filledOf(slot);
    return total;
  }

  /** What each slot holds. */
  get occupancy(): SlotOccupancy[] {
    return this.#slots.map(({ sequence }, slot) => {
      const tokens = this.filled(slot);
      return { state: sequence !== undefined ? 'running' : tokens > 0 ? 'kept' : 'empty', tokens };
    });
  }

  /** Hands over what was planned since the last call. */
  takeOperations(): SlotOperation[] {
    const operations = this.#operations;
    this.#operations = [];
    return operations;
  }

  /**
   * The slot with the longest beginning in common with a sequence that can be continued; an idle one where
   * several are as good. Undefined where no beginning is as long as {@link REUSE_BLOCK}.
   *
   * @param most longest beginning that is of use.
   */
  longestPrefix(sequence: ReuseKeys, most = Infinity): PrefixMatch | undefined {
    if (Math.min(most, sequence.keys.length) < REUSE_BLOCK) return undefined;
    let best: Slot<S> | undefined;
    let length = REUSE_BLOCK - 1;
    for (const slot of this.#index.candidates(sequence)) {
      const isAsGood = best?.sequence !== undefined && slot.sequence === undefined;
      const least = Math.max(isAsGood ? length : length + 1, this.#leastContinued(slot));
      const limit = Math.min(filledOf(slot), most);
      // Most of those with the same first block differ where they would have to be better.
      if (least > limit || slot.keys[least - 1] !== sequence.keys[least - 1]) continue;
      const common = commonPrefix(slot, sequence, limit);
      if (common < least) continue;
      best = slot;
      length = common;
    }
    return best && { slot: best.place, length };
  }

  /**
   * Gives an idle slot to a sequence. What the slot remembers beyond the sequence's `computed` is forgotten,
   * and beyond all its tokens, which are about to be written, given back.
   */
  occupy(slot: number, sequence: S): void {
    const { scope, keys, computed } = sequence;
    const kept = this.#keepsAhead ? keys.length : computed;
    if (kept < this.filled(slot)) this.#release(slot, kept);
    const { trimmed } = this.#slots[slot]!;
    this.#fill(slot, { sequence, scope, keys, kept: 0, trimmed });
  }

  /** Takes a slot from its sequence. What is computed stays known. */
  vacate(slot: number): void {
    const { sequence, scope, keys, trimmed } = this.#slots[slot]!;
    if (sequence === undefined) return;
    this.#fill(slot, { sequence: undefined, scope, keys, kept: sequence.computed, trimmed });
  }

  /**
   * Forgets what an idle slot holds.
   *
   * @param ahead positions that are about to be written.
   */
  forget(slot: number, ahead = 0): void {
    const kept = this.#keepsAhead ? ahead : 0;
    if (this.filled(slot) > kept) this.#release(slot, kept);
    this.#fill(slot, { sequence: undefined, scope: '', keys: [], kept: 0, trimmed: 0 });
  }

  /** Gives up what has left the window, where it is worth it. */
  trim(): void {
    if (this.#window === Infinity) return;
    this.#slots.forEach((entry, slot) => {
      const before = this.filled(slot) - this.#window - this.#trimStep;
      if (before - entry.trimmed < this.#trimStep) return;
      entry.trimmed = before;
      this.#giveBack(slot);
    });
  }

  /**
   * Exchanges two slots, contents and all.
   *
   * @param ahead positions of `b` that are about to be written.
   */
  exchange(a: number, b: number, ahead = 0): void {
    if (a === b) return;
    const [lengthA, lengthB] = [this.filled(a), this.filled(b)];
    const kept = Math.max(lengthA, this.#keepsAhead ? ahead : 0);
    if (lengthA > 0 && lengthB > 0)
      this.#operations.push({ kind: 'swap', a, b, length: Math.max(lengthA, lengthB) });
    else if (lengthA > 0) this.#operations.push({ kind: 'copy', from: a, to: b, length: lengthA });
    else if (lengthB > 0) this.#operations.push({ kind: 'copy', from: b, to: a, length: lengthB });
    const slot = this.#slots[a]!;
    this.#slots[a] = this.#slots[b]!;
    this.#slots[b] = slot;
    this.#slots[a].place = a;
    slot.place = b;
    // What the longer one leaves behind the shorter one.
    if (lengthA > lengthB) this.#release(a, lengthB);
    if (lengthB > kept) this.#release(b, kept);
    this.#giveBack(a);
    this.#giveBack(b);
  }

  /** Copies the beginning of one slot over an idle one, which remembers it from now on. */
  copyPrefix({ slot: from, length }: PrefixMatch, to: number): void {
    if (from === to) return;
    const source = this.#slots[from]!;
    source.lastUsed = ++this.#clock;
    this.#operations.push({ kind: 'copy', from, to, length });
    const { scope, keys, trimmed } = source;
    this.#fill(to, { sequence: undefined, scope, keys, kept: length, trimmed });
    this.#giveBack(to);
  }

  /**
   * The idle slot that is the least loss: an empty one, otherwise the one not used for longest. Undefined
   * where none is idle.
   *
   * @param eligible which idle slots come into question.
   */
  leastRecentlyUsed(eligible: (slot: number) => boolean = () => true): number | undefined {
    let best: number | undefined;
    let oldest = Infinity;
    for (let slot = 0; slot < this.#slots.length && oldest > 0; slot++) {
      const { sequence, kept, lastUsed } = this.#slots[slot]!;
      const age = kept === 0 ? 0 : lastUsed;
      if (sequence !== undefined || age >= oldest || !eligible(slot)) continue;
      oldest = age;
      best = slot;
    }
    return best;
  }

  /**
   * The shortest beginning of a slot that can be continued: layers with a window need what lies in it. A
   * layer of kind `state` will allow the lengths of its checkpoints only, since a state cannot be cut back.
   */
  #leastContinued({ trimmed }: Slot<S>): number {
    return trimmed > 0 ? trimmed + this.#window : 0;
  }

  /** Changes what a slot holds. */
  #fill(slot: number, held: Pick<Slot<S>, 'sequence' | 'scope' | 'keys' | 'kept' | 'trimmed'>): void {
    const entry = this.#slots[slot]!;
    this.#index.remove(entry);
    Object.assign(entry, held, { lastUsed: ++this.#clock });
    if (held.sequence !== undefined || held.kept >= REUSE_BLOCK) this.#index.add(entry);
  }

  #release(slot: number, from: number): void {
    this.#operations.push({ kind: 'release', slot, from });
  }

  /** Plans that what was trimmed is given back: anew after each move, which writes to it. */
  #giveBack(slot: number): void {
    const { trimmed: before } = this.#slots[slot]!;
    if (before > 0) this.#operations.push({ kind: 'trim', slot, before });
  }
}

function filledOf({ sequence, kept }: Slot<CachedSequence>): number {
  return sequence?.computed ?? kept;
}
