import { floatArray } from './decoder-graph.js';
import type { CachePort, FloatType } from './ports.js';

/**
 * Keys and values of some rows, `[rows, heads, positions, headSize]` per layer and side, as one run gave them
 * out. Never changed again.
 */
export interface KvState {
  readonly rows: number;
  readonly positions: number;
  /** In the order of the graph's caches. */
  readonly arrays: readonly (Float32Array | Uint16Array)[];
}

/** One sequence's keys and values: positions `[begin, begin + length)` of a row of a state. */
export interface KvView {
  readonly state: KvState;
  readonly row: number;
  readonly begin: number;
  readonly length: number;
}

/** Keys or values of one layer. */
type KvShape = Pick<CachePort, 'heads' | 'headSize'>;

/**
 * Memory for states. What nobody looks at any more is used again: every step needs as much as the one before.
 */
export class KvMemory {
  readonly #type: FloatType;
  readonly #caches: readonly KvShape[];
  readonly #free: (Float32Array | Uint16Array)[] = [];
  #bytes = 0;

  constructor(type: FloatType, caches: readonly KvShape[]) {
    this.#type = type;
    this.#caches = caches;
  }

  /** Bytes of the states that were not given back. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A state of whatever the memory holds. */
  allocate(rows: number, positions: number): KvState {
    const arrays = this.#caches.map(({ heads, headSize }) => this.#take(rows * heads * positions * headSize));
    this.#bytes += sizeOf(arrays);
    return { rows, positions, arrays };
  }

  /** Gives back a state that no view needs. */
  release({ arrays }: KvState): void {
    this.#bytes -= sizeOf(arrays);
    this.#free.push(...arrays);
    // One state's worth is enough: the next one is made while the last one is still read.
    const surplus = this.#free.length - this.#caches.length;
    if (surplus > 0) this.#free.splice(0, surplus);
  }

  /** A state of zeros. */
  blank(rows: number, positions: number): KvState {
    const state = this.allocate(rows, positions);
    for (const array of state.arrays) array.fill(0);
    return state;
  }

  /**
   * Rows side by side, as the past of one run: each sequence's first positions, padded by zeros in front to
   * the longest.
   *
   * @param views undefined for a sequence of which nothing is wanted.
   * @param lengths how many positions of each view are wanted.
   */
  gather(views: readonly (KvView | undefined)[], lengths: readonly number[]): KvState {
    const longest = Math.max(...lengths);
    const state = this.allocate(views.length, longest);
    this.#caches.forEach(({ heads, headSize }, index) => {
      const target = state.arrays[index]!;
      views.forEach((view, row) => {
        const length = lengths[row]!;
        const pad = (longest - length) * headSize;
        for (let head = 0; head < heads; head++) {
          const to = (row * heads + head) * longest * headSize;
          target.fill(0, to, to + pad);
          if (view === undefined || length === 0) continue;
          const from = ((view.row * heads + head) * view.state.positions + view.begin) * headSize;
          target.set(view.state.arrays[index]!.subarray(from, from + length * headSize), to + pad);
        }
      });
    });
    return state;
  }

  /**
   * Memory is taken a little larger than needed, so that a state that grows by a position a step finds the
   * last one's.
   */
  #take(length: number): Float32Array | Uint16Array {
    const fits = this.#free.findIndex(array => array.buffer.byteLength >= length * array.BYTES_PER_ELEMENT);
    const [found] = fits < 0 ? [] : this.#free.splice(fits, 1);
    const { buffer } = found ?? floatArray(this.#type, Math.ceil((length * 9) / 8) + 1);
    return this.#type === 'float32'
      ? new Float32Array(buffer, 0, length)
      : new Uint16Array(buffer, 0, length);
  }
}

function sizeOf(arrays: KvState['arrays']): number {
  return arrays.reduce((sum, { byteLength }) => sum + byteLength, 0);
}
