import type { CacheType } from '../../graph/build.js';
import {
  Allocator,
  elementSize,
  memoryInfo,
  Tensor,
  type IoBinding,
  type Session,
} from '../../runtime/index.js';
import { DeviceMoves } from './device-moves.js';
import { HostMoves } from './host-moves.js';
import type { CacheBuffer, SlotMoves } from './slot-moves.js';

/** Keys or values of one layer. */
export interface CachePart {
  /** Names in the graph. */
  readonly past: string;
  readonly present: string;
  readonly heads: number;
  /** As the graph has it, padding included. */
  readonly headSize: number;
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
  readonly #allocator: Allocator;
  readonly #buffers: CacheBuffer[] = [];
  readonly #moves: SlotMoves;

  /** @throws KvasirError `runtime_failure` where the device has not enough memory */
  constructor(session: Session, layout: CacheLayout) {
    this.#layout = layout;
    this.#allocator = new Allocator(session, memoryInfo(session.device.location));
    try {
      for (const { heads, headSize } of layout.parts) {
        const positionBytes = headSize * elementSize(layout.type);
        const headBytes = layout.contextLength * positionBytes;
        const slotBytes = heads * headBytes;
        const memory = this.#allocator.allocate(layout.slots * slotBytes);
        this.#buffers.push({ memory, heads, slotBytes, headBytes, positionBytes });
      }
      this.#moves = session.device.isHostMemory
        ? new HostMoves(this.#buffers)
        : new DeviceMoves(session, this.#allocator, this.#buffers, layout.slots);
    } catch (error) {
      this.#free();
      throw error;
    }
  }

  /** Binds slots `first .. first + count - 1` as past and present. The caller disposes the tensors, after the binding. */
  bind(binding: IoBinding, first: number, count: number): Tensor[] {
    const { parts, contextLength, type } = this.#layout;
    return parts.map(({ past, present, heads, headSize }, index) => {
      const { memory, slotBytes } = this.#buffers[index]!;
      const shape = [count, heads, contextLength, headSize];
      const tensor = Tensor.overMemory(memory, first * slotBytes, shape, type);
      binding.bindInput(past, tensor).bindOutput(present, tensor);
      return tensor;
    });
  }

  copy(from: number, to: number, length: number): void {
    this.#moves.copy(from, to, length);
  }

  swap(a: number, b: number, length: number): void {
    this.#moves.swap(a, b, length);
  }

  /** Gives a slot's memory from a position on back to the system until it is written again, where the device can. */
  discard(slot: number, from: number): void {
    for (const { memory, heads, slotBytes, headBytes, positionBytes } of this.#buffers) {
      if (from === 0) {
        memory.discard(slot * slotBytes, slotBytes);
        continue;
      }
      const kept = from * positionBytes;
      for (let head = 0; head < heads; head++)
        memory.discard(slot * slotBytes + head * headBytes + kept, headBytes - kept);
    }
  }

  dispose(): void {
    this.#moves.dispose();
    this.#free();
  }

  #free(): void {
    for (const { memory } of this.#buffers) memory.dispose();
    this.#allocator.dispose();
  }
}
