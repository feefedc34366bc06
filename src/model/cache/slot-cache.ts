import type { CacheType } from '#graph/build.js';
import { elementSize, Tensor, type IoBinding, type Session } from '#runtime/index.js';
import type { SlotOperation } from '../decoder/contract.js';
import { CacheMemory } from './cache-memory.js';
import type { CachePart } from './layer-cache.js';

export interface CacheLayout {
  readonly parts: readonly CachePart[];
  readonly type: CacheType;
  /** Positions of a slot. */
  readonly contextLength: number;
  readonly slots: number;
}

/**
 * A KV cache that is filled in place: per layer and side one buffer in the memory of the session's device,
 * which a graph with GroupQueryAttention takes as past and gives out as present.
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

  /**
   * Binds slots `first .. first + count - 1` as past and present. The caller disposes the tensors.
   *
   * @param part stands before the names of inputs and outputs.
   */
  bind(binding: IoBinding, first: number, count: number, part = ''): Tensor[] {
    const { parts, contextLength, type } = this.#layout;
    return parts.map((names, index) => {
      const { heads, headSize, shared = [] } = names;
      const { memory, slotBytes } = this.#memory.buffers[index]!;
      const shape = [count, heads, contextLength, headSize];
      const tensor = Tensor.overMemory(memory, first * slotBytes, shape, type);
      for (const { past, present } of [names, ...shared])
        binding.bindInput(part + past, tensor).bindOutput(part + present, tensor);
      return tensor;
    });
  }

  /**
   * Copies or exchanges slots, or gives memory back to the system until it is written again, where the device
   * can.
   */
  arrange(operation: SlotOperation): void {
    switch (operation.kind) {
      case 'copy':
        return this.#memory.moves.copy(operation.from, operation.to, operation.length, operation.begin);
      case 'swap':
        return this.#memory.moves.swap(operation.a, operation.b, operation.length);
      case 'release':
        return this.#release(operation.slot, operation.from);
      case 'trim':
        return this.#trim(operation.slot, operation.before);
    }
  }

  /** Sets positions `[begin, end)` of a slot to 0, in memory that the processor can reach. */
  clear(slot: number, begin: number, end: number): void {
    for (const { memory, heads, slotBytes, headBytes, positionBytes } of this.#memory.buffers)
      for (let head = 0; head < heads; head++) {
        const offset = slot * slotBytes + head * headBytes;
        memory.view().fill(0, offset + begin * positionBytes, offset + end * positionBytes);
      }
  }

  dispose(): void {
    this.#memory.dispose();
  }

  #release(slot: number, from: number): void {
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

  /**
   * Gives back what lies before a position in those parts of which no more than the latest positions are
   * seen.
   */
  #trim(slot: number, before: number): void {
    this.#layout.parts.forEach(({ isWindowed, heads }, index) => {
      if (!isWindowed) return;
      const { memory, slotBytes, headBytes, positionBytes } = this.#memory.buffers[index]!;
      for (let head = 0; head < heads; head++)
        memory.discard(slot * slotBytes + head * headBytes, before * positionBytes);
    });
  }
}
