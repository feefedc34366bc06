import { findVision, visionConfig } from '#graph/families/vision/index.js';
import type { ModelConfig } from '#graph/config.js';
import type { PictureShape } from './picture-encoder.js';

/** What counts as a token of a model whose family is not known: as much as a patch of most. */
const USUAL_SIDE = 16;

/** How a picture's tokens are counted for a model that is ready-made. */
export function tokenSizes(config: ModelConfig): Pick<PictureShape, 'tokenSide' | 'leading'> {
  const architecture = findVision(config);
  if (architecture === undefined) return { tokenSide: USUAL_SIDE, leading: 0 };
  const { tokenSide, leading } = architecture.sizes(visionConfig(architecture, config));
  return { tokenSide, leading };
}
