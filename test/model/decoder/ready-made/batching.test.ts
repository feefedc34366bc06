import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { checkBatching } from '#test/support/check-batching.js';
import { exportLlama, type ExportForm } from '#test/support/exported-llama.js';
import { LLAMA, llamaShapes } from '#test/support/llama-model.js';
import { randomLlama, TINY_LLAMA } from '#test/support/random-llama.js';
import { randomTensors } from '#test/support/random-tensors.js';

/** Heads of 16, as GroupQueryAttention wants them. */
const SIZES = { ...TINY_LLAMA, hidden_size: 64 };

const FORMS: Readonly<Record<string, ExportForm>> = {
  'GroupQueryAttention, in place': { attention: 'grouped', positions: 'in operator' },
  'past and present that grow': { attention: 'primitive', positions: 'input' },
  'positions that are wrong in a batch': { attention: 'primitive', positions: 'from past' },
  'a branch with a past that takes one token': {
    attention: 'primitive',
    positions: 'input',
    cacheBranch: true,
    causal: false,
  },
  'activations quantized by one scale': { attention: 'primitive', positions: 'input', coarse: true },
  'the same in place': { attention: 'grouped', positions: 'input', coarse: true },
};

t.test(
  'whoever else is in the batch, answers of ready-made graphs are those of the request alone',
  async t => {
    const folder = await randomLlama(t, SIZES);
    const config = { ...LLAMA, ...SIZES };
    // The folder's own weights are so small that hardly anything hangs on positions.
    const tensors = randomTensors(llamaShapes(config));
    await mkdir(path.join(folder, 'onnx'));
    for (const [name, form] of Object.entries(FORMS))
      await t.test(name, async t => {
        await exportLlama(path.join(folder, 'onnx', 'model.onnx'), config, tensors, form);
        await checkBatching(t, folder, 8, { format: 'onnx', session: { intraOpThreads: 1 } });
      });
  },
);
