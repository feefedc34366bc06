import type { CacheType } from '#graph/build.js';
import { elementSize, Tensor, type IoBinding, type Session } from '#runtime/index.js';
import { CacheMemory } from './cache-memory.js';

/** Keys or values of one layer. */
export interface CachePart {
  /** Names in the graph. */
  readonly past: string;
  readonly present: string;
  readonly heads: number;
  /** As the graph has it, padding included. */
  readonly headSize: number;
  /** Whether no more than the latest positions are seen; default: all are. */
  readonly isWindowed?: boolean;
}

export interface CacheLayout {
  readonly parts: readonly CachePart[];
  readonly type: CacheType;
  /** Positions of a slot. */
  readonly contextLength: number;
  readonly slots: number;
}

/**
 * A KV cache that is filled in place: per layer and side one buffer in the memory of the session's device, which a graph with
 * GroupQueryAttention takes as past and gives out as present.
 */
export class SlotCache {
  readonly #layout: CacheLayout;
  readonly #memory: CacheMemory;

  /** @throws KvasirError `runtime_failure` where the device has not enough memory */
  constructor(session: Session, layout: CacheLayout) {
    this.#layout = layout;
    const sizes = layout.parts.map(({ heads, headSize }) => {
      const positionBytes = headSize * elementSize(layout.type);
      return { heads, headBytes: layout.contextLength * positionBytes, positionBytes };
    });
    this.#memory = new CacheMemory(session, layout.slots, sizes);
  }

  /** Binds slots `first .. first + count - 1` as past and present. The caller disposes the tensors. */
  bind(binding: IoBinding, first: number, count: number): Tensor[] {
    const { parts, contextLength, type } = this.#layout;
    return parts.map(({ past, present, heads, headSize }, index) => {
      const { memory, slotBytes } = this.#memory.buffers[index]!;
      const shape = [count, heads, contextLength, headSize];
      const tensor = Tensor.overMemory(memory, first * slotBytes, shape, type);
      binding.bindInput(past, tensor).bindOutput(present, tensor);
      return tensor;
    });
  }

  copy(from: number, to: number, length: number): void {
    this.#memory.moves.copy(from, to, length);
  }

  swap(a: number, b: number, length: number): void {
    this.#memory.moves.swap(a, b, length);
  }

  /** Gives a slot's memory from a position on back to the system until it is written again, where the device can. */
  discard(slot: number, from: number): void {
    for (const { memory, heads, slotBytes, headBytes, positionBytes } of this.#memory.buffers) {
      if (from === 0) {
        memory.discard(slot * slotBytes, slotBytes);
        continue;
      }
      const kept = from * positionBytes;
      for (let head = 0; head < heads; head++)
        memory.discard(slot * slotBytes + head * headBytes + kept, headBytes - kept);
    }
  }

  /** The same before a position, in those parts of which no more than the latest positions are seen. */
  trim(slot: number, before: number): void {
    this.#layout.parts.forEach(({ isWindowed, heads }, index) => {
      if (!isWindowed) return;
      const { memory, slotBytes, headBytes, positionBytes } = this.#memory.buffers[index]!;
      for (let head = 0; head < heads; head++)
        memory.discard(slot * slotBytes + head * headBytes, before * positionBytes);
    });
  }

  dispose(): void {
    this.#memory.dispose();
  }
}
