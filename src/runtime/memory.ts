import koffi from 'koffi';
import { check, create, ortApi, type Pointer } from './api.js';
import { Handle } from './handle.js';
import type { Session } from './session.js';

/** `OrtAllocatorType` and `OrtMemType` of the C API. */
const DEVICE_ALLOCATOR = 0;
const DEFAULT_MEMORY = 0;

/** Where tensors live. `name` is ONNX Runtime's: `Cpu`, `Cuda`, `CudaPinned`. */
export interface Device {
  readonly name: 'Cpu' | 'Cuda' | 'CudaPinned';
  readonly id: number;
}

/** The processor's own memory. */
export const CPU: Device = { name: 'Cpu', id: 0 };

/** A description of a device's memory (`OrtMemoryInfo`). */
export class MemoryInfo extends Handle {
  readonly device: Device;

  constructor(device: Device = CPU) {
    super(
      create('CreateMemoryInfo', device.name, DEVICE_ALLOCATOR, device.id, DEFAULT_MEMORY),
      'ReleaseMemoryInfo',
    );
    this.device = device;
  }
}

let cpuMemory: MemoryInfo | undefined;

/** The description of the processor's memory that all tensors over JavaScript arrays share; lives as long as the process. */
export function cpuMemoryInfo(): MemoryInfo {
  cpuMemory ??= new MemoryInfo(CPU);
  return cpuMemory;
}

/** A session's allocator for a device (`OrtAllocator`). It and all its memory must be disposed before the session. */
export class Allocator extends Handle {
  readonly memoryInfo: MemoryInfo;

  constructor(session: Session, memoryInfo: MemoryInfo) {
    super(create('CreateAllocator', session.pointer, memoryInfo.pointer), 'ReleaseAllocator');
    this.memoryInfo = memoryInfo;
  }

  /** Uninitialized memory. On the CPU its pages are touched, and so counted, only when they are written. */
  allocate(bytes: number): DeviceMemory {
    return new DeviceMemory(this, bytes);
  }
}

/** A block of a device's memory. */
export class DeviceMemory implements Disposable {
  readonly allocator: Allocator;
  readonly bytes: number;
  #address: Pointer | null;

  constructor(allocator: Allocator, bytes: number) {
    this.allocator = allocator;
    this.bytes = bytes;
    this.#address = create('AllocatorAlloc', allocator.pointer, bytes);
  }

  /** Address of the byte at an offset. */
  at(offset: number): Pointer {
    if (this.#address === null) throw new RangeError('DeviceMemory was used after it was disposed');
    if (offset < 0 || offset > this.bytes)
      throw new RangeError(`offset ${offset} is outside of ${this.bytes} bytes`);
    return (this.#address + BigInt(offset)) as Pointer;
  }

  /** The bytes themselves; only for memory that the processor can reach. The view dies with the memory. */
  view(): Uint8Array {
    return new Uint8Array(koffi.view(this.at(0), this.bytes));
  }

  dispose(): void {
    if (this.#address === null) return;
    check(ortApi().functions.AllocatorFree(this.allocator.pointer, this.#address));
    this.#address = null;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
