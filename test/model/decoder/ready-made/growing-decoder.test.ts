import path from 'node:path';
import t, { type Test } from 'tap';
import { attentionLayers } from '#model/cache/layer-cache.js';
import { DecoderGraph } from '#model/decoder/ready-made/decoder-graph.js';
import { GrowingDecoder } from '#model/decoder/ready-made/growing-decoder.js';
import { decoderPorts } from '#model/decoder/ready-made/ports.js';
import { readOnnxFile } from '#model/onnx-file.js';
import { exportLlama } from '#test/support/exported-llama.js';
import { LLAMA, llamaShapes } from '#test/support/llama-model.js';
import { randomTensors } from '#test/support/random-tensors.js';
import { loadGraph } from '#test/support/run-graph.js';
import { decode, prefill } from '#test/support/run-decoder.js';

const CONFIG = { ...LLAMA, num_hidden_layers: 1, max_position_embeddings: 200 };
/** Keys and values of one position of one sequence. */
const POSITION_BYTES = 2 * CONFIG.num_key_value_heads * 8 * 4;

async function open(t: Test, slots: number): Promise<GrowingDecoder> {
  const file = path.join(t.testdir(), 'model.onnx');
  const form = { attention: 'primitive', positions: 'input' } as const;
  await exportLlama(file, CONFIG, randomTensors(llamaShapes(CONFIG)), form);
  const ports = decoderPorts(await readOnnxFile(file));
  const graph = new DecoderGraph(await loadGraph(file), ports, CONFIG.vocab_size);
  const { num_hidden_layers: layers, num_key_value_heads: kvHeads } = CONFIG;
  const heads = { kvHeads, headSize: 8 };
  const shape = {
    layers: attentionLayers(layers, heads),
    vocabularySize: CONFIG.vocab_size,
    contextLength: 200,
  };
  const decoder = new GrowingDecoder({ first: graph, next: graph }, shape, slots);
  t.teardown(() => decoder.dispose());
  return decoder;
}

t.test('the cache takes what its sequences need, and no more', async t => {
  const decoder = await open(t, 6);
  t.equal(decoder.cacheBytes, 0);
  let lengths = [10, 20, 30, 40, 50, 60];
  for (const [slot, length] of lengths.entries())
    await prefill(
      decoder,
      slot,
      Array.from({ length }, () => 3),
      0,
      'none',
    );
  t.equal(decoder.cacheBytes, 210 * POSITION_BYTES);

  // One sequence after the other ends and stays in its slot, while the others go on.
  for (let running = 6; running > 0; running--)
    for (let step = 0; step < 5; step++) {
      const ids = Array.from({ length: running }, () => 4);
      await decode(decoder, ids, lengths.slice(0, running));
      lengths = lengths.map((length, slot) => (slot < running ? length + 1 : length));
      const kept = lengths.slice(running).reduce((sum, length) => sum + length, 0);
      const padded = running * Math.max(...lengths.slice(0, running));
      t.ok(decoder.cacheBytes <= (kept + padded) * POSITION_BYTES, `${running} running, step ${step}`);
    }

  decoder.arrange({ kind: 'copy', from: 5, to: 0, length: 12 });
  decoder.arrange({ kind: 'swap', a: 0, b: 4, length: 12 });
  for (let slot = 0; slot < 6; slot++) decoder.arrange({ kind: 'release', slot: slot, from: 0 });
  t.equal(decoder.cacheBytes, 0);
});

t.test('a run that fails changes nothing', async t => {
  const decoder = await open(t, 2);
  const first = (await prefill(decoder, 0, [1, 2, 3], 0, 'last')).slice();
  const bytes = decoder.cacheBytes;
  await t.rejects(decode(decoder, [5], [9]), {
    code: 'runtime_failure',
    message: /slot 0 holds less than 9/,
  });
  await t.rejects(prefill(decoder, 0, [CONFIG.vocab_size + 7], 3, 'last'), { code: 'runtime_failure' });
  t.equal(decoder.cacheBytes, bytes);
  const next = (await decode(decoder, [4], [3])).slice();
  t.strictSame((await prefill(decoder, 1, [1, 2, 3], 0, 'last')).slice(), first);
  decoder.arrange({ kind: 'copy', from: 1, to: 0, length: 3 });
  t.strictSame((await decode(decoder, [4], [3])).slice(), next);
});
