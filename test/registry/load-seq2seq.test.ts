import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { buildModel } from '#model/build.js';
import { inspectModel } from '#model/inspect.js';
import { loadModel } from '#registry/load.js';
import { readCard } from '#registry/read-card.js';
import type { GenerationModel } from '#registry/types.js';
import { Environment } from '#runtime/index.js';
import { collect } from '#test/support/answers.js';
import { copiedExport } from '#test/support/changed-export.js';
import { greedy } from '#test/support/generation-request.js';
import { readSeq2SeqFixture } from '#test/support/seq2seq-fixtures.js';
import { seq2seqFolder } from '#test/support/seq2seq-folder.js';
import { UNIGRAM } from '#test/support/tiny-tokenizers.js';

const environment = new Environment({ logLevel: 'fatal' });
const session = { intraOpThreads: 1 };

t.test('an encoder-decoder is a model that reads sources, as its card says before', async t => {
  const folder = await seq2seqFolder(t);
  const card = await readCard(folder, { withTokenizer: true });
  const model = (await loadModel(environment, folder, { slots: 2, session })) as GenerationModel;
  t.teardown(() => model.close());
  t.strictSame(model.card, card);
  t.match(model, {
    id: 't5',
    contextLength: 24,
    device: 'cpu',
    chat: undefined,
    card: { task: 'text2text-generation', abilities: new Set(['complete', 'tokenize']) },
    path: { kind: 'built', precision: 'f32', reason: /encoder-decoder, 't5'/ },
    sourced: { longestSource: 24, startIds: [0], defaults: { startIds: [0] } },
  });
  t.equal(model.engine.sourceLength, 24);
});

t.test('a translator says what it translates before it is loaded', async t => {
  const folder = await seq2seqFolder(t, 'marian');
  t.equal((await readCard(folder)).translates, undefined, 'nothing says its languages');
  const pair = { source_lang: 'en', target_lang: 'de' };
  await writeFile(path.join(folder, 'tokenizer_config.json'), JSON.stringify(pair));
  const card = await readCard(folder);
  t.match(card, {
    abilities: new Set(['complete', 'tokenize', 'translate']),
    translates: { sources: ['en'], targets: ['de'] },
  });
  const model = (await loadModel(environment, folder, { slots: 1, session })) as GenerationModel;
  t.teardown(() => model.close());
  t.strictSame(model.card, card);
  t.match(model.sourced, { translates: card.translates, languages: { codes: ['en', 'de'] } });
});

t.test('its texts are those of transformers', async t => {
  const { prompts, searches } = await readSeq2SeqFixture('t5');
  const folder = await seq2seqFolder(t);
  const model = (await loadModel(environment, folder, { slots: 4, session })) as GenerationModel;
  t.teardown(() => model.close());
  const { startIds } = model.sourced!;
  const plain = searches.filter(
    ({ options }) => Object.keys(options).length === 2 && options.num_beams === 1,
  );
  await Promise.all(
    plain.map(async ({ prompt, options, results }) => {
      const maxTokens = options.max_length - startIds.length;
      const request = greedy(startIds, { maxTokens, stopTokenIds: model.eosIds, logprobs: 0 });
      const { tokens } = await collect(model.engine, { ...request, sourceIds: prompts[prompt]! });
      t.strictSame(
        tokens.map(({ id }) => id),
        results[0]!.ids,
      );
    }),
  );
  t.ok(plain.length > 0, `${plain.length} texts`);
});

t.test('a report tells what its caches take', async t => {
  const folder = await seq2seqFolder(t);
  const report = await inspectModel(folder, { slots: 3 });
  // Two layers of two heads, padded to 16 features; keys and values, in four bytes each.
  const perToken = 2 * 2 * 16 * 2 * 4;
  t.match(report, {
    kind: 'seq2seq',
    architecture: 't5',
    contextLength: 24,
    vocabularySize: 43,
    generation: {
      layers: 2,
      heads: 2,
      kvHeads: 2,
      headSize: 16,
      cacheBytesPerToken: perToken,
      source: { layers: 2, longest: 24, cacheBytesPerToken: perToken },
      memory: { slots: 3, cache: 3 * (24 + 24) * perToken },
    },
  });
  const model = await loadModel(environment, folder, { slots: 3, session, cacheBytes: 80 * perToken });
  t.teardown(() => model.close());
  t.equal(model.engine!.stats().cacheCapacity, 80);
});

t.test('it is built before it is served', async t => {
  const folder = await seq2seqFolder(t);
  const { graphPath, path: how } = await buildModel(folder, { precision: 'int8' });
  t.match(graphPath, /decoder\.onnx$/);
  t.equal(how.precision, 'int8');
  const model = await loadModel(environment, folder, {
    slots: 1,
    session,
    precision: 'int8',
    onProgress: () => t.fail('it was built again'),
  });
  await model.close();
});

t.test('what is wrong with a folder is said in the same words before and when it is loaded', async t => {
  const refuses = async (
    change: (folder: string) => Promise<unknown>,
    error: { readonly code: string; readonly message: RegExp },
  ): Promise<void> => {
    const folder = await seq2seqFolder(t);
    await change(folder);
    await t.rejects(readCard(folder), error);
    await t.rejects(loadModel(environment, folder, { slots: 1, session }), error);
  };
  const configure =
    (fields: object, file = 'config.json') =>
    async (folder: string): Promise<void> => {
      const name = path.join(folder, file);
      const config = JSON.parse(await readFile(name, 'utf8')) as object;
      await writeFile(name, JSON.stringify({ ...config, ...fields }));
    };
  await refuses(folder => rm(path.join(folder, 'tokenizer.json')), {
    code: 'invalid_model',
    message: /tokenizer\.json/,
  });
  await refuses(folder => rm(path.join(folder, 'model.safetensors')), {
    code: 'invalid_model',
    message: /model\.safetensors/,
  });
  await refuses(configure({ model_type: 'longt5' }), {
    code: 'unsupported_model',
    message: /'longt5' is not supported/,
  });
  await refuses(configure({ guidance_scale: 3 }, 'generation_config.json'), {
    code: 'unsupported_model',
    message: /guidance_scale/,
  });
});

t.test('its encoder alone is an embedder', async t => {
  const folder = await seq2seqFolder(t);
  const file = path.join(folder, 'config.json');
  const config = JSON.parse(await readFile(file, 'utf8')) as object;
  await writeFile(file, JSON.stringify({ ...config, architectures: ['T5EncoderModel'] }));
  const card = await readCard(folder);
  t.match(card, { task: 'embedding', abilities: new Set(['embed', 'score', 'tokenize', 'tensors']) });
  const model = await loadModel(environment, folder, { slots: 1, session });
  t.teardown(() => model.close());
  t.strictSame(model.card, card);
});

t.test('a head of its family is no encoder-decoder', async t => {
  const folder = await seq2seqFolder(t, 'bart');
  const file = path.join(folder, 'config.json');
  const config = JSON.parse(await readFile(file, 'utf8')) as object;
  const refused = async (name: string): Promise<void> => {
    await writeFile(file, JSON.stringify({ ...config, architectures: [name] }));
    await t.rejects(readCard(folder), { code: 'unsupported_model' }, name);
  };
  await refused('BartForSequenceClassification');
  await refused('BartForCausalLM');
  for (const name of ['BartForConditionalGeneration', 'BartModel', 'MarianMTModel']) {
    await writeFile(file, JSON.stringify({ ...config, architectures: [name] }));
    t.equal((await readCard(folder)).task, 'text2text-generation', name);
  }
});

t.test('an export is the same to its report, its build, its card and those who load it', async t => {
  const { folder, prompts, searches } = await copiedExport(t, 'bart');
  await writeFile(path.join(folder, 'tokenizer.json'), JSON.stringify(UNIGRAM));
  const report = await inspectModel(folder, { slots: 3 });
  // One layer of two heads of 8 features; keys and values, in four bytes each.
  const perToken = 2 * 8 * 2 * 4;
  t.match(report, {
    kind: 'seq2seq',
    architecture: 'bart',
    contextLength: 24,
    path: { kind: 'growing', precision: 'f32' },
    generation: {
      layers: 1,
      heads: 2,
      headSize: 8,
      cacheBytesPerToken: perToken,
      source: { layers: 1, longest: 24, cacheBytesPerToken: perToken },
      // A run's are beside those that it is given.
      memory: { slots: 3, cache: 2 * 3 * (24 + 24) * perToken },
    },
    graphs: ['encoder_model.onnx', 'decoder_model.onnx', 'decoder_with_past_model.onnx'].map(file => ({
      file,
    })),
  });
  t.equal(report.leftovers, undefined);
  const { graphPath, path: built } = await buildModel(folder, {});
  t.equal(path.basename(graphPath), 'decoder_with_past_model.onnx');
  t.strictSame(built, report.path);
  const card = await readCard(folder, { withTokenizer: true });
  const options = { slots: 3, session, cacheBytes: 2 * 80 * perToken };
  const model = (await loadModel(environment, folder, options)) as GenerationModel;
  t.teardown(() => model.close());
  t.strictSame(model.card, card);
  t.match(model.path, { kind: 'growing', reason: /texts share a run where they are as long/ });
  t.ok(model.path!.reason.startsWith(report.path.reason));
  t.equal(model.engine.stats().cacheCapacity, 80);

  const { prompt, results } = searches.find(({ options }) => Object.keys(options).length === 1)!;
  const stopTokenIds = model.eosIds;
  const request = greedy(model.sourced!.startIds, { maxTokens: 12, stopTokenIds, logprobs: 0 });
  const { tokens } = await collect(model.engine, { ...request, sourceIds: prompts[prompt]! });
  t.strictSame(
    tokens.map(({ id }) => id),
    results[0]!.ids,
  );
  await t.rejects(loadModel(environment, folder, { ...options, cache: 'paged' }), {
    code: 'invalid_configuration',
    message: /paged/,
  });
});
