import type { CacheType } from '#graph/build.js';
import { elementSize, Tensor, type IoBinding, type Session } from '#runtime/index.js';
import { CacheMemory } from './cache-memory.js';
import type { CachePart } from './layer-cache.js';

export interface BlockLayout {
  readonly parts: readonly CachePart[];
  readonly type: CacheType;
  /** Positions of a block. */
  readonly blockSize: number;
  readonly blocks: number;
}

/**
 * A paged KV cache that is filled in place: per layer and side one buffer
 * `[blocks, blockSize, heads, headSize]` in the memory of the session's device, which a graph with
 * PagedAttention takes as past and gives out as present.
 */
export class BlockCache {
  readonly #layout: BlockLayout;
  readonly #memory: CacheMemory;

  /** @throws KvasirError `runtime_failure` where the device has not enough memory */
  constructor(session: Session, layout: BlockLayout) {
    this.#layout = layout;
    const sizes = layout.parts.map(({ heads, headSize }) => {
      // A position's heads lie together, so that they move as one.
      const positionBytes = heads * headSize * elementSize(layout.type);
      return { heads: 1, headBytes: layout.blockSize * positionBytes, positionBytes };
    });
    this.#memory = new CacheMemory(session, layout.blocks, sizes);
  }

  /** Binds all blocks as past and present. The caller disposes the tensors. */
  bind(binding: IoBinding): Tensor[] {
    const { parts, type, blocks, blockSize } = this.#layout;
    return parts.map((names, index) => {
      const { heads, headSize, shared = [] } = names;
      const { memory } = this.#memory.buffers[index]!;
      const tensor = Tensor.overMemory(memory, 0, [blocks, blockSize, heads, headSize], type);
      for (const { past, present } of [names, ...shared])
        binding.bindInput(past, tensor).bindOutput(present, tensor);
      return tensor;
    });
  }

  /** Copies a whole block to another. */
  copy(from: number, to: number): void {
    this.#memory.moves.copy(from, to, this.#layout.blockSize);
  }

  dispose(): void {
    this.#memory.dispose();
  }
}
