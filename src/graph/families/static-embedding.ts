import type { EncoderArchitecture } from '../assembly/encoder-architecture.js';
import { embed, embeddingTable } from '../blocks/embedding.js';
import { MOST } from '../config.js';
import { STATIC_EMBEDDING } from '../sentence-static.js';
import type { Weight } from '../weights/checkpoint.js';
import type { ModelWeights } from '../weights/model-weights.js';

/**
 * A vector for each token, whatever stands around it: StaticEmbedding of sentence-transformers, and model2vec (Tulkens and
 * van Dongen 2024), where tokens may share vectors and have weights.
 */
export const staticEmbedding: EncoderArchitecture = {
  modelTypes: [STATIC_EMBEDDING],
  bodyName: '',
  embedding: 'embedding.weight',

  sizes: config => ({
    layers: 0,
    hiddenSize: config.size('hidden_size', undefined, MOST.width),
    heads: 1,
    headSize: 1,
    vocabularySize: config.size('vocab_size'),
    segments: 1,
    contextLength: config.size('max_position_embeddings', undefined, MOST.context),
  }),

  hiddenStates({ graph, config, weights, sizes, batch }) {
    const { vocabularySize, hiddenSize } = sizes;
    const name = weights.has('embedding.weight') ? 'embedding.weight' : 'embeddings';
    const stored = weights.weight(name, [config.size('rows'), hiddenSize]);
    const table = embeddingTable(graph, 'table', byToken(weights, stored, vocabularySize));
    return embed(graph, 'vectors', table, batch.ids);
  },

  heads: () => ({}),
};

/** A row for each token: that which it shares with others, times its weight. */
function byToken(weights: ModelWeights, stored: Weight, tokens: number): Weight {
  const places = weights.has('mapping') ? weights.integers('mapping', tokens) : undefined;
  const factors = weights.has('weights') ? weights.vector('weights', tokens) : undefined;
  if (places === undefined && factors === undefined) return stored;
  const [rows, width] = stored.shape as [number, number];
  const load = async (): Promise<Float32Array> => {
    const values = await stored.load();
    const [places_, factors_] = [await places?.load(rows), await factors?.load()];
    const result = new Float32Array(tokens * width);
    for (let token = 0; token < tokens; token++) {
      const from = (places_?.[token] ?? token) * width;
      for (let i = 0; i < width; i++)
        result[token * width + i] = values[from + i]! * (factors_?.[token] ?? 1);
    }
    return result;
  };
  return {
    name: stored.name,
    shape: [tokens, width],
    load: async (first = 0, last = tokens * width) => (await load()).subarray(first, last),
  };
}
