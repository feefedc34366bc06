import { Allocator, memoryInfo, type Session } from '#runtime/index.js';
import { DeviceMoves } from './device-moves.js';
import { HostMoves } from './host-moves.js';
import type { CacheBuffer, SlotMoves } from './slot-moves.js';

/**
 * The memory of a KV cache: for each side of each layer a buffer on the session's device, in slots that can
 * be copied and exchanged.
 */
export class CacheMemory {
  readonly buffers: readonly CacheBuffer[];
  readonly moves: SlotMoves;
  readonly #allocator: Allocator;

  /**
   * @param slots of each buffer.
   * @throws KvasirError `runtime_failure` where the device has not enough memory
   */
  constructor(
    session: Session,
    slots: number,
    sizes: readonly Pick<CacheBuffer, 'heads' | 'headBytes' | 'positionBytes'>[],
  ) {
    const buffers: CacheBuffer[] = [];
    this.buffers = buffers;
    this.#allocator = new Allocator(session, memoryInfo(session.device.location));
    try {
      for (const size of sizes) {
        const slotBytes = size.heads * size.headBytes;
        buffers.push({ ...size, slotBytes, memory: this.#allocator.allocate(slots * slotBytes) });
      }
      this.moves = session.device.isHostMemory
        ? new HostMoves(buffers)
        : new DeviceMoves(session, this.#allocator, buffers, slots);
    } catch (error) {
      this.#free();
      throw error;
    }
  }

  dispose(): void {
    this.moves.dispose();
    this.#free();
  }

  #free(): void {
    for (const { memory } of this.buffers) memory.dispose();
    this.#allocator.dispose();
  }
}
