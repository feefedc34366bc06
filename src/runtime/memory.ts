import koffi from 'koffi';
import { formatMemory } from '#bytes.js';
import { KvasirError } from '#errors.js';
import { check, create, ortApi, OrtError, type Pointer } from './api.js';
import { Handle } from './handle.js';
import { discardPages } from './page-advice.js';
import type { Session } from './session.js';

/** `OrtAllocatorType` and `OrtMemType` of the C API. */
const DEVICE_ALLOCATOR = 0;
const DEFAULT_MEMORY = 0;

/** The memory of a device. `name` is ONNX Runtime's: `Cpu`, `Cuda`, `CudaPinned`. */
export interface Location {
  readonly name: 'Cpu' | 'Cuda' | 'CudaPinned';
  readonly id: number;
}

/** Kinds of memory as errors name them. */
const KINDS: Readonly<Record<Location['name'], string>> = {
  Cpu: '',
  Cuda: 'GPU ',
  CudaPinned: 'page-locked ',
};

/** The processor's own memory. */
export const CPU: Location = { name: 'Cpu', id: 0 };

/** A description of a place's memory (`OrtMemoryInfo`). */
export class MemoryInfo extends Handle {
  readonly location: Location;

  constructor(location: Location = CPU) {
    super(
      create('CreateMemoryInfo', location.name, DEVICE_ALLOCATOR, location.id, DEFAULT_MEMORY),
      'ReleaseMemoryInfo',
    );
    this.location = location;
  }
}

const descriptions = new Map<string, MemoryInfo>();

/** The description of a place's memory that all share; lives as long as the process. */
export function memoryInfo(location: Location): MemoryInfo {
  const key = `${location.name} ${location.id}`;
  let description = descriptions.get(key);
  if (description === undefined) {
    description = new MemoryInfo(location);
    descriptions.set(key, description);
  }
  return description;
}

/** The description of the processor's memory, where JavaScript's arrays are. */
export function cpuMemoryInfo(): MemoryInfo {
  return memoryInfo(CPU);
}

/** An allocator for a device's memory (`OrtAllocator`). */
export class Allocator extends Handle {
  readonly memoryInfo: MemoryInfo;

  /**
   * For the processor's memory this is the plain allocator that all sessions share: a session's own is an
   * arena, which doubles its size when it grows and writes a table of a 32nd of it at once.
   */
  constructor(session: Session, memoryInfo: MemoryInfo) {
    if (memoryInfo.location.name === 'Cpu')
      super(create('GetAllocatorWithDefaultOptions'), () => undefined, [session, memoryInfo]);
    else
      super(create('CreateAllocator', session.pointer, memoryInfo.pointer), 'ReleaseAllocator', [
        session,
        memoryInfo,
      ]);
    this.memoryInfo = memoryInfo;
  }

  /**
   * Allocates uninitialized memory. On the CPU its pages are touched, and so counted, only when they are
   * written.
   *
   * @throws KvasirError `runtime_failure` where the device has not that much.
   */
  allocate(bytes: number): DeviceMemory {
    return new DeviceMemory(this, bytes);
  }
}

/** A block of a device's memory. */
export class DeviceMemory extends Handle {
  readonly allocator: Allocator;
  readonly bytes: number;
  /** Made once, since a view of native memory costs far more than the copies through it. */
  #view: Uint8Array | undefined;

  constructor(allocator: Allocator, bytes: number) {
    if (!Number.isSafeInteger(bytes) || bytes < 0)
      throw new KvasirError('runtime_failure', `a size must be a whole number of bytes, not ${bytes}`);
    let address: Pointer;
    try {
      // No bytes at all would have no address.
      address = create('AllocatorAlloc', allocator.pointer, Math.max(bytes, 1));
    } catch (cause) {
      if (!(cause instanceof OrtError)) throw cause;
      const { name } = allocator.memoryInfo.location;
      throw new KvasirError(
        'runtime_failure',
        `could not allocate ${formatMemory(bytes)} of ${KINDS[name]}memory`,
        { cause },
      );
    }
    const release = (address: Pointer) => check(ortApi().functions.AllocatorFree(allocator.pointer, address));
    super(address, release, [allocator]);
    this.allocator = allocator;
    this.bytes = bytes;
  }

  /**
   * Address of the byte at an offset.
   *
   * @throws KvasirError `runtime_failure` for one outside of the memory
   */
  at(offset: number): Pointer {
    if (!Number.isSafeInteger(offset) || offset < 0 || offset > this.bytes)
      throw new KvasirError(
        'runtime_failure',
        `offset ${offset} is outside of the memory's ${this.bytes} bytes`,
      );
    return (this.pointer + BigInt(offset)) as Pointer;
  }

  /**
   * A view of the bytes. It must not be used after the memory is disposed.
   *
   * @throws KvasirError `runtime_failure` for memory that the processor cannot reach
   */
  view(): Uint8Array {
    const { name } = this.allocator.memoryInfo.location;
    if (name === 'Cuda')
      throw new KvasirError('runtime_failure', `the processor cannot reach ${name} memory`);
    const { pointer } = this;
    this.#view ??= new Uint8Array(koffi.view(pointer, this.bytes));
    return this.#view;
  }

  /**
   * Gives the pages from an offset on back to the operating system until they are written again. Their
   * content is undefined afterwards. Does nothing for memory that the processor cannot reach.
   *
   * @throws KvasirError `runtime_failure` for a range that reaches outside of the memory
   */
  discard(offset: number, bytes: number): void {
    const begin = this.at(offset);
    this.at(offset + bytes);
    if (this.allocator.memoryInfo.location.name === 'Cpu') discardPages(begin, bytes);
  }
}
