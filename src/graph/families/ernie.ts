import type { EncoderArchitecture } from '../assembly/encoder-architecture.js';
import { bertEncoder } from '../assembly/bert-design.js';
import { addRow } from '../blocks/position-table.js';
import { bertDesign, bertHeads, bertSizes } from './bert.js';

/**
 * ERNIE (Sun et al. 2019 to 2021): BERT, with a vector of the task where config.json has `use_task_id`, of which
 * every request takes the first, as transformers does. Weight names are those of Hugging Face's `ErnieModel`.
 */
export const ernie: EncoderArchitecture = {
  modelTypes: ['ernie'],
  bodyName: 'ernie',
  embedding: 'embeddings.word_embeddings.weight',

  sizes: config => bertSizes(config, 0),

  hiddenStates(source) {
    const { config, body, sizes } = source;
    const design = bertDesign(source);
    if (!config.flag('use_task_id', false)) return bertEncoder(source, design);
    const tasks = body.weight('embeddings.task_type_embeddings.weight', [
      config.size('task_type_vocab_size', 3),
      sizes.hiddenSize,
    ]);
    const first = { ...tasks, load: () => tasks.load(0, sizes.hiddenSize) };
    return bertEncoder(source, { ...design, positions: addRow(design.positions!, first) });
  },

  heads: bertHeads,
};
