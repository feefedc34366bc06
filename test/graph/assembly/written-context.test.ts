import t from 'tap';
import { writtenContext } from '#graph/assembly/written-context.js';
import { ModelConfig } from '#graph/config.js';

const PLAIN = new ModelConfig('config.json', {});
const LONG_ROPE = new ModelConfig('config.json', {
  max_position_embeddings: 2 ** 20,
  original_max_position_embeddings: 4096,
  rope_scaling: { type: 'longrope' },
});

/** Own context, what is served of it, what is written, and how the graph is told from others. */
const CASES: readonly [config: ModelConfig, own: number, served: number, written: number, name: string][] = [
  [PLAIN, 4096, Infinity, 4096, ''],
  [PLAIN, 4096, 100, 4096, ''],
  [PLAIN, 2 ** 17, 100, 2 ** 17, ''],
  [PLAIN, 10 ** 7, Infinity, 10 ** 7, ''],
  [PLAIN, 10 ** 7, 10 ** 7, 10 ** 7, ''],
  [PLAIN, 10 ** 7, 2, 2 ** 17, '-131072'],
  [PLAIN, 10 ** 7, 2 ** 17 + 1, 2 ** 18, '-262144'],
  [PLAIN, 10 ** 7, 2 ** 23 + 1, 10 ** 7, ''],
  [LONG_ROPE, 2 ** 20, 4096, 4096, '-short'],
  [LONG_ROPE, 2 ** 20, 4097, 2 ** 17, '-131072'],
  [LONG_ROPE, 2 ** 20, Infinity, 2 ** 20, ''],
];

t.test('tables are written for what is served, as far as that saves something', async t => {
  for (const [config, own, served, contextLength, name] of CASES)
    t.strictSame(writtenContext(config, own, served), { contextLength, name }, `${served} of ${own}`);
});
