import t from 'tap';
import fc from 'fast-check';
import { decoderArchitecture } from '#graph/families/index.js';
import { editDistance, nearest } from '#graph/nearest.js';
import { ModelConfig } from '#graph/config.js';
import { runs } from '#test/support/property-runs.js';

t.test('edit distances', async t => {
  t.equal(editDistance('kitten', 'sitting'), 3);
  t.equal(editDistance('', 'abc'), 3);
  t.equal(editDistance('same', 'same'), 0);
});

t.test('property: a metric, never more than the longer word, 1 for one change', async () => {
  const word = fc.string({ maxLength: 12 });
  fc.assert(
    fc.property(word, word, word, (a, b, c) => {
      const distance = editDistance(a, b);
      if (distance !== editDistance(b, a)) return false;
      if (distance > Math.max(a.length, b.length)) return false;
      if ((distance === 0) !== (a === b)) return false;
      return distance <= editDistance(a, c) + editDistance(c, b);
    }),
    runs(100),
  );
  fc.assert(
    fc.property(word, fc.nat(), (text, place) => {
      const at = place % (text.length + 1);
      return editDistance(text, `${text.slice(0, at)}#${text.slice(at)}`) === 1;
    }),
    runs(100),
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
