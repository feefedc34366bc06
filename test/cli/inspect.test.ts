import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { describe } from '#cli/inspect.js';
import { inspectModel } from '#model/inspect.js';
import { writeModel } from '#test/support/check-decoder.js';
import { startCommand } from '#test/support/command.js';
import { encoderConfig, encoderShapes } from '#test/support/encoder-models.js';
import { exportLlama } from '#test/support/exported-llama.js';
import { LLAMA, llamaShapes } from '#test/support/llama-model.js';
import { QUANTIZED_FIXTURES } from '#test/support/quantized-fixtures.js';
import { randomLlama } from '#test/support/random-llama.js';
import { randomTensors } from '#test/support/random-tensors.js';

t.test('kvasir inspect', async t => {
  const folder = await randomLlama(t);
  const run = async (...args: string[]) => {
    const command = startCommand(t, ['inspect', ...args]);
    return { code: await command.exit, stdout: command.stdout(), stderr: command.stderr() };
  };

  const [text, json, missing] = await Promise.all([
    run(folder, '--slots', '4', '--context-length', '50'),
    run(folder, '--json'),
    run(path.join(folder, 'none')),
  ]);
  t.equal(text.stderr, '');
  t.match(text.stdout, /^model +generation, llama\nruns +built: model.safetensors of a known architecture/);
  t.match(text.stdout, /\nheads +4 query heads, 2 key and value heads of 16\n/);
  t.match(text.stdout, /\nKV cache +512 bytes per token\n/);
  t.match(text.stdout, /\nmemory +about \S+ kB with 4 full slots: weights \S+ kB, KV cache 102 kB\n$/);
  t.match(JSON.parse(json.stdout), {
    kind: 'generation',
    contextLength: 96,
    generation: { memory: { slots: 16 } },
  });
  t.equal(missing.code, 1);
  t.match(missing.stderr, /^kvasir: there is no folder .*none: a model is a folder, or owner\/name/);
});

t.test('a report of every kind of model', async t => {
  const folder = t.testdir();
  const config = { ...LLAMA, num_hidden_layers: 3 };
  await writeFile(path.join(folder, 'config.json'), JSON.stringify(config));
  const tensors = randomTensors(llamaShapes(config));
  const form = { attention: 'primitive', positions: 'input' } as const;
  await exportLlama(path.join(folder, 'model.onnx'), config, tensors, form);
  const ready = describe(await inspectModel(folder, { slots: 1 }));
  t.match(ready, /\nruns +growing: model.onnx, exported for Hugging Face: its cache is copied/);
  t.match(
    ready,
    /\ninputs +input_ids INT64 \[batch_size, sequence\], .*, past_key_values.0-2.key FLOAT \[batch_size, 3, past, 8\]/,
  );
  t.match(ready, /\noperators +.*Softmax 3/);

  const head = 'ForSequenceClassification';
  const encoder = encoderConfig('bert', head, { id2label: { 0: 'bad', 1: 'good' } });
  await rm(path.join(folder, 'model.onnx'));
  await writeModel(folder, { config: encoder, tensors: randomTensors(encoderShapes(encoder, head, 2)) });
  const text = describe(await inspectModel(folder, { slots: 1 }));
  t.match(text, /^model +encoder, bert\n/);
  t.match(text, /\ntask +sequence-classification\n/);
  t.match(text, /\nlabels +bad, good\n/);
  t.notMatch(text, /KV cache|pooling|undefined/);
});

t.test('what becomes of quantized weights', async t => {
  const described = async (name: string): Promise<string> =>
    describe(await inspectModel(path.join(QUANTIZED_FIXTURES, name), { slots: 1 }));
  t.match(
    await described('gptq'),
    /\nweights +\S+ kB on disk \(GPTQ, 4 bits in groups of 32 \S+ kB in 7, run in 4 bits in blocks of 32; F16 \S+ kB in 4, run in floats of 32 bits\)\n/,
  );
  t.match(
    await described('gptq-act-order'),
    /GPTQ, 4 bits in groups of any columns \S+ kB in 7, run in 8 bits in blocks of 32 \(quantized anew\)/,
  );
  t.match(await described('nvfp4'), /NVFP4 in groups of 16 \S+ kB in 7, run in 8 bits in blocks of 16/);
  // 64 · 64 codes of 4 bits with 2 scales for each of 64 rows, of three matrices as large and others smaller.
  const { parameters, generation } = await inspectModel(path.join(QUANTIZED_FIXTURES, 'gptq'), { slots: 1 });
  const quantized = 64 * (64 + 32 + 32 + 64 + 3 * 64);
  const floats = 64 * (61 + 3);
  t.equal(parameters, quantized + floats);
  t.equal(generation?.memory?.weights, quantized / 2 + (quantized / 32) * 4 + floats * 4);
});
