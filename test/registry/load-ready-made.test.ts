import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { loadModel } from '#registry/load.js';
import type { GenerationModel } from '#registry/types.js';
import { Environment } from '#runtime/index.js';
import { collect } from '#test/support/answers.js';
import { exportLlama } from '#test/support/exported-llama.js';
import { greedy } from '#test/support/generation-request.js';
import { LLAMA, llamaShapes } from '#test/support/llama-model.js';
import { randomLlama, TINY_LLAMA } from '#test/support/random-llama.js';
import { randomTensors } from '#test/support/random-tensors.js';

const CONFIG = { ...LLAMA, ...TINY_LLAMA, hidden_size: 64 };
const TENSORS = randomTensors(llamaShapes(CONFIG));

t.test('the same text from an export and from an onnxruntime-genai folder without config.json', async t => {
  const folder = await randomLlama(t, { hidden_size: 64 });
  await rm(path.join(folder, 'model.safetensors'));
  const environment = new Environment({ logLevel: 'fatal' });
  const answer = async (kind: 'in-place' | 'growing'): Promise<string> => {
    const options = { slots: 2, session: { intraOpThreads: 1 } };
    const model = (await loadModel(environment, folder, options)) as GenerationModel;
    try {
      t.equal(model.path?.kind, kind);
      t.strictSame([model.bosId, [...model.eosIds]], [0, [1]]);
      return (await collect(model.engine, greedy([5, 6, 7], { maxTokens: 20, logprobs: 1 }))).text;
    } finally {
      await model.close();
    }
  };

  await mkdir(path.join(folder, 'onnx'));
  const form = { attention: 'primitive', positions: 'input' } as const;
  await exportLlama(path.join(folder, 'onnx', 'model.onnx'), CONFIG, TENSORS, form);
  const exported = await answer('growing');
  t.ok(exported.length > 0);

  await rm(path.join(folder, 'onnx'), { recursive: true });
  await rm(path.join(folder, 'config.json'));
  const genai = { attention: 'grouped', positions: 'in operator' } as const;
  await exportLlama(path.join(folder, 'model.onnx'), CONFIG, TENSORS, genai);
  const model = {
    bos_token_id: 0,
    eos_token_id: [1],
    context_length: CONFIG.max_position_embeddings,
    vocab_size: CONFIG.vocab_size,
    decoder: { filename: 'model.onnx', head_size: 16, num_key_value_heads: CONFIG.num_key_value_heads },
  };
  await writeFile(path.join(folder, 'genai_config.json'), JSON.stringify({ model }));
  t.equal(await answer('in-place'), exported);
});
