import type { EncoderOutput } from '../encoder/contract.js';

/** What a vision model's head answers: `[1, dimension]`, or `[1, labels]`. */
export type VisionTask = 'image-embedding' | 'image-classification';

/** Pixels of one picture, as its preprocessing leaves them. */
export interface PixelInput {
  readonly width: number;
  readonly height: number;
  /** `[height, width, 3]` */
  readonly pixels: Uint8Array;
}

/** A model that sees. */
export interface VisionEncoder {
  readonly task: VisionTask;
  /** Width of a result row: dimension or labels. */
  readonly width: number;
  /** Patches and other tokens of a picture of this size: what it costs. */
  tokensOf(width: number, height: number): number;
  /** Whether it takes a picture of this size. */
  takes(width: number, height: number): boolean;
  /**
   * Runs one batch; pictures of one size share a run. Several runs may be under way.
   *
   * @returns one result per picture, in order; it does not depend on what it is batched with.
   */
  run(inputs: readonly PixelInput[]): Promise<EncoderOutput[]>;
  /** Makes the run under way fail soon, and all later ones at once. */
  abort(): void;
  /** Frees the session. No run may be under way. */
  dispose(): void;
}

/** How likely a text and a picture of two towers belong together (CLIP, Radford et al. 2021; SigLIP, Zhai et al. 2023). */
export interface TowerSimilarity {
  /** Factor of the cosine: the exponential of the checkpoint's `logit_scale`. */
  readonly scale: number;
  /** Added to it; 0 for CLIP. */
  readonly bias: number;
  /** Over the texts of a picture, or of each pair alone. */
  readonly activation: 'softmax' | 'sigmoid';
}
