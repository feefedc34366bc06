import t from 'tap';
import fc from 'fast-check';
import { decoderArchitecture } from '#graph/families/index.js';
import { nearest } from '#graph/nearest.js';
import { ModelConfig } from '#graph/config.js';
import { runs } from '#test/support/property-runs.js';

/**
 * The edit distance by its definition: the last letters are the same, or one of the two is changed, dropped
 * or added.
 */
function distance(a: string, b: string): number {
  if (a === '' || b === '') return a.length + b.length;
  const [restA, restB] = [a.slice(0, -1), b.slice(0, -1)];
  if (a.at(-1) === b.at(-1)) return distance(restA, restB);
  return 1 + Math.min(distance(restA, restB), distance(restA, b), distance(a, restB));
}

t.test('edit distances', async t => {
  t.equal(nearest('kitten', ['kittenabcd', 'sitting']), 'sitting', '4 and 3 changes');
  t.equal(nearest('kitten', ['kittenabc', 'sitting']), 'kittenabc', '3 and 3');
  t.equal(nearest('', ['abc', 'ab']), 'ab');
  t.equal(nearest('same', ['some', 'same']), 'same');
  t.equal(nearest('any', []), undefined);
});

t.test('property: the first of the words with the smallest distance', async () => {
  // Few letters, so that words share some of them, and equal distances are frequent.
  const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 6 });
  fc.assert(
    fc.property(word, fc.array(word, { minLength: 1, maxLength: 5 }), (text, known) => {
      const distances = known.map(other => distance(text, other));
      return nearest(text, known) === known[distances.indexOf(Math.min(...distances))];
    }),
    runs(200),
  );
});

t.test('the nearest known model_type is named in the error', async t => {
  t.equal(nearest('lama', ['gpt2', 'llama', 'gemma']), 'llama');
  const known = (type: string): unknown =>
    decoderArchitecture(new ModelConfig('config.json', { model_type: type }));
  for (const [type, meant] of [
    ['lama', 'llama'],
    ['qwen-3', 'qwen3'],
    ['gpt_2', 'gpt2'],
    ['gemma4', 'gemma'],
  ] as const)
    t.throws(() => known(type), { code: 'unsupported_model', message: new RegExp(`'${type}'.*'${meant}'`) });
});
