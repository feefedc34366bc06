import type { Sublayers } from '../blocks/transformer-block.js';
import { rowsFrom } from '../blocks/position-table.js';
import type { DecoderDesign, DecoderLayer, DecoderNames } from './decoder-design.js';
import { preNormLayer } from './decoder-layers.js';
import { layerNorms } from './decoder-norms.js';
import type { DecoderSource } from './decoder-source.js';
import { learnedPositions } from './learned-positions.js';

/** What GPT-2 and its descendants call the parts of their body. */
export const GPT_BODY: DecoderNames = {
  body: 'transformer',
  embedding: 'wte',
  layers: 'h',
  norm: 'ln_f',
  tokenClassifier: 'classifier',
};

/**
 * The layers of GPT-2 (Radford et al. 2019), whatever their halves are: layer norms in front of both, and learned
 * positions.
 *
 * @param trained positions that the table of weights has.
 */
export function gptDesign(
  source: DecoderSource,
  trained: number,
  sublayers: (layer: DecoderLayer) => Sublayers,
): DecoderDesign {
  return {
    normalize: layerNorms(source, 'layer_norm_epsilon'),
    afterEmbedding: (embedded, ids, body, cache) => {
      const table = rowsFrom(body.weight('wpe.weight', [trained, source.sizes.hiddenSize]), 0);
      return learnedPositions(source, embedded, ids, cache, table);
    },
    layer: (layer, residual) => preNormLayer(layer, residual, sublayers(layer), ['ln_1', 'ln_2']),
  };
}
