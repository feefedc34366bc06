import type { LayerWeights } from '../assembly/bert-design.js';
import { wordTable, type EncoderArchitecture, type EncoderSource } from '../assembly/encoder-architecture.js';
import { TaskUpdates } from '../assembly/task-updates.js';
import { embed } from '../blocks/embedding.js';
import type { Value } from '../onnx/graph-builder.js';
import { isPublishedJinaV3, readTaskAdapters } from '../task-adapters.js';
import { sliceRows } from '../weights/matrix.js';
import { bertSizes } from './bert.js';
import { robertaHeads } from './roberta.js';
import { rotaryBert } from './rotary-bert.js';

const WORDS = 'embeddings.word_embeddings';
const SEGMENTS = 'embeddings.token_type_embeddings';
/** What PyTorch's parametrizations call a weight that they change. */
const ORIGINAL = '.parametrizations.weight.original';

/**
 * Jina Embeddings v3 (Sturua et al. 2024): XLM-RoBERTa with rotary positions, as Hugging Face's
 * `JinaEmbeddingsV3Model` has it, or as its makers published it: an `xlm-roberta` with an adapter for each task
 * (`lora_adaptations`) on the embeddings and on all linear layers.
 */
export const jinaEmbeddingsV3: EncoderArchitecture = {
  modelTypes: ['jina_embeddings_v3', 'xlm-roberta'],
  matches: config => config.modelType === 'jina_embeddings_v3' || isPublishedJinaV3(config),
  defaults: { layer_norm_eps: 1e-5, type_vocab_size: 1 },
  bodyName: 'roberta',
  embedding: `${WORDS}.weight`,
  sizes(config) {
    if (config.flag('use_reg_tokens', false)) config.unsupported('use_reg_tokens is true');
    return bertSizes(config, 0, ['absolute', 'rotary']);
  },
  named: weights =>
    weights.renamed(name => {
      const original = name.replace(/\.weight$/, ORIGINAL);
      return original !== name && weights.has(original) ? original : name;
    }),
  hiddenStates(source) {
    const { config } = source;
    const theta = isPublishedJinaV3(config) ? config.positive('rotary_emb_base') : 20_000;
    const layer = { attentionBias: true, upBias: true, downBias: true, isGated: false };
    const tasks = readTaskAdapters(config).length;
    if (tasks === 0) return rotaryBert(source, theta, layer);
    const updates = new TaskUpdates(source, {
      tasks,
      rank: config.size('lora_rank'),
      alpha: config.positive('lora_alpha'),
    });
    return rotaryBert(source, theta, layer, {
      words: adaptedWords(source, updates),
      layer: (index, weights) => adaptedLayer(source, updates, index, weights),
    });
  },
  heads: robertaHeads,
};

/** Word vectors, with what adapters add to them and to the vector of the one segment. */
function adaptedWords(source: EncoderSource, updates: TaskUpdates): Value {
  const { graph, batch, sizes } = source;
  const words = embed(graph, 'embedded.words', wordTable(source), batch.ids);
  const inputs = [
    words,
    updates.ofRows(WORDS, sizes.vocabularySize, batch.ids),
    updates.ofRow(SEGMENTS, sizes.segments),
  ];
  return graph.node({ op: 'Sum', inputs, name: 'embedded.words.adapted' });
}

function adaptedLayer(
  { batch, config, sizes }: EncoderSource,
  updates: TaskUpdates,
  index: number,
  { attention, feedForward, ...norms }: LayerWeights,
): LayerWeights {
  const { hiddenSize: hidden } = sizes;
  const inner = config.size('intermediate_size');
  const name = `encoder.layers.${index}`;
  const isNarrowed = batch.narrows(index, sizes.layers);
  const packed = updates.of(`${name}.mixer.Wqkv`, 3 * hidden, hidden, false);
  const part = (nth: number): typeof packed => ({
    ...packed,
    up: sliceRows(packed.up, nth * hidden, (nth + 1) * hidden),
  });
  const { query, key, value, output } = attention;
  return {
    ...norms,
    attention: {
      ...attention,
      query: { ...query, update: part(0) },
      key: { ...key, update: part(1) },
      value: { ...value, update: part(2) },
      output: { ...output, update: updates.of(`${name}.mixer.out_proj`, hidden, hidden, isNarrowed) },
    },
    feedForward: {
      ...feedForward,
      up: { ...feedForward.up, update: updates.of(`${name}.mlp.fc1`, inner, hidden, isNarrowed) },
      down: { ...feedForward.down, update: updates.of(`${name}.mlp.fc2`, hidden, inner, isNarrowed) },
    },
  };
}
