import { KvasirError } from '#errors.js';
import type { SlotOperation } from '../contract.js';
import type { Floats } from './source-encoder.js';

/** A source that was read, of one slot or of several that share it. */
export interface ReadSource {
  /** Tokens. */
  readonly length: number;
  /** The encoder's output, `[length, size]`. */
  readonly states: Floats;
  /**
   * Keys and values of the decoder's layers, each `[heads, length, headSize]`: the first run of a sequence makes
   * them of the states, and they stay.
   */
  keys: readonly Floats[] | undefined;
}

/** Sources of the same length side by side, as a run takes them. */
export interface SourceRows {
  readonly length: number;
  /** `[rows, length, size]` */
  readonly states: Floats;
  /** Each `[rows, heads, length, headSize]`; undefined while a row has none. */
  readonly keys: readonly Floats[] | undefined;
}

/** Which slot has which source. Copies share it. */
export class ReadSources {
  readonly #slots: (ReadSource | undefined)[];
  /** Rows of several slots, by the first one's source: those that decode together mostly do so again. */
  readonly #rows = new WeakMap<
    ReadSource,
    { readonly of: readonly ReadSource[]; readonly rows: SourceRows }
  >();

  constructor(slots: number) {
    this.#slots = Array.from({ length: slots }, () => undefined);
  }

  /** @throws KvasirError `runtime_failure` where the slot has none */
  get(slot: number): ReadSource {
    const source = this.#slots[slot];
    if (source === undefined) throw new KvasirError('runtime_failure', `slot ${slot} has no source`);
    return source;
  }

  /** Tokens of a slot's source; 0: it has none. */
  length(slot: number): number {
    return this.#slots[slot]?.length ?? 0;
  }

  set(slot: number, source: ReadSource | undefined): void {
    this.#slots[slot] = source;
  }

  arrange(operation: SlotOperation): void {
    const slots = this.#slots;
    switch (operation.kind) {
      case 'copy':
        if ((operation.begin ?? 0) === 0) slots[operation.to] = slots[operation.from];
        return;
      case 'swap': {
        const { a, b } = operation;
        [slots[a], slots[b]] = [slots[b], slots[a]];
        return;
      }
      case 'release':
        if (operation.from === 0) slots[operation.slot] = undefined;
        return;
      case 'trim':
        // Windows are of a text's own positions.
        return;
    }
  }

  /** @param sources of one length. */
  rows(sources: readonly ReadSource[]): SourceRows {
    const [first] = sources as [ReadSource];
    if (sources.length === 1) return first;
    const known = this.#rows.get(first);
    const isSame = known?.of.length === sources.length && known.of.every((one, i) => one === sources[i]);
    if (isSame && known.rows.keys !== undefined) return known.rows;
    const keys = sources.map(source => source.keys).filter(own => own !== undefined);
    const isComplete = keys.length === sources.length;
    const rows: SourceRows = {
      length: first.length,
      states: isSame ? known.rows.states : joined(sources.map(({ states }) => states)),
      keys: isComplete ? keys[0]!.map((_, cache) => joined(keys.map(own => own[cache]!))) : undefined,
    };
    this.#rows.set(first, { of: sources, rows });
    return rows;
  }
}

/** Arrays of one type and size, one after the other. */
function joined(parts: readonly Floats[]): Floats {
  const [first] = parts as [Floats];
  const length = first.length * parts.length;
  const all = first instanceof Float32Array ? new Float32Array(length) : new Uint16Array(length);
  parts.forEach((part, i) => all.set(part, i * first.length));
  return all;
}

/** The part of one of several rows of one size; a copy, which does not keep the others in memory. */
export function rowOf(all: Floats, row: number, rows: number): Floats {
  const size = all.length / rows;
  return rows === 1 ? all : all.slice(row * size, (row + 1) * size);
}
