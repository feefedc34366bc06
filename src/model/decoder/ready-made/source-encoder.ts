import { toFloat16 } from '#graph/weights/half-precision.js';
import { concat } from '#graph/weights/concat.js';
import { IoBinding, Tensor, type RunOptions, type Session } from '#runtime/index.js';
import type { SoundShape, SourceEntry, SourceTraits } from '../contract.js';
import { floatArray } from './decoder-graph.js';
import type { FeaturesPort, IntegerPort, SourceEncoderPorts, TokenPorts } from './ports.js';

/** Floats as a graph gave them out; halves as their bits. */
export type Floats = Float32Array | Uint16Array;

/** A loaded graph that reads sources. */
export class SourceEncoder {
  readonly #session: Session;
  readonly #ports: SourceEncoderPorts;
  readonly #source: SourceTraits;

  /** @param session goes with it. */
  constructor(session: Session, ports: SourceEncoderPorts, source: SourceTraits) {
    this.#session = session;
    this.#ports = ports;
    this.#source = source;
  }

  /**
   * @param sources of one length.
   * @param length of each.
   * @returns hidden states, `[sources, length, size]`.
   */
  async run(sources: readonly SourceEntry[], length: number, options: RunOptions): Promise<Floats> {
    const { reads, states } = this.#ports;
    const output = floatArray(states.type, sources.length * length * states.size);
    const inputs =
      'ids' in reads
        ? tokenInputs(reads, sources, length)
        : [featureInput(reads, sources, this.#source.sound as SoundShape)];
    using binding = new IoBinding(this.#session);
    using statesTensor = Tensor.fromArray(output, [sources.length, length, states.size], states.type);
    try {
      for (const [name, tensor] of inputs) binding.bindInput(name, tensor);
      binding.bindOutput(states.name, statesTensor);
      await this.#session.run(binding, options);
    } finally {
      for (const [, tensor] of inputs) tensor.dispose();
    }
    return output;
  }

  dispose(): void {
    this.#session.dispose();
  }
}

type Input = readonly [name: string, tensor: Tensor];

function tokenInputs({ ids, mask }: TokenPorts, sources: readonly SourceEntry[], length: number): Input[] {
  const shape = [sources.length, length];
  const tokens = sources.flatMap(({ ids: own }) => own);
  return [
    [ids.name, integerTensor(ids, tokens, shape)],
    ...(mask === undefined ? [] : [[mask.name, onesTensor(mask, shape)] as const]),
  ];
}

function featureInput(
  { name, type }: FeaturesPort,
  sources: readonly SourceEntry[],
  { bins, frames }: SoundShape,
): Input {
  const features = concat(sources.map(({ sound }) => sound!.features));
  const data = type === 'float32' ? features : toFloat16(features);
  return [name, Tensor.fromArray(data, [sources.length, bins, frames], type)];
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
