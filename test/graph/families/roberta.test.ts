import t from 'tap';
import { checkFamily } from '#test/support/check-family.js';

checkFamily(t, 'roberta', [
  ['XLM-RoBERTa', 'ForSequenceClassification', { model_type: 'xlm-roberta' }],
  ['positions from another padding id on', 'Model', { pad_token_id: 0, max_position_embeddings: 41 }],
]);
