import type { ModelConfig } from '../../config.js';
import type { SentenceModules } from '../../sentence-modules.js';
import { widthBehind, writeLayers } from './embedding.js';
import type { Head } from './head.js';

/** A vector of each token, `[tokens, width]`: what modules of sentence-transformers make of its hidden state. */
export function tokenEmbedding(config: ModelConfig, hiddenSize: number, { layers }: SentenceModules): Head {
  return {
    listed: undefined,
    width: widthBehind(config, hiddenSize, layers),
    write: (source, hidden) => writeLayers(source, hidden, layers),
  };
}
