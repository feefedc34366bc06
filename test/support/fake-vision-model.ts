import type { OneShotInput } from '#batching/types.js';
import type { TowerSimilarity, VisionTask } from '#model/vision/contract.js';
import { towersModel, visionModel, type TowersParts, type VisionParts } from '#registry/vision-models.js';
import type { TowersModel, Vision, VisionModel } from '#registry/vision-types.js';
import type { Preprocessing } from '#vision/types.js';
import { FakeEncoderService, waves } from './fake-encoder-service.js';
import { CREATED } from './http-server.js';
import { wordPieceTokenizer } from './tiny-tokenizers.js';

/** Edge of the pictures that the models take, in pixels. */
export const EDGE = 4;

/** What a picture costs, in tokens. */
export const PICTURE_TOKENS = 5;

export const SQUARE: Preprocessing = {
  resize: { to: { width: EDGE, height: EDGE }, filter: 'bilinear' },
  scale: 1 / 255,
  mean: [0, 0, 0],
  deviation: [1, 1, 1],
};

/** A picture's mean red, green and blue, from 0 to 1, and a quarter. */
export function meanColour(pixels: Uint8Array): number[] {
  const sums = [0, 0, 0];
  pixels.forEach((value, i) => (sums[i % 3]! += value));
  return [...sums.map(sum => sum / (255 * (pixels.length / 3))), 0.25];
}

/** Results of 4 numbers: of a picture its {@link meanColour}, of a text {@link waves}. */
function script(input: OneShotInput): number[] {
  return 'pixels' in input ? meanColour(input.pixels) : waves(input, 4);
}

/** How the models see. */
function sight(task: VisionTask): Vision {
  return {
    task,
    width: 4,
    preprocessing: SQUARE,
    size: { width: EDGE, height: EDGE },
    tokensOf: () => PICTURE_TOKENS,
  };
}

/** A model over a fake encoder that sees colours: called after its task. */
export function fakeVisionModel(
  task: VisionTask,
  fields: Partial<VisionParts> = {},
): VisionModel & { readonly encoder: FakeEncoderService<OneShotInput> } {
  const encoder = new FakeEncoderService<OneShotInput>(4, script);
  const labels = task === 'image-classification' ? ['red', 'green', 'blue', 'grey'] : [];
  const activation = task === 'image-classification' ? 'softmax' : 'none';
  const parts = { id: task, created: CREATED, vision: sight(task), labels, activation, ...fields } as const;
  return { ...visionModel({ ...parts, encoder }), encoder };
}

/** As CLIP has it, but for the factor. */
export const SIMILARITY: TowerSimilarity = { scale: 10, bias: 0, activation: 'softmax' };

/** Two towers called `towers`, over a fake encoder, for texts of 32 tokens. */
export function fakeTowersModel(
  fields: Partial<TowersParts> = {},
): TowersModel & { readonly encoder: FakeEncoderService<OneShotInput> } {
  const encoder = new FakeEncoderService<OneShotInput>(4, script);
  const parts: TowersParts = {
    id: 'towers',
    created: CREATED,
    tokenizer: wordPieceTokenizer(),
    contextLength: 32,
    vision: sight('image-embedding'),
    similarity: SIMILARITY,
    ...fields,
    encoder,
  };
  return { ...towersModel(parts), encoder };
}
