import type { Preprocessing } from '#vision/types.js';
import { RunOptions, Tensor, type Session } from '#runtime/index.js';
import type { EncoderOutput } from '../../encoder/contract.js';
import { normalizeVector } from '../../encoder/pooling.js';
import type { PixelInput, VisionEncoder, VisionTask } from '../contract.js';
import { tokensOf, type PictureShape } from '../picture-encoder.js';
import { PIXELS, type VectorOutput } from './ports.js';
import { fixedBatch, inParts, runVectors } from './run-vectors.js';

/** What a {@link ReadyMadePictures} must know beside its graph. */
export interface ReadyMadeShape extends PictureShape {
  readonly preprocessing: Pick<Preprocessing, 'scale' | 'mean' | 'deviation'>;
  readonly output: VectorOutput;
  /** Whether vectors are to be scaled to a length of 1. */
  readonly isNormalized: boolean;
}

/** Runs a graph as exporters write it: `pixel_values`, normalised floats `[batch, 3, height, width]`. */
export class ReadyMadePictures implements VisionEncoder {
  readonly #session: Session;
  readonly #shape: ReadyMadeShape;
  readonly #tables: readonly Float32Array[];
  readonly #batch: number;
  readonly #runOptions = new RunOptions();

  constructor(session: Session, shape: ReadyMadeShape) {
    this.#session = session;
    this.#shape = shape;
    this.#tables = valuesOfBytes(shape.preprocessing);
    this.#batch = fixedBatch(session.inputs.find(({ name }) => name === PIXELS)?.shape);
  }

  get task(): VisionTask {
    return this.#shape.task;
  }

  get width(): number {
    return this.#shape.width;
  }

  tokensOf(width: number, height: number): number {
    return tokensOf(this.#shape, width, height);
  }

  takes(width: number, height: number): boolean {
    const { size } = this.#shape;
    return width === size.width && height === size.height;
  }

  async run(inputs: readonly PixelInput[]): Promise<EncoderOutput[]> {
    const results: EncoderOutput[] = [];
    for (const part of inParts(inputs, this.#batch)) results.push(...(await this.#runPart(part)));
    if (this.#shape.isNormalized) for (const { values } of results) normalizeVector(values);
    return results;
  }

  abort(): void {
    this.#runOptions.terminate();
  }

  dispose(): void {
    this.#runOptions.dispose();
    this.#session.dispose();
  }

  async #runPart(inputs: readonly PixelInput[]): Promise<EncoderOutput[]> {
    const { size, output } = this.#shape;
    const count = Number.isFinite(this.#batch) ? this.#batch : inputs.length;
    const plane = size.width * size.height;
    const values = new Float32Array(count * 3 * plane);
    inputs.forEach(({ pixels }, i) => {
      for (let channel = 0; channel < 3; channel++) {
        const table = this.#tables[channel]!;
        const start = (3 * i + channel) * plane;
        for (let place = 0; place < plane; place++)
          values[start + place] = table[pixels[3 * place + channel]!]!;
      }
    });
    using tensor = Tensor.fromArray(values, [count, 3, size.height, size.width]);
    const inputsByName = new Map([[PIXELS, tensor]]);
    const vectors = await runVectors(this.#session, inputsByName, output, count, this.#runOptions);
    return vectors.slice(0, inputs.length);
  }
}

/** What each byte is in each channel. */
function valuesOfBytes({
  scale,
  mean,
  deviation,
}: Pick<Preprocessing, 'scale' | 'mean' | 'deviation'>): readonly Float32Array[] {
  return mean.map((middle, channel) =>
    Float32Array.from({ length: 256 }, (_, byte) => (byte * scale - middle) / deviation[channel]!),
  );
}
