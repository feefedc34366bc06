import type { Caller } from '#caller.js';
import type { ElementType, TensorData, TensorInfo } from '#runtime/index.js';

/** Element types that callers may send and receive: those of a fixed size. */
export type NumericType = Exclude<ElementType, 'string'>;

/** An input or output of a model. */
export interface TensorPort extends TensorInfo {
  readonly type: NumericType;
  /** Present on inputs that may be left out. */
  readonly optional?: true;
  /** Of an output: the optional input without which it is not there. */
  readonly needs?: string;
}

/** A tensor with its elements, in row-major order. */
export interface NamedTensor {
  readonly name: string;
  readonly type: NumericType;
  /** Outermost dimension first; `[]` is a scalar. */
  readonly shape: readonly number[];
  readonly data: TensorData;
}

/** A model that is called with tensors and answers with tensors. */
export interface TensorService {
  readonly inputs: readonly TensorPort[];
  readonly outputs: readonly TensorPort[];
  /**
   * @param inputs of the types and shapes that the model takes, each once, none missing that is not optional;
   * their data must not change until the promise settles.
   * @param outputs names of what is wanted.
   * @param caller whose turn it takes; aborting its signal takes the call back, and ends its run.
   * @returns in the order of `outputs`.
   * @throws KvasirError `invalid_request` where the model cannot run on these tensors, `queue_full`,
   * `shutting_down`, `cancelled`, `runtime_failure`
   */
  infer(inputs: readonly NamedTensor[], outputs: readonly string[], caller: Caller): Promise<NamedTensor[]>;
}

/** `runs` counts since the start; the others are of this moment. */
export interface TensorStats {
  /** Calls that wait for their run. */
  readonly waiting: number;
  /** 1 while a call runs. */
  readonly running: number;
  /** Finished runs. */
  readonly runs: number;
}
