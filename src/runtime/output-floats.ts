import { Allocator, memoryInfo, type DeviceMemory } from './memory.js';
import type { Session } from './session.js';

/**
 * Floats that runs write and the processor reads: in page-locked memory if the device has it, since copies to
 * that are several times faster.
 */
export class OutputFloats {
  /** A view of native memory: it must not be used after this object is disposed. */
  readonly values: Float32Array;
  readonly #memory: DeviceMemory | undefined;
  readonly #allocator: Allocator | undefined;

  /** @throws KvasirError `runtime_failure` where there is not as much memory of that kind */
  constructor(session: Session, length: number) {
    const location = session.device.staging;
    if (location === undefined || length === 0) {
      this.values = new Float32Array(length);
      return;
    }
    this.#allocator = new Allocator(session, memoryInfo(location));
    try {
      this.#memory = this.#allocator.allocate(length * Float32Array.BYTES_PER_ELEMENT);
    } catch (error) {
      this.#allocator.dispose();
      throw error;
    }
    const { buffer, byteOffset } = this.#memory.view();
    this.values = new Float32Array(buffer, byteOffset, length).fill(0);
  }

  dispose(): void {
    this.#memory?.dispose();
    this.#allocator?.dispose();
  }
}
