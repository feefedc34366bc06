/** Files that llama.cpp's converter has written, against what transformers gives for their numbers. */
import t from 'tap';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { buildDecoder } from '#graph/build.js';
import { Environment } from '#runtime/index.js';
import { openDecoder } from '#bench/support/open-decoder.js';
import { modelFixture, unfoldModel } from '#test/support/gguf-fixtures.js';
import { decode, prefill } from '#test/support/run-decoder.js';

const DECODERS = [
  'llama',
  'llama-biases',
  'mistral',
  'mixtral',
  'qwen2',
  'qwen3',
  'qwen2moe',
  'qwen3moe',
  'phi3',
  'gemma',
  'gemma2',
  'gemma3',
  'gpt2',
  'starcoder2',
  'granite',
  'smollm3',
  'olmo',
  'olmo2',
  'olmo3',
  'olmoe',
  'seed_oss',
  'cohere',
  'cohere2',
  'exaone',
  'exaone4',
  'ernie4_5',
  'glm4',
  'hunyuan',
  'nemotron',
  'stablelm',
  'arcee',
  'gptneox',
  'phi2',
  'falcon',
  'falcon2',
  'bloom',
  'mpt',
  'starcoder',
];

const environment = new Environment();

for (const name of DECODERS)
  t.test(name, async t => {
    const { ids, values } = await modelFixture(name);
    const folder = await unfoldModel(name, t.testdir());
    for (const [precision, limit] of [
      ['f32', 1e-4],
      ['stored', 0.1],
    ] as const) {
      const decoder = await openDecoder(environment, folder, 1, precision);
      try {
        const whole = await prefill(decoder, 0, ids, 0, 'all');
        t.ok(share(whole, values) < limit, `${precision}: ${share(whole, values)}`);
        if (precision === 'stored') t.ok(share(whole, values) > 1e-4, 'activations have 8 bits');
        const last = await decode(decoder, [ids.at(-1)!], [ids.length - 1]);
        const row = values.subarray(-last.length);
        t.ok(share(last, row) < 2 * limit, `${precision}, decoded: ${share(last, row)}`);
      } finally {
        decoder.dispose();
      }
    }
    const { graphPath } = await buildDecoder(folder);
    t.match(graphPath, /decoder-stored-/, 'is the precision that nobody asked for');
    const config = JSON.parse(await readFile(path.join(folder, 'config.json'), 'utf8')) as object;
    t.match(config, { quantization_config: { quant_method: 'gguf' } });
  });

/** Size of the difference in units of the expected values' size. */
function share(found: Float32Array, expected: Float32Array): number {
  const norm = (values: Float32Array): number => Math.hypot(...values);
  return norm(found.map((value, i) => value - expected[i]!)) / norm(expected);
}
