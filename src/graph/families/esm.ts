import {
  headSizeOf,
  wordTable,
  type EncoderArchitecture,
  type EncoderSource,
} from '../assembly/encoder-architecture.js';
import { bertEncoder, normBy, storedPositions, summed } from '../assembly/bert-design.js';
import { rotaryPositions } from '../assembly/encoder-rope.js';
import { embed } from '../blocks/embedding.js';
import { markShares } from '../blocks/text-shares.js';
import type { ModelConfig } from '../config.js';
import { DataType, type Value } from '../onnx/graph-builder.js';
import { bertDesign, bertSizes } from './bert.js';
import { normsAt } from './pre-norm-bert.js';
import { firstPosition, robertaHeads } from './roberta.js';

/** The share of a text's residues that was hidden in training, in the published code. */
const HIDDEN_IN_TRAINING = 0.15 * 0.8;

/**
 * ESM-1b and ESM-2 (Rives et al. 2021, Lin et al. 2023), models of proteins. Weight names are those of Hugging Face's
 * `EsmModel`.
 */
export const esm: EncoderArchitecture = {
  modelTypes: ['esm'],
  bodyName: 'esm',
  embedding: 'embeddings.word_embeddings.weight',

  sizes(config) {
    if (config.flag('is_folding_model', false)) config.unsupported('is_folding_model is true');
    const first = isRotary(config) ? 0 : firstPosition(config);
    const sizes = bertSizes(config, first, ['absolute', 'rotary']);
    headSizeOf(config, sizes.hiddenSize, sizes.heads);
    return { ...sizes, segments: 1 };
  },

  hiddenStates(source) {
    const { graph, config, batch, sizes } = source;
    const isTurned = isRotary(config);
    const theta = config.positive('rope_theta', 10_000);
    const design = bertDesign(source, {
      layer: normsAt('attention.LayerNorm', 'LayerNorm'),
      positions: isTurned ? undefined : storedPositions(source, firstPosition(config)),
    });
    const words = embed(graph, 'embedded.words', wordTable(source), batch.ids);
    const norm = normBy(source, design.epsilon)('embeddings.layer_norm', sizes.hiddenSize);
    return bertEncoder(source, {
      ...design,
      // The published code has no other.
      activation: 'gelu',
      words: config.flag('token_dropout', false) ? withoutMasks(source, words) : words,
      embedded: sum =>
        config.flag('emb_layer_norm_before', false)
          ? norm('embedding_norm', sum).normalized
          : summed(source, sum),
      rotary: isTurned ? rotaryPositions(source, theta) : undefined,
      preNorm: { lastNorm: 'encoder.emb_layer_norm_after' },
    });
  },

  heads() {
    const { 'question-answering': _, ...heads } = robertaHeads();
    return heads;
  },
};

function isRotary(config: ModelConfig): boolean {
  return config.string('position_embedding_type', 'absolute') === 'rotary';
}

/**
 * Masks have no vector; those of the other tokens are made longer by what the masks take away, and shorter by what
 * masks took away in training.
 */
function withoutMasks({ graph, config, batch }: EncoderSource, words: Value): Value {
  const node = (name: string, op: string, ...inputs: Value[]): Value =>
    graph.node({ op, inputs, name: `embedded.${name}` });
  const number = (name: string, value: number, type: DataType.FLOAT | DataType.INT32 = DataType.FLOAT) =>
    graph.constant(`embedded.${name}`, [], [value], type);
  const mask = number('mask_id', config.count('mask_token_id'), DataType.INT32);
  const isMask = node('is_mask', 'Equal', batch.ids, mask);
  const shares = markShares(graph, 'embedded.masks', isMask, batch);
  const one = number('one', 1);
  const kept = node('kept', 'Sub', one, shares);
  const factor = node('factor', 'Div', number('kept_in_training', 1 - HIDDEN_IN_TRAINING), kept);
  const own = node('own_factor', 'Where', isMask, number('zero', 0), factor);
  const column = node('factors', 'Unsqueeze', own, graph.constant('embedded.axis', [1], [1]));
  return node('unmasked', 'Mul', words, column);
}
