import { IoBinding, RunOptions, Tensor, type Session } from '#runtime/index.js';
import type { EncoderOutput } from '../encoder/contract.js';
import type { PixelInput, VisionEncoder, VisionTask } from './contract.js';

/** What an encoder of pictures must know of its graph. */
export interface PictureShape {
  readonly task: VisionTask;
  /** Width of a result. */
  readonly width: number;
  /** The one size of pictures. */
  readonly size: { readonly width: number; readonly height: number };
  /** Pixels of the side of what counts as a token. */
  readonly tokenSide: number;
  /** Tokens that are no part of the picture. */
  readonly leading: number;
}

/** Runs a graph of Kvasir's own, whose pictures are bytes and all of one size. */
export class PictureEncoder implements VisionEncoder {
  readonly #session: Session;
  readonly #shape: PictureShape;
  readonly #runOptions = new RunOptions();

  constructor(session: Session, shape: PictureShape) {
    this.#session = session;
    this.#shape = shape;
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
    const { size, width } = this.#shape;
    const values = new Float32Array(inputs.length * width);
    using pixels = Tensor.fromArray(sideBySide(inputs), [inputs.length, size.height, size.width, 3], 'uint8');
    using output = Tensor.fromArray(values, [inputs.length, width]);
    using binding = new IoBinding(this.#session);
    binding.bindInput('pixel_values', pixels);
    binding.bindOutput('output', output);
    await this.#session.run(binding, this.#runOptions);
    return inputs.map((_, i) => ({ values: values.subarray(i * width, (i + 1) * width), rows: 1, width }));
  }

  abort(): void {
    this.#runOptions.terminate();
  }

  dispose(): void {
    this.#runOptions.dispose();
    this.#session.dispose();
  }
}

/** Tokens of a picture: what it costs. */
export function tokensOf(
  { tokenSide, leading }: Pick<PictureShape, 'tokenSide' | 'leading'>,
  width: number,
  height: number,
): number {
  return leading + Math.floor(width / tokenSide) * Math.floor(height / tokenSide);
}

/** The pixels of pictures, one after the other. */
function sideBySide(inputs: readonly PixelInput[]): Uint8Array {
  const [first] = inputs;
  if (inputs.length === 1) return first!.pixels;
  const bytes = first!.pixels.length;
  const all = new Uint8Array(inputs.length * bytes);
  inputs.forEach(({ pixels }, i) => all.set(pixels, i * bytes));
  return all;
}
