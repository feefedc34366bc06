import type { Caller } from '#caller.js';
import { invalidRequest, KvasirError } from '#errors.js';
import { FairQueue } from '#fair-queue.js';
import { Places } from '#places.js';
import {
  cpuMemoryInfo,
  elementSize,
  IoBinding,
  OrtError,
  RunOptions,
  Tensor,
  type Session,
  type TensorInfo,
} from '#runtime/index.js';
import type { NamedTensor, NumericType, TensorPort, TensorService, TensorStats } from './types.js';

/** The most that calls of a graph may take. */
export interface GraphLimits {
  /** Calls that may wait while one runs. */
  readonly maxWaiting: number;
  /** Bytes of all outputs of a call together. */
  readonly outputBytes: number;
  /** Milliseconds of a run. */
  readonly runTime: number;
}

interface Call {
  readonly client: string;
  readonly run: () => Promise<void>;
  readonly refuse: (error: KvasirError) => void;
}

/**
 * Runs any graph on its callers' tensors, one call after the other, since ONNX Runtime uses all threads for
 * each. Clients take turns.
 */
export class GraphService implements TensorService {
  readonly inputs: readonly TensorPort[];
  /** Outputs that are not tensors of numbers are left out. */
  readonly outputs: readonly TensorPort[];
  readonly #session: Session;
  readonly #limits: GraphLimits;
  readonly #waiting = new FairQueue<Call>();
  readonly #places: Places;
  #running: { readonly options: RunOptions; readonly ended: Promise<void> } | undefined;
  #runs = 0;
  #closing: Promise<void> | undefined;

  /**
   * @throws KvasirError `unsupported_model` where it wants something else than tensors of numbers, or gives
   * none
   */
  constructor(session: Session, limits: GraphLimits) {
    this.#session = session;
    this.#limits = limits;
    this.#places = new Places(limits.maxWaiting);
    const strange = session.inputs.find(input => !isNumeric(input));
    if (strange !== undefined)
      throw new KvasirError(
        'unsupported_model',
        `the graph's input '${strange.name}' is not a tensor of numbers (${strange.type ?? 'unknown type'})`,
      );
    this.inputs = session.inputs.filter(isNumeric);
    this.outputs = session.outputs.filter(isNumeric);
    if (this.outputs.length === 0)
      throw new KvasirError('unsupported_model', 'the graph has no output that is a tensor of numbers');
  }

  /**
   * @throws KvasirError as {@link TensorService.infer}, and `deadline_exceeded` where the run takes too long
   */
  async infer(
    inputs: readonly NamedTensor[],
    outputs: readonly string[],
    { client, signal }: Caller,
  ): Promise<NamedTensor[]> {
    if (this.#closing !== undefined) throw shuttingDown();
    if (signal.aborted) throw cancelled();
    if (this.#running !== undefined && !this.#places.has(client, 1))
      throw new KvasirError(
        'queue_full',
        `${this.#waiting.size} requests are already waiting for the model; try again later`,
      );
    return new Promise((resolve, reject) => {
      const call: Call = {
        client,
        run: async () => {
          signal.removeEventListener('abort', leave);
          await this.#run(inputs, outputs, signal).then(resolve, reject);
        },
        refuse: error => {
          signal.removeEventListener('abort', leave);
          reject(error);
        },
      };
      const leave = (): void => {
        this.#waiting.remove(call);
        this.#places.free(client, 1);
        call.refuse(cancelled());
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.push([client], call);
      this.#places.take(client, 1);
      this.#next();
    });
  }

  stats(): TensorStats {
    return {
      waiting: this.#waiting.size,
      running: this.#running === undefined ? 0 : 1,
      runs: this.#runs,
    };
  }

  /** Ends the run under way and refuses the others, and frees the session. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (let call = this.#waiting.shift(); call !== undefined; call = this.#waiting.shift())
      call.refuse(shuttingDown());
    this.#running?.options.terminate();
    await this.#running?.ended;
    this.#session.dispose();
  }

  #next(): void {
    if (this.#running !== undefined || this.#closing !== undefined) return;
    const call = this.#waiting.shift();
    if (call === undefined) return;
    this.#places.free(call.client, 1);
    const options = new RunOptions();
    // The run starts in a later turn, when `#running` is set.
    const ended = Promise.resolve()
      .then(call.run)
      .then(() => {
        options.dispose();
        this.#running = undefined;
        this.#runs++;
        this.#next();
      });
    this.#running = { options, ended };
  }

  async #run(
    inputs: readonly NamedTensor[],
    outputs: readonly string[],
    signal: AbortSignal,
  ): Promise<NamedTensor[]> {
    const { options } = this.#running!;
    const { runTime } = this.#limits;
    const terminate = (): void => options.terminate();
    signal.addEventListener('abort', terminate, { once: true });
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      terminate();
    }, runTime);
    using binding = new IoBinding(this.#session);
    const tensors: Tensor[] = [];
    try {
      for (const { name, type, shape, data } of inputs) {
        const tensor = Tensor.fromArray(data, shape, type);
        tensors.push(tensor);
        binding.bindInput(name, tensor);
      }
      for (const name of outputs) binding.bindOutputToDevice(name, cpuMemoryInfo());
      await this.#session.run(binding, options);
      const results = binding.outputs();
      tensors.push(...results);
      this.#limitOutputs(results);
      return results.map((tensor, i) => ({
        name: outputs[i]!,
        type: tensor.type as NumericType,
        shape: tensor.shape,
        data: tensor.toArray(),
      }));
    } catch (error) {
      if (signal.aborted) throw cancelled();
      if (this.#closing !== undefined) throw shuttingDown();
      if (late)
        throw new KvasirError(
          'deadline_exceeded',
          `the run was ended: a run of the model may take ${runTime / 1000} seconds`,
        );
      // Indices out of range, shapes that do not go together: what the graph makes of its inputs is up to the
      // caller.
      if (error instanceof OrtError)
        throw new KvasirError(
          'invalid_request',
          `the model cannot run on these tensors: ${reason(error)}; the server's log has more`,
          { param: 'inputs', cause: error },
        );
      throw error;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', terminate);
      for (const tensor of tensors) tensor.dispose();
    }
  }

  #limitOutputs(results: readonly Tensor[]): void {
    const bytes = results.reduce((sum, { type, size }) => sum + size * elementSize(type as NumericType), 0);
    const { outputBytes } = this.#limits;
    if (bytes > outputBytes)
      throw invalidRequest(
        'inputs',
        `the outputs of the model would be ${bytes} bytes; at most ${outputBytes} are given at once`,
      );
  }
}

/**
 * The complaint of an operator about its inputs; not its place in ONNX Runtime's sources, or a file's on this machine.
 */
function reason({ message }: OrtError): string {
  const [, said = ''] = /Status Message: ([^\n]+)/.exec(message) ?? [];
  return /^[\w ,.=[\]()<>{}'-]{1,200}$/.test(said) ? said : 'a shape or a value does not fit its graph';
}

function isNumeric(info: TensorInfo): info is TensorPort {
  return info.type !== undefined && info.type !== 'string';
}

function cancelled(): KvasirError {
  return new KvasirError('cancelled', 'the request was cancelled');
}

function shuttingDown(): KvasirError {
  return new KvasirError('shutting_down', 'the server is shutting down');
}
