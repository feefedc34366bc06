import koffi from 'koffi';
import { check, create, ortApi, type Pointer } from './api.js';
import { Handle } from './handle.js';
import type { MemoryInfo } from './memory.js';
import type { Session } from './session.js';
import { Tensor } from './tensor.js';

/** Values bound to a session's inputs and outputs (`OrtIoBinding`), kept from run to run. */
export class IoBinding extends Handle {
  readonly session: Session;
  /** A bound value's memory must stay referenced until it is replaced. */
  readonly #bound = new Map<string, Tensor>();

  constructor(session: Session) {
    super(create('CreateIoBinding', session.pointer), 'ReleaseIoBinding', [session]);
    this.session = session;
  }

  /** Binds a value to an input, in place of what was bound before. The binding does not own the tensor. */
  bindInput(name: string, tensor: Tensor): this {
    check(ortApi().functions.BindInput(this.pointer, name, tensor.pointer));
    this.#bound.set(`input ${name}`, tensor);
    return this;
  }

  /**
   * Binds a value to an output: the run writes into it. The same tensor may be bound to an input, where the
   * operator works in place.
   */
  bindOutput(name: string, tensor: Tensor): this {
    check(ortApi().functions.BindOutput(this.pointer, name, tensor.pointer));
    this.#bound.set(`output ${name}`, tensor);
    return this;
  }

  /** Lets the run allocate an output on a device; `output()` hands it out. */
  bindOutputToDevice(name: string, memoryInfo: MemoryInfo): this {
    check(ortApi().functions.BindOutputToDevice(this.pointer, name, memoryInfo.pointer));
    this.#bound.delete(`output ${name}`);
    return this;
  }

  /**
   * Waits until bound inputs have reached the device: binding only queues the copy, and runs do not wait for
   * it.
   */
  synchronizeInputs(): void {
    check(ortApi().functions.SynchronizeBoundInputs(this.pointer));
  }

  /** Waits until the device has written the outputs of the last run. */
  synchronizeOutputs(): void {
    check(ortApi().functions.SynchronizeBoundOutputs(this.pointer));
  }

  /**
   * All outputs of the last run, in the order in which they were first bound. The caller disposes them.
   *
   * @throws OrtError or KvasirError `runtime_failure` where one is no tensor, or there was no run
   */
  outputs(): Tensor[] {
    const { GetBoundOutputValues, AllocatorFree, ReleaseValue } = ortApi().functions;
    const allocator = create('GetAllocatorWithDefaultOptions');
    const values: [Pointer | null] = [null];
    const count: [number] = [0];
    check(GetBoundOutputValues(this.pointer, allocator, values, count));
    if (values[0] === null) return [];
    const pointers = koffi.decode(values[0], koffi.array('void *', Number(count[0]))) as Pointer[];
    check(AllocatorFree(allocator, values[0]));
    const tensors: Tensor[] = [];
    try {
      for (const pointer of pointers) tensors.push(Tensor.adopt(pointer));
      return tensors;
    } catch (error) {
      pointers.slice(tensors.length + 1).forEach(pointer => void ReleaseValue(pointer));
      tensors.forEach(tensor => tensor.dispose());
      throw error;
    }
  }

  override dispose(): void {
    super.dispose();
    this.#bound.clear();
  }
}
