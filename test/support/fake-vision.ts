import type { EncoderOutput } from '#model/encoder/contract.js';
import type { PixelInput, VisionEncoder } from '#model/vision/contract.js';

/** A vision encoder for pictures of 2x2 and 4x2 pixels, whose result is a picture's first byte and its width. */
export class FakeVision implements VisionEncoder {
  readonly task = 'image-embedding';
  readonly width = 2;
  /** First bytes of each run's pictures. */
  readonly runs: number[][] = [];
  disposed = false;
  aborted = false;

  tokensOf(width: number, height: number): number {
    return width * height;
  }

  takes(width: number, height: number): boolean {
    return (width === 2 || width === 4) && height === 2;
  }

  async run(inputs: readonly PixelInput[]): Promise<EncoderOutput[]> {
    this.runs.push(inputs.map(({ pixels }) => pixels[0]!));
    await new Promise(resolve => setImmediate(resolve));
    return inputs.map(({ pixels, width }) => ({
      values: Float32Array.of(pixels[0]!, width),
      rows: 1,
      width: 2,
    }));
  }

  abort(): void {
    this.aborted = true;
  }

  dispose(): void {
    this.disposed = true;
  }
}

/** A picture whose bytes are all the same. */
export function plainPixels(value: number, width = 2, height = 2): PixelInput {
  return { width, height, pixels: new Uint8Array(3 * width * height).fill(value) };
}
