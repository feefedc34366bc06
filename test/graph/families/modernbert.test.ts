import t from 'tap';
import { checkFamily } from '#test/support/check-family.js';

checkFamily(t, 'modernbert', [
  ['biases', 'Model', { norm_bias: true, attention_bias: true, mlp_bias: true }],
  ['classification of the mean', 'ForSequenceClassification', { classifier_pooling: 'mean' }],
  ['a last layer with a window', 'ForMaskedLM', { num_hidden_layers: 2 }],
  ['a window of 2', 'ForTokenClassification', { local_attention: 2 }],
  ['a window wider than any text', 'Model', { local_attention: 100 }],
]);
