import type { DeviceMemory } from '#runtime/index.js';

/** The memory of a part, `[slots, heads, contextLength, headSize]`, and its sizes in bytes. */
export interface CacheBuffer {
  readonly memory: DeviceMemory;
  readonly heads: number;
  readonly slotBytes: number;
  readonly headBytes: number;
  readonly positionBytes: number;
}

/** Copies and exchanges what slots hold, without leaving the device. */
export interface SlotMoves {
  /** Copies positions `[begin, length)` of a slot to another, where those before are the same already. */
  copy(from: number, to: number, length: number, begin?: number): void;
  /** Exchanges the first `length` positions of two slots. */
  swap(a: number, b: number, length: number): void;
  dispose(): void;
}
