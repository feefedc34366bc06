import type { CacheBuffer, SlotMoves } from './slot-moves.js';

/** Moves within the processor's memory: as many positions as are filled, head by head. */
export class HostMoves implements SlotMoves {
  readonly #buffers: readonly CacheBuffer[];

  constructor(buffers: readonly CacheBuffer[]) {
    this.#buffers = buffers;
  }

  copy(from: number, to: number, length: number, begin = 0): void {
    this.#forEachHead(begin, length, (bytes, offsetOf, size) => {
      bytes.copyWithin(offsetOf(to), offsetOf(from), offsetOf(from) + size);
    });
  }

  swap(a: number, b: number, length: number): void {
    this.#forEachHead(0, length, (bytes, offsetOf, size) => {
      const kept = bytes.slice(offsetOf(a), offsetOf(a) + size);
      bytes.copyWithin(offsetOf(a), offsetOf(b), offsetOf(b) + size);
      bytes.set(kept, offsetOf(b));
    });
  }

  dispose(): void {
    // The buffers are the cache's.
  }

  /** @param visit given a buffer, where in it the positions of a slot's head begin, and their bytes. */
  #forEachHead(
    begin: number,
    end: number,
    visit: (bytes: Uint8Array, offsetOf: (slot: number) => number, size: number) => void,
  ): void {
    for (const { memory, heads, slotBytes, headBytes, positionBytes } of this.#buffers) {
      const bytes = memory.view();
      for (let head = 0; head < heads; head++)
        visit(
          bytes,
          slot => slot * slotBytes + head * headBytes + begin * positionBytes,
          (end - begin) * positionBytes,
        );
    }
  }
}
