import type { EncoderArchitecture } from '../encoder-architecture.js';
import type { Seq2SeqArchitecture, TokenStack } from './architecture.js';
import { encoderStack } from './encoder.js';

/**
 * The encoder of an encoder-decoder, whose hidden states are used (Sentence-T5, Ni et al. 2021): Hugging Face's
 * `XEncoderModel`.
 */
export function encoderAlone(architecture: Seq2SeqArchitecture<TokenStack>): EncoderArchitecture {
  return {
    modelTypes: architecture.modelTypes,
    bodyName: 'transformer',
    embedding: 'shared.weight',

    sizes(config) {
      const { encoderLayers, hiddenSize, heads, headSize, sourceVocabularySize, sourceLength } =
        architecture.sizes(config);
      return {
        layers: encoderLayers,
        hiddenSize,
        heads,
        headSize,
        vocabularySize: sourceVocabularySize,
        contextLength: sourceLength,
        segments: 1,
      };
    },

    hiddenStates({ graph, config, body, batch, sizes: { contextLength, layers } }) {
      const sizes = architecture.sizes(config, contextLength);
      const design = architecture.encoder({ graph, config, weights: body, sizes });
      const tokens = {
        ids: batch.ids,
        positions: () => batch.positions,
        grid: batch.grid,
        attentionGrid: (bias: string | undefined, layer: number) =>
          batch.global(batch.narrows(layer, layers), bias),
        narrow: (layer: number) =>
          batch.narrows(layer, layers)
            ? (stream: string) => batch.listed(`layer.${layer}.wanted`, stream)
            : undefined,
      };
      return encoderStack(graph, design, tokens, 'words');
    },

    heads: () => ({}),
  };
}
