import t from 'tap';
import { checkFamily } from '#test/support/check-family.js';

checkFamily(t, 'bert', [
  ['GELU by tanh', 'Model', { hidden_act: 'gelu_new' }],
  ['ReLU', 'Model', { hidden_act: 'relu' }],
  ['one segment', 'Model', { type_vocab_size: 1 }],
  ['three segments', 'Model', { type_vocab_size: 3 }],
]);
