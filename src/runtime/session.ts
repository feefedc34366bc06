import { check, create, ortApi, type Pointer } from './api.js';
import { PROCESSOR, type Device } from './device.js';
import type { Environment } from './environment.js';
import { Handle } from './handle.js';
import type { IoBinding } from './io-binding.js';
import type { RunOptions } from './run-options.js';
import type { SharedWeights } from './shared-weights.js';
import { SessionOptions, type SessionSettings } from './session-options.js';
import { readString, takeTypeInfo, type TensorInfo } from './type-info.js';

/** A loaded model (`OrtSession`). */
export class Session extends Handle {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];

  readonly environment: Environment;
  readonly device: Device;

  private constructor(pointer: Pointer, environment: Environment, device: Device) {
    super(pointer, 'ReleaseSession', [environment]);
    this.environment = environment;
    this.device = device;
    const { SessionGetInputCount, SessionGetOutputCount } = ortApi().functions;
    try {
      this.inputs = describe(pointer, SessionGetInputCount, 'SessionGetInputName', 'SessionGetInputTypeInfo');
      this.outputs = describe(
        pointer,
        SessionGetOutputCount,
        'SessionGetOutputName',
        'SessionGetOutputTypeInfo',
      );
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  /**
   * Loads an ONNX file. Runs on a thread of the pool: loading takes seconds, and a server must answer
   * meanwhile.
   *
   * @param weights of its graph that it shares with other sessions, on the processor.
   * @throws OrtError where the file is absent, broken, or has operators that no provider knows.
   */
  static async load(
    environment: Environment,
    path: string,
    settings: SessionSettings = {},
    weights?: SharedWeights,
  ): Promise<Session> {
    using options = new SessionOptions(settings);
    using _environment = environment.hold();
    const out: [Pointer | null] = [null];
    if (weights === undefined)
      await callAsync('CreateSession', environment.pointer, path, options.pointer, out);
    else {
      weights.addTo(options);
      await callAsync(
        'CreateSessionWithPrepackedWeightsContainer',
        environment.pointer,
        path,
        options.pointer,
        weights.container,
        out,
      );
    }
    return new Session(out[0] as Pointer, environment, settings.device ?? PROCESSOR);
  }

  /**
   * Loads a small ONNX model from memory, at once.
   *
   * @throws OrtError where it is broken, or has operators that no provider knows.
   */
  static fromBytes(environment: Environment, model: Uint8Array, settings: SessionSettings = {}): Session {
    using options = new SessionOptions(settings);
    const pointer = create(
      'CreateSessionFromArray',
      environment.pointer,
      model,
      model.byteLength,
      options.pointer,
    );
    return new Session(pointer, environment, settings.device ?? PROCESSOR);
  }

  /**
   * Runs the model on a thread of the pool; the event loop stays free. What is bound must not be changed
   * until the promise settles; session, binding and options cannot be disposed before.
   *
   * @throws OrtError where the run fails or is terminated.
   */
  async run(binding: IoBinding, options: RunOptions): Promise<void> {
    using _session = this.hold();
    using _binding = binding.hold();
    using _options = options.hold();
    this.#arrive(binding);
    await callAsync('RunWithBinding', this.pointer, options.pointer, binding.pointer);
    this.#finish(binding);
  }

  /**
   * Runs a model that takes microseconds; the event loop waits.
   *
   * @throws OrtError where the run fails.
   */
  runNow(binding: IoBinding, options: RunOptions): void {
    this.#arrive(binding);
    check(ortApi().functions.RunWithBinding(this.pointer, options.pointer, binding.pointer));
    this.#finish(binding);
  }

  #arrive(binding: IoBinding): void {
    if (!this.device.isHostMemory) binding.synchronizeInputs();
  }

  #finish(binding: IoBinding): void {
    if (!this.device.isHostMemory) binding.synchronizeOutputs();
  }
}

/** Calls a function on a thread of libuv's pool. */
async function callAsync(
  name: 'CreateSession' | 'CreateSessionWithPrepackedWeightsContainer' | 'RunWithBinding',
  ...args: unknown[]
): Promise<void> {
  const status = await new Promise((resolve, reject) => {
    ortApi().functions[name].async(...args, (error: Error | null, status: unknown) => {
      if (error) reject(error);
      else resolve(status);
    });
  });
  check(status);
}

function describe(
  session: Pointer,
  getCount: (session: Pointer, out: [number]) => unknown,
  getName: 'SessionGetInputName' | 'SessionGetOutputName',
  getTypeInfo: 'SessionGetInputTypeInfo' | 'SessionGetOutputTypeInfo',
): TensorInfo[] {
  const allocator = create('GetAllocatorWithDefaultOptions');
  const count: [number] = [0];
  check(getCount(session, count));
  return Array.from({ length: Number(count[0]) }, (_, index) => {
    const address = create(getName, session, index, allocator);
    let name;
    try {
      name = readString(address);
    } finally {
      check(ortApi().functions.AllocatorFree(allocator, address));
    }
    return { name, ...takeTypeInfo(create(getTypeInfo, session, index)) };
  });
}
