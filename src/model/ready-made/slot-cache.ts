import {
  elementSize,
  type Allocator,
  type DeviceMemory,
  type IoBinding,
  Tensor,
} from '../../runtime/index.js';
import type { DecoderPorts } from './ports.js';

/**
 * A KV cache that is filled in place: per layer and side one buffer `[slots, heads, contextLength, headSize]`, which a graph with
 * GroupQueryAttention takes as past and gives out as present.
 */
export class SlotCache {
  readonly #ports: DecoderPorts;
  readonly #contextLength: number;
  readonly #buffers: readonly DeviceMemory[];

  /** @throws OrtError where there is not enough memory */
  constructor(allocator: Allocator, ports: DecoderPorts, contextLength: number, slots: number) {
    this.#ports = ports;
    this.#contextLength = contextLength;
    const buffers: DeviceMemory[] = [];
    try {
      for (const index of ports.caches.keys())
        buffers.push(allocator.allocate(slots * this.#slotBytes(index)));
    } catch (error) {
      for (const buffer of buffers) buffer.dispose();
      throw error;
    }
    this.#buffers = buffers;
  }

  /** Binds slots `first .. first + count - 1` as past and present. The caller disposes the tensors, after the binding. */
  bind(binding: IoBinding, first: number, count: number): Tensor[] {
    return this.#ports.caches.map(({ past, present, heads, headSize }, index) => {
      const tensor = Tensor.overMemory(
        this.#buffers[index]!,
        first * this.#slotBytes(index),
        [count, heads, this.#contextLength, headSize],
        this.#ports.cacheType,
      );
      binding.bindInput(past!, tensor).bindOutput(present, tensor);
      return tensor;
    });
  }

  /** Copies the first `length` positions of a slot to another. */
  copy(from: number, to: number, length: number): void {
    this.#forEachHead(length, (bytes, offsetOf, size) => {
      bytes.copyWithin(offsetOf(to), offsetOf(from), offsetOf(from) + size);
    });
  }

  /** Exchanges the first `length` positions of two slots. */
  swap(a: number, b: number, length: number): void {
    this.#forEachHead(length, (bytes, offsetOf, size) => {
      const kept = bytes.slice(offsetOf(a), offsetOf(a) + size);
      bytes.copyWithin(offsetOf(a), offsetOf(b), offsetOf(b) + size);
      bytes.set(kept, offsetOf(b));
    });
  }

  /** Gives a slot's memory back to the system until it is written again. */
  discard(slot: number): void {
    this.#buffers.forEach((buffer, index) => {
      buffer.discard(slot * this.#slotBytes(index), this.#slotBytes(index));
    });
  }

  dispose(): void {
    for (const buffer of this.#buffers) buffer.dispose();
  }

  #positionBytes(index: number): number {
    return this.#ports.caches[index]!.headSize * elementSize(this.#ports.cacheType);
  }

  #slotBytes(index: number): number {
    return this.#ports.caches[index]!.heads * this.#contextLength * this.#positionBytes(index);
  }

  /** @param visit given a buffer, where in it the head of a slot begins, and the bytes of the positions. */
  #forEachHead(
    length: number,
    visit: (bytes: Uint8Array, offsetOf: (slot: number) => number, size: number) => void,
  ): void {
    this.#buffers.forEach((buffer, index) => {
      const bytes = buffer.view();
      const [slotBytes, positionBytes] = [this.#slotBytes(index), this.#positionBytes(index)];
      for (let head = 0; head < this.#ports.caches[index]!.heads; head++) {
        const offset = head * this.#contextLength * positionBytes;
        visit(bytes, slot => slot * slotBytes + offset, length * positionBytes);
      }
    });
  }
}
