import { IoBinding, Tensor, type RunOptions, type Session } from '#runtime/index.js';
import { floatArray } from './decoder-graph.js';
import type { IntegerPort, SourceEncoderPorts } from './ports.js';

/** Floats as a graph gave them out; halves as their bits. */
export type Floats = Float32Array | Uint16Array;

/** A loaded graph that reads sources. */
export class SourceEncoder {
  readonly #session: Session;
  readonly #ports: SourceEncoderPorts;

  /** @param session goes with it. */
  constructor(session: Session, ports: SourceEncoderPorts) {
    this.#session = session;
    this.#ports = ports;
  }

  /**
   * @param sources of one length.
   * @returns hidden states, `[sources, length, size]`.
   */
  async run(sources: readonly (readonly number[])[], options: RunOptions): Promise<Floats> {
    const { ids, mask, states } = this.#ports;
    const shape = [sources.length, sources[0]!.length];
    const output = floatArray(states.type, shape[0]! * shape[1]! * states.size);
    using binding = new IoBinding(this.#session);
    using idsTensor = integerTensor(ids, sources.flat(), shape);
    using maskTensor = mask && onesTensor(mask, shape);
    using statesTensor = Tensor.fromArray(output, [...shape, states.size], states.type);
    binding.bindInput(ids.name, idsTensor).bindOutput(states.name, statesTensor);
    if (mask !== undefined) binding.bindInput(mask.name, maskTensor!);
    await this.#session.run(binding, options);
    return output;
  }

  dispose(): void {
    this.#session.dispose();
  }
}

/** A mask that hides nothing. */
export function onesTensor(port: IntegerPort, shape: readonly number[]): Tensor {
  const length = shape.reduce((product, size) => product * size, 1);
  return integerTensor(port, new Array<number>(length).fill(1), shape);
}

function integerTensor({ type }: IntegerPort, values: readonly number[], shape: readonly number[]): Tensor {
  return Tensor.fromArray(
    type === 'int64' ? BigInt64Array.from(values, BigInt) : Int32Array.from(values),
    shape,
  );
}
