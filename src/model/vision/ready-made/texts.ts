import { RunOptions, Tensor, type Session } from '#runtime/index.js';
import type { Encoder, EncoderInput, EncoderOutput, EncoderTask } from '../../encoder/contract.js';
import { normalizeVector } from '../../encoder/pooling.js';
import type { VectorOutput } from './ports.js';
import { fixedBatch, inParts, runVectors } from './run-vectors.js';

export interface ReadyMadeTextShape {
  readonly contextLength: number;
  readonly vocabularySize: number;
  readonly output: VectorOutput;
}

/**
 * Runs a tower of texts as exporters write it: `input_ids`, perhaps `attention_mask`, `[batch, sequence]`. Texts of one
 * length share a run, so that nothing is padded. Vectors have a length of 1.
 */
export class ReadyMadeTexts implements Encoder {
  readonly task: EncoderTask = 'embedding';
  readonly contextLength: number;
  readonly width: number;
  readonly vocabularySize: number;
  readonly segments = 1;
  readonly #session: Session;
  readonly #output: VectorOutput;
  readonly #batch: number;
  readonly #runOptions = new RunOptions();

  constructor(session: Session, { contextLength, vocabularySize, output }: ReadyMadeTextShape) {
    this.contextLength = contextLength;
    this.width = output.width;
    this.vocabularySize = vocabularySize;
    this.#session = session;
    this.#output = output;
    this.#batch = fixedBatch(session.inputs[0]?.shape);
  }

  async run(inputs: readonly EncoderInput[]): Promise<EncoderOutput[]> {
    const results = new Array<EncoderOutput>(inputs.length);
    for (const [length, places] of placesByLength(inputs))
      for (const part of inParts(places, this.#batch)) {
        const vectors = await this.#runPart(
          part.map(i => inputs[i]!.ids),
          length,
        );
        part.forEach((place, i) => (results[place] = vectors[i]!));
      }
    for (const { values } of results) normalizeVector(values);
    return results;
  }

  abort(): void {
    this.#runOptions.terminate();
  }

  dispose(): void {
    this.#runOptions.dispose();
    this.#session.dispose();
  }

  async #runPart(texts: readonly (readonly number[])[], length: number): Promise<EncoderOutput[]> {
    const count = Number.isFinite(this.#batch) ? this.#batch : texts.length;
    const ids = new Int32Array(count * length);
    texts.forEach((text, i) => ids.set(text, i * length));
    const tensors = new Map<string, Tensor>();
    try {
      for (const { name, type } of this.#session.inputs) {
        const wide = name === 'input_ids' ? ids : new Int32Array(ids.length).fill(1);
        const data = type === 'int32' ? wide : BigInt64Array.from(wide, BigInt);
        tensors.set(name, Tensor.fromArray(data, [count, length]));
      }
      return await runVectors(this.#session, tensors, this.#output, count, this.#runOptions);
    } finally {
      for (const tensor of tensors.values()) tensor.dispose();
    }
  }
}

/** Indexes of inputs that are equally long. */
function placesByLength(inputs: readonly EncoderInput[]): ReadonlyMap<number, readonly number[]> {
  const places = new Map<number, number[]>();
  inputs.forEach(({ ids: { length } }, i) => {
    const own = places.get(length);
    if (own === undefined) places.set(length, [i]);
    else own.push(i);
  });
  return places;
}
