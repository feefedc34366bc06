import type { Caller } from '#caller.js';
import type { EncoderService } from '#batching/types.js';
import { invalidRequest, KvasirError } from '#errors.js';
import type { VisionTask } from '#model/vision/contract.js';
import type { NamedTensor, TensorPort, TensorService } from './types.js';

/** The parts of a served model of pictures that are needed here. */
interface TensorVision {
  readonly encoder: EncoderService;
  readonly vision: {
    readonly task: VisionTask;
    readonly width: number;
    /** Of the pictures that it takes, in pixels. */
    readonly size: { readonly width: number; readonly height: number };
  };
}

/** Most pictures of a call. */
const MOST_PICTURES = 256;

const INPUT = 'pixel_values';

/** Names that exporters give to results. */
const OUTPUTS: Readonly<Record<VisionTask, string>> = {
  'image-embedding': 'image_embeds',
  'image-classification': 'logits',
};

/**
 * Serves a model of pictures on pixels of 8 bits, `[batch, height, width, 3]`, red, green and blue: resized
 * and cropped, not yet normalised, which its graph does. It is the same service that pictures go through.
 */
export class VisionTensors implements TensorService {
  readonly inputs: readonly TensorPort[];
  readonly outputs: readonly TensorPort[];
  readonly #encoder: EncoderService;

  constructor({ encoder, vision: { task, width, size } }: TensorVision) {
    this.#encoder = encoder;
    this.inputs = [{ name: INPUT, type: 'uint8', shape: ['batch', size.height, size.width, 3] }];
    this.outputs = [{ name: OUTPUTS[task], type: 'float32', shape: ['batch', width] }];
  }

  async infer(
    [pixels]: readonly NamedTensor[],
    outputs: readonly string[],
    caller: Caller,
  ): Promise<NamedTensor[]> {
    const [count, height, width] = pixels!.shape as [number, number, number];
    if (count > MOST_PICTURES)
      throw invalidRequest(
        INPUT,
        `${INPUT} has ${count} pictures; at most ${MOST_PICTURES} are taken at once`,
      );
    const bytes = pixels!.data as Uint8Array;
    const size = 3 * width * height;
    const inputs = Array.from({ length: count }, (_, i) => ({
      width,
      height,
      pixels: bytes.subarray(i * size, (i + 1) * size),
    }));
    const results = await this.#encoder.encode(inputs, caller).catch((error: unknown) => {
      if (!(error instanceof KvasirError && error.param === 'input')) throw error;
      throw new KvasirError(error.code, `${INPUT}: ${error.message}`, { param: INPUT });
    });
    const [{ type, shape }] = this.outputs as readonly [TensorPort];
    const dimension = shape[1] as number;
    return outputs.map(name => {
      const data = new Float32Array(count * dimension);
      results.forEach(({ values }, i) => data.set(values, i * dimension));
      return { name, type, shape: [count, dimension], data };
    });
  }
}
