import path from 'node:path';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import t, { type Test } from 'tap';
import type { Decoder } from '#model/decoder/contract.js';
import { planDecoder, type PlanOptions } from '#model/decoder/decoder-plan.js';
import type { RunPath } from '#model/run-path.js';
import { loadDecoder } from '#model/decoder/load-decoder.js';
import { Environment } from '#runtime/index.js';
import { llamaLogits } from '#test/reference/llama.js';
import { checkDecoder } from '#test/support/check-decoder.js';
import { exportLlama, type ExportForm } from '#test/support/exported-llama.js';
import { LLAMA, llamaShapes } from '#test/support/llama-model.js';
import { randomTensors } from '#test/support/random-tensors.js';
import { writeSafetensors } from '#test/support/safetensors.js';
import { prefill } from '#test/support/run-decoder.js';

/** GroupQueryAttention wants heads of a multiple of 16. */
const CONFIG = { ...LLAMA, head_dim: 16 };
const TENSORS = randomTensors(llamaShapes(CONFIG));
const environment = new Environment({ logLevel: 'fatal' });

/** A folder with exported graphs, by file name. */
async function exported(t: Test, graphs: Readonly<Record<string, ExportForm>>): Promise<string> {
  const folder = t.testdir();
  await writeFile(path.join(folder, 'config.json'), JSON.stringify(CONFIG));
  for (const [name, form] of Object.entries(graphs)) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await exportLlama(path.join(folder, name), CONFIG, TENSORS, form);
  }
  return folder;
}

async function load(t: Test, folder: string, slots = 3): Promise<{ decoder: Decoder; path: RunPath }> {
  const loaded = await loadDecoder(environment, folder, { slots, session: { intraOpThreads: 1 } });
  t.teardown(() => loaded.decoder.dispose());
  return loaded;
}

interface Case {
  readonly name: string;
  readonly graphs: Readonly<Record<string, ExportForm>>;
  readonly kind: RunPath['kind'];
  readonly restricted?: RegExp;
  readonly tolerance?: number;
}

const PRIMITIVE = { attention: 'primitive', positions: 'input' } as const;
const GROUPED = { attention: 'grouped', positions: 'input' } as const;
const ALONE = /one after the other/;
const WHOLE = /as a whole/;

const CASES: readonly Case[] = [
  { name: 'an export with a mask and positions', graphs: { 'onnx/model.onnx': PRIMITIVE }, kind: 'growing' },
  {
    name: 'one that counts positions by itself',
    graphs: { 'model.onnx': { attention: 'primitive', positions: 'from past' } },
    kind: 'growing',
    restricted: ALONE,
  },
  {
    name: 'a merged export',
    graphs: { 'onnx/decoder_model_merged.onnx': { ...PRIMITIVE, cacheBranch: true } },
    kind: 'growing',
  },
  {
    name: 'a merged export that continues by one token only',
    graphs: { 'decoder_model_merged.onnx': { ...PRIMITIVE, cacheBranch: true, causal: false } },
    kind: 'growing',
    restricted: WHOLE,
  },
  {
    name: 'two graphs, without and with a past',
    graphs: {
      'onnx/decoder_model.onnx': { ...PRIMITIVE, past: false },
      'onnx/decoder_model_with_past.onnx': PRIMITIVE,
      'onnx/decoder_with_past_model.onnx': { ...PRIMITIVE, causal: false },
    },
    kind: 'growing',
    restricted: WHOLE,
  },
  {
    name: 'one that can leave out logits',
    graphs: { 'onnx/model.onnx': { ...PRIMITIVE, logits: 'num_logits_to_keep' } },
    kind: 'growing',
  },
  {
    name: 'one that gives the last logits only',
    graphs: { 'onnx/model.onnx': { ...PRIMITIVE, logits: 'last' } },
    kind: 'growing',
  },
  {
    name: 'one with halves for its cache and logits',
    graphs: { 'onnx/model_fp16.onnx': { ...PRIMITIVE, halves: true } },
    kind: 'growing',
    tolerance: 1e-2,
  },
  { name: 'one with GroupQueryAttention', graphs: { 'onnx/model.onnx': GROUPED }, kind: 'in-place' },
  {
    name: 'one with GroupQueryAttention that rotates by itself',
    graphs: { 'onnx/model.onnx': { attention: 'grouped', positions: 'in operator' } },
    kind: 'in-place',
  },
  {
    name: 'one with GroupQueryAttention and the last logits only',
    graphs: { 'onnx/model.onnx': { ...GROUPED, logits: 'last' } },
    kind: 'in-place',
  },
  {
    name: 'one with GroupQueryAttention over halves',
    graphs: { 'onnx/model_fp16.onnx': { ...GROUPED, halves: true } },
    kind: 'in-place',
    tolerance: 3e-2,
  },
  {
    name: 'one with GroupQueryAttention whose cache comes through a branch',
    graphs: { 'onnx/decoder_model_merged.onnx': { ...GROUPED, cacheBranch: true } },
    kind: 'growing',
    restricted: ALONE,
  },
];

for (const { name, graphs, kind, restricted, tolerance } of CASES)
  t.test(`${name} agrees with the reference`, async t => {
    const { decoder, path: taken } = await load(t, await exported(t, graphs));
    t.equal(taken.kind, kind);
    if (restricted) t.match(taken.reason, restricted);
    else t.notMatch(taken.reason, /come out differently/);
    await checkDecoder(t, decoder, ids => llamaLogits(CONFIG, TENSORS, ids), tolerance);
  });

t.test('one scale for all activations is found out', async t => {
  for (const attention of ['primitive', 'grouped'] as const) {
    const folder = await exported(t, { 'model.onnx': { attention, positions: 'input', coarse: true } });
    const { path: taken } = await load(t, folder);
    t.match(taken.reason, ALONE);
    t.match(taken.reason, WHOLE);
  }
});

t.test('one slot', async t => {
  const { decoder, path: taken } = await load(t, await exported(t, { 'model.onnx': PRIMITIVE }), 1);
  t.equal(decoder.slots, 1);
  t.notMatch(taken.reason, ALONE);
});

t.test('an onnxruntime-genai folder', async t => {
  const folder = t.testdir();
  const names = { ids: 'ids', past: 'past_%s_%d', present: 'present_%s_%d' };
  await exportLlama(path.join(folder, 'decoder.onnx'), CONFIG, TENSORS, { ...GROUPED, names });
  const decoder = {
    filename: 'decoder.onnx',
    head_size: CONFIG.head_dim,
    num_key_value_heads: CONFIG.num_key_value_heads,
    inputs: { input_ids: 'ids', past_key_names: 'past_key_%d', past_value_names: 'past_value_%d' },
    outputs: { present_key_names: 'present_key_%d', present_value_names: 'present_value_%d' },
  };
  const model = { context_length: CONFIG.max_position_embeddings, vocab_size: CONFIG.vocab_size, decoder };
  const write = (changed: object): Promise<void> =>
    writeFile(path.join(folder, 'genai_config.json'), JSON.stringify({ model: changed, search: {} }));

  await write(model);
  const loaded = await load(t, folder);
  t.equal(loaded.path.kind, 'in-place');
  t.match(loaded.path.reason, /^decoder.onnx, exported for onnxruntime-genai: GroupQueryAttention/);
  await checkDecoder(t, loaded.decoder, ids => llamaLogits(CONFIG, TENSORS, ids));

  const refused = [
    [{ ...model, decoder: { ...decoder, pipeline: [{}] } }, 'unsupported_model', /pipeline/],
    [{ ...model, vision: { filename: 'vision.onnx' } }, 'unsupported_model', /a part 'vision'/],
    [
      { ...model, decoder: { ...decoder, filename: 'other.onnx' } },
      'invalid_model',
      /other.onnx cannot be opened/,
    ],
    [{ ...model, decoder: { ...decoder, inputs: {} } }, 'unsupported_model', /has no input 'input_ids'/],
    [{ context_length: 5 }, 'invalid_model', /model.decoder is missing/],
  ] as const;
  for (const [changed, code, message] of refused) {
    await write(changed);
    await t.rejects(load(t, folder), { code, message }, String(message));
  }
});

t.test('what cannot be served is refused by name', async t => {
  const cases: readonly (readonly [ExportForm, RegExp])[] = [
    [{ ...PRIMITIVE, extra: 'past_conv.0' }, /wants inputs that are not known: 'past_conv.0'/],
    [
      { ...PRIMITIVE, extra: 'encoder_hidden_states' },
      /'encoder_hidden_states', as a decoder with an encoder has/,
    ],
    [{ ...PRIMITIVE, past: false }, /takes no past/],
    [{ ...PRIMITIVE, names: { ids: 'tokens', past: 'p%d%s', present: 'q%d%s' } }, /has no input 'input_ids'/],
    [{ ...PRIMITIVE, names: { ids: 'input_ids', past: 'p%d%s', present: 'q%d%s' } }, /has no KV cache/],
  ];
  for (const [form, message] of cases) {
    const folder = await exported(t, { 'onnx/model.onnx': form });
    await t.rejects(load(t, folder), { code: 'unsupported_model', message }, String(message));
  }
});

t.test('which files of a folder', async t => {
  const folder = await exported(t, { 'onnx/model.onnx': PRIMITIVE, 'onnx/model_q4.onnx': PRIMITIVE });
  const fileOf = async (options: PlanOptions): Promise<string> => {
    const plan = await planDecoder(folder, options);
    return plan.source === 'weights' ? plan.source : path.basename(plan.found.graphs[0]!.file.path);
  };
  t.equal(await fileOf({}), 'model.onnx', 'the most exact');
  t.equal(await fileOf({ precision: 'int4' }), 'model_q4.onnx');
  await t.rejects(fileOf({ precision: 'f16' }), {
    code: 'unsupported_model',
    message: /has no ONNX decoder of precision f16 among/,
  });

  await writeSafetensors(path.join(folder, 'model.safetensors'), TENSORS);
  t.equal(await fileOf({}), 'weights', 'weights of a known architecture');
  t.equal(await fileOf({ format: 'onnx' }), 'model.onnx');
  await writeFile(
    path.join(folder, 'config.json'),
    JSON.stringify({ ...CONFIG, model_type: 'brontosaurus' }),
  );
  const plan = await planDecoder(folder);
  t.match(plan.path.reason, /taken since no graph can be built.*brontosaurus/);
  await t.rejects(planDecoder(folder, { format: 'safetensors' }), {
    code: 'unsupported_model',
    message: /brontosaurus/,
  });
  await rm(path.join(folder, 'onnx'), { recursive: true });
  await t.rejects(planDecoder(folder), { code: 'unsupported_model', message: /brontosaurus/ });
  await rm(path.join(folder, 'model.safetensors'));
  await writeFile(path.join(folder, 'config.json'), JSON.stringify(CONFIG));
  await t.rejects(load(t, folder), { code: 'invalid_model', message: /neither model.safetensors nor/ });
});

t.test('a context longer than the model has is refused', async t => {
  const folder = await exported(t, { 'model.onnx': PRIMITIVE });
  const options = { slots: 1, contextLength: 20 };
  await t.rejects(loadDecoder(environment, folder, options), {
    code: 'invalid_configuration',
    message: /is 19/,
  });
  await rm(path.join(folder, 'config.json'));
  await t.rejects(loadDecoder(environment, folder, { slots: 1 }), { message: /set a context length/ });
  const { decoder } = await loadDecoder(environment, folder, { slots: 1, contextLength: 12 });
  t.equal(decoder.shape.contextLength, 12);
  decoder.dispose();
});

t.test('a graph that ONNX Runtime does not take is an invalid model, and the next one loads', async t => {
  const folder = await exported(t, { 'model.onnx': GROUPED });
  const graph = path.join(folder, 'model.onnx');
  const bytes = await readFile(graph);
  await writeFile(graph, Buffer.from(bytes.toString('latin1').replaceAll('MatMul', 'MatNul'), 'latin1'));
  await t.rejects(load(t, folder), { code: 'invalid_model', message: /model.onnx: .*ONNX Runtime .*MatNul/ });
  await writeFile(graph, bytes);
  t.ok(await load(t, folder));
});

t.test('a run can be called off', async t => {
  for (const form of [PRIMITIVE, GROUPED]) {
    const { decoder } = await load(t, await exported(t, { 'model.onnx': form }));
    decoder.abort();
    await t.rejects(prefill(decoder, 0, [1, 2, 3], 0, 'last'), { code: 'runtime_failure' });
  }
});
