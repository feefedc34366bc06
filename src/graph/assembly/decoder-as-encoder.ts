import { reachBothWays, seesBothWays } from './attention-direction.js';
import { decoderBody } from './decoder-body.js';
import type { ModelConfig } from '../config.js';
import { headOfDesign, LLAMA_NAMES, ownSource, type DecoderArchitecture } from './decoder-design.js';
import { embeddingSize } from './decoder-source.js';
import { isOfUnreadKeys } from './shared-keys.js';
import type { EncoderArchitecture, EncoderSource } from './encoder-architecture.js';
import { logitsOfTokens } from './heads/language-model.js';

/**
 * A decoder whose hidden states are used, mostly those of the last token (SGPT, Muennighoff 2022; E5-Mistral,
 * Wang et al. 2023; Qwen3 Embedding, Zhang et al. 2025): Hugging Face's `XModel`,
 * `XForSequenceClassification` and `XForTokenClassification`.
 *
 * @param isBothWays whether a token sees those behind it; by default as config.json says.
 */
export function asEncoder(
  decoder: DecoderArchitecture,
  isBothWays: (config: ModelConfig) => boolean = seesBothWays,
): EncoderArchitecture {
  const { names = LLAMA_NAMES, modelTypes, storedName = (name: string) => name } = decoder;
  const write = ({ graph, config, weights, batch, sizes: { contextLength } }: EncoderSource) => {
    const sizes = { ...decoder.sizes(config), contextLength };
    const source = ownSource(decoder, { graph, config, weights, sizes });
    const cache = { kind: 'packed', batch, seesBothWays: isBothWays(config) } as const;
    const design = decoder.design(source);
    return { source, design, body: decoderBody(source, design, batch.ids, cache, names) };
  };
  return {
    modelTypes,
    bodyName: storedName(`${names.body}.`).slice(0, -1),
    embedding: storedName(`${names.embedding}.weight`),

    sizes(config) {
      const sizes = decoder.sizes(config);
      const { layers, heads, headSize, vocabularySize, contextLength } = sizes;
      const window = isBothWays(config) ? reachBothWays(decoder, config) : undefined;
      return {
        layers,
        hiddenSize: embeddingSize(sizes),
        heads,
        headSize,
        vocabularySize,
        contextLength,
        segments: 1,
        ...(window !== undefined && { window }),
      };
    },

    isUnneeded: (config, name) => isOfUnreadKeys(decoder.sizes(config), name),

    hiddenStates: source => write(source).body.hidden,

    withVocabulary(given) {
      const { source, design, body } = write(given);
      const head = headOfDesign(design);
      return { hidden: body.hidden, logitsOf: ids => logitsOfTokens(source, body, head, ids) };
    },

    heads: () => ({
      'sequence-classification': { pooling: 'lasttoken', projection: 'score', hasBias: false },
      'token-classification': { projection: names.tokenClassifier },
    }),
  };
}
