import { ModelGraph } from './model-graph.js';
import { NUMBER_FORMATS, type Precision } from './precision.js';

/**
 * In which numbers an encoder is stored and run. `int8` multiplies 8-bit weights by 8-bit activations, which is much faster than floats
 * for the many tokens of a batch; `int4` only stores less.
 */
export const ENCODER_PRECISIONS = ['f32', 'int8', 'int4'] as const satisfies readonly Precision[];

export type EncoderPrecision = (typeof ENCODER_PRECISIONS)[number];

/** An encoder's graph: a {@link ModelGraph} that may multiply in integers. */
export class EncoderGraph extends ModelGraph {
  /** Whether linear layers multiply 8-bit activations. */
  readonly integers: boolean;
  readonly #shared = new Map<string, unknown>();

  constructor(precision: EncoderPrecision = 'f32') {
    const { matrices, ...others } = NUMBER_FORMATS[precision];
    const integers = precision === 'int8';
    super(integers || matrices === undefined ? others : { ...others, matrices });
    this.integers = integers;
  }

  /** Something that several layers or heads use, made when it is first asked for. */
  shared<T>(name: string, make: () => T): T {
    if (!this.#shared.has(name)) this.#shared.set(name, make());
    return this.#shared.get(name) as T;
  }
}
