import path from 'node:path';
import t from 'tap';
import { findGguf } from '#gguf/find.js';

t.test('what a place stands for', async t => {
  const folder = t.testdir({
    one: { 'M-Q4_0.gguf': '', 'config.json': '{}', 'training_args.bin': '' },
    several: {
      'M-Q4_0.gguf': '',
      'M-Q8_0.gguf': '',
      deeper: { 'N-F16.gguf': '' },
      '.kvasir': { 'N-F16.gguf': {}, x: { 'O-F16.gguf': '' } },
    },
    both: { 'M-Q4_0.gguf': '', 'model.safetensors': '' },
    torch: { 'M-Q4_0.gguf': '', 'pytorch_model-00001-of-00002.bin': '' },
    none: { 'config.json': '{}' },
  });
  const at = (...parts: string[]): string => path.join(folder, ...parts);
  t.equal(await findGguf(at('one')), at('one', 'M-Q4_0.gguf'));
  t.equal(await findGguf(at('both', 'M-Q4_0.gguf')), at('both', 'M-Q4_0.gguf'), 'named itself');
  for (const other of ['both', 'torch'])
    t.equal(await findGguf(at(other)), undefined, 'other weights come first');
  t.equal(await findGguf(at('both'), 'Q4_0'), at('both', 'M-Q4_0.gguf'), 'unless it is asked for');
  t.equal(await findGguf(at('several'), 'F16'), at('several', 'deeper', 'N-F16.gguf'));
  t.equal(await findGguf(at('none')), undefined);
  t.equal(await findGguf(at('nowhere')), undefined);
  t.equal(await findGguf(at('nowhere', 'x.gguf')), undefined);
  t.equal(await findGguf(at('none', 'config.json')), undefined);
  await t.rejects(findGguf(at('several')), {
    code: 'invalid_configuration',
    message: /M-Q4_0\.gguf, M-Q8_0\.gguf; one of them is named like .*several.M-Q4_0\.gguf$/,
  });
});
