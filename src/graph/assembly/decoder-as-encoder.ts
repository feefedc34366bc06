import type { ModelConfig } from '../config.js';
import { decoderBody } from './decoder-body.js';
import { LLAMA_NAMES, type DecoderArchitecture } from './decoder-design.js';
import type { EncoderArchitecture } from './encoder-architecture.js';

/**
 * A decoder whose hidden states are used, mostly those of the last token (SGPT, Muennighoff 2022; E5-Mistral,
 * Wang et al. 2023; Qwen3 Embedding, Zhang et al. 2025): Hugging Face's `XModel`,
 * `XForSequenceClassification` and `XForTokenClassification`.
 */
export function asEncoder(decoder: DecoderArchitecture): EncoderArchitecture {
  const { names = LLAMA_NAMES, modelTypes } = decoder;
  return {
    modelTypes,
    bodyName: names.body,
    embedding: `${names.embedding}.weight`,

    sizes(config) {
      refuseBothWays(config);
      const { layers, hiddenSize, heads, headSize, vocabularySize, contextLength } = decoder.sizes(config);
      return { layers, hiddenSize, heads, headSize, vocabularySize, contextLength, segments: 1 };
    },

    hiddenStates({ graph, config, weights, batch, sizes: { contextLength } }) {
      const source = { graph, config, weights, sizes: { ...decoder.sizes(config), contextLength } };
      const cache = { kind: 'packed', batch } as const;
      return decoderBody(source, decoder.design(source), batch.ids, cache, names).hidden;
    },

    heads: () => ({
      'sequence-classification': { pooling: 'lasttoken', projection: 'score', hasBias: false },
      'token-classification': { projection: names.tokenClassifier },
    }),
  };
}

/** Attention here sees no later positions. */
function refuseBothWays(config: ModelConfig): void {
  if (config.flag('use_bidirectional_attention', false))
    config.unsupported('use_bidirectional_attention is true: a decoder that sees both ways');
}
