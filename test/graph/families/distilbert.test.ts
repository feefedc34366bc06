import t from 'tap';
import { checkFamily } from '#test/support/check-family.js';

checkFamily(t, 'distilbert', [
  ['sinusoidal positions', 'Model', { sinusoidal_pos_embds: true }],
  ['ReLU', 'Model', { activation: 'relu' }],
]);
