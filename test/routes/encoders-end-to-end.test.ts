import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import OpenAI from 'openai';
import t, { type Test } from 'tap';
import { loadEncoder } from '#registry/load-encoder.js';
import { Registry } from '#registry/registry.js';
import type { EncoderModel } from '#registry/types.js';
import { Environment } from '#runtime/index.js';
import {
  hiddenStates,
  maskLogits,
  normalized,
  pooled,
  sequenceLogits,
  tokenLogits,
} from '#test/reference/encoder.js';
import { softmax } from '#test/reference/operations.js';
import { writeModel } from '#test/support/check-decoder.js';
import { encoderConfig, encoderShapes, type EncoderConfig, type Head } from '#test/support/encoder-models.js';
import { startServer } from '#test/support/http-server.js';
import { jsonClient } from '#test/support/json-client.js';
import { randomTensors } from '#test/support/random-tensors.js';
import type { TestTensors } from '#test/support/safetensors.js';
import { WORD_PIECE } from '#test/support/tiny-tokenizers.js';

/** A tiny BERT with random weights, served and as the reference takes it. */
interface Served {
  readonly model: EncoderModel;
  readonly config: EncoderConfig;
  readonly tensors: TestTensors;
}

const environment = new Environment({ logLevel: 'fatal' });
const root = t.testdir();

async function load(
  id: string,
  head: Head,
  labels: readonly string[] = [],
  files: Readonly<Record<string, unknown>> = {},
): Promise<Served> {
  const id2label = Object.fromEntries(labels.map((label, index) => [index, label]));
  const config = encoderConfig('bert', head, labels.length > 0 ? { id2label } : {});
  const tensors = randomTensors(encoderShapes(config, head, labels.length));
  const folder = path.join(root, id);
  await writeModel(folder, { config, tensors });
  await writeFile(path.join(folder, 'tokenizer.json'), JSON.stringify(WORD_PIECE));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await writeFile(path.join(folder, name), JSON.stringify(content));
  }
  const model = await loadEncoder(environment, folder, { id, session: { intraOpThreads: 1 } });
  return { model, config, tensors };
}

const embedder = await load('embedder', 'Model');
const classifier = await load('classifier', 'ForSequenceClassification', ['sad', 'glad', 'mad']);
const crossEncoder = await load('cross-encoder', 'ForSequenceClassification', ['LABEL_0']);
const tagger = await load('tagger', 'ForTokenClassification', ['O', 'B-PER', 'I-PER']);
const filler = await load('filler', 'ForMaskedLM');
const reader = await load('reader', 'ForQuestionAnswering');
/** Its vectors are those of the first tokens, scaled to a length of 1. */
const first = await load('first', 'Model', [], {
  'modules.json': [
    { idx: 0, path: '', type: 'sentence_transformers.models.Transformer' },
    { idx: 1, path: '1_Pooling', type: 'sentence_transformers.models.Pooling' },
    { idx: 2, path: '2_Normalize', type: 'sentence_transformers.models.Normalize' },
  ],
  '1_Pooling/config.json': { pooling_mode_cls_token: true, pooling_mode_mean_tokens: false },
});
const all = [embedder, first, classifier, crossEncoder, tagger, filler, reader];
const { url } = await startServer(t, { registry: new Registry(all.map(({ model }) => model)) });
const post = jsonClient(url);

const TEXTS = ['a', 'abc de f', 'x y z x y z', '😀 q', 'ab '.repeat(12)];
const encode = (text: string, pair?: string) => embedder.model.tokenizer.encodeWithOffsets(text, pair);

/** Single precision, against float64. */
const close = (t: Test, actual: readonly number[], expected: readonly number[], name: string): void => {
  t.equal(actual.length, expected.length, name);
  const worst = Math.max(...actual.map((value, i) => Math.abs(value - expected[i]!)));
  t.ok(worst < 1e-4, `${name}: off by ${worst}`);
};

const embedding = (text: string): number[] =>
  normalized(pooled(hiddenStates(embedder.config, embedder.tensors, encode(text)), 'mean'));
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

t.test('embeddings, by OpenAI and by TEI, together and from several clients at once', async t => {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 });
  const together = await client.embeddings.create({ model: 'embedder', input: TEXTS });
  const alone = await Promise.all(
    TEXTS.map(async input => (await client.embeddings.create({ model: 'embedder', input })).data[0]!),
  );
  const { body: tei } = await post<number[][]>('/embed', { inputs: TEXTS });
  TEXTS.forEach((text, i) => {
    close(t, together.data[i]!.embedding, embedding(text), `OpenAI: ${text}`);
    close(t, alone[i]!.embedding, embedding(text), `alone: ${text}`);
    close(t, tei[i]!, embedding(text), `TEI: ${text}`);
  });
  t.equal(
    together.usage.prompt_tokens,
    TEXTS.reduce((sum, text) => sum + encode(text).ids.length, 0),
  );
});

t.test('the vectors of tokens, before they are pooled, beside requests for whole texts', async t => {
  for (const { model, config, tensors } of [embedder, first]) {
    const [{ body }, { body: whole }] = await Promise.all([
      post<number[][][]>('/embed_all', { model: model.id, inputs: TEXTS }),
      post<number[][]>('/embed', { model: model.id, inputs: TEXTS }),
    ]);
    TEXTS.forEach((text, i) => {
      const states = hiddenStates(config, tensors, encode(text));
      close(t, body[i]!.flat(), states.flat(), `${model.id}: tokens of ${text}`);
      close(t, whole[i]!, normalized(model === first.model ? states[0]! : pooled(states, 'mean')), text);
    });
  }
});

t.test('sparse vectors of a masked language model', async t => {
  const { body } = await post<{ index: number; value: number }[][]>('/embed_sparse', { inputs: TEXTS });
  TEXTS.forEach((text, i) => {
    const rows = maskLogits(filler.config, filler.tensors, encode(text));
    const expected = rows[0]!.map((_, id) => Math.log1p(Math.max(0, ...rows.map(row => row[id]!))));
    const dense = expected.map((_, id) => body[i]!.find(({ index }) => index === id)?.value ?? 0);
    close(t, dense, expected, text);
    t.ok(body[i]!.every(({ value, index }, j, list) => value > 0 && index > (list[j - 1]?.index ?? -1)));
  });
});

t.test('classification', async t => {
  const { body } = await post<{ data: { probs: number[] }[] }>('/v1/classify', { input: TEXTS });
  TEXTS.forEach((text, i) =>
    close(
      t,
      body.data[i]!.probs,
      softmax(sequenceLogits(classifier.config, classifier.tensors, encode(text))),
      text,
    ),
  );
});

t.test('ranking by a cross-encoder', async t => {
  const { body } = await post<{ results: { index: number; relevance_score: number }[] }>('/v1/rerank', {
    query: 'q r',
    documents: TEXTS,
  });
  const expected = TEXTS.map(text =>
    sigmoid(sequenceLogits(crossEncoder.config, crossEncoder.tensors, encode('q r', text))[0]!),
  );
  for (const { index, relevance_score } of body.results)
    close(t, [relevance_score], [expected[index]!], TEXTS[index]!);
  const scores = body.results.map(({ relevance_score }) => relevance_score);
  t.strictSame(
    scores,
    [...scores].sort((a, b) => b - a),
  );
});

t.test('token labels', async t => {
  const { body } = await post<{ data: { entities: { index: number; score: number; start: number }[] }[] }>(
    '/v1/token-classification',
    { input: TEXTS, aggregation_strategy: 'none', ignore_labels: [] },
  );
  TEXTS.forEach((text, i) => {
    const encoding = encode(text);
    const best = tokenLogits(tagger.config, tagger.tensors, encoding).map(row => Math.max(...softmax(row)));
    const { entities } = body.data[i]!;
    t.equal(entities.length, encoding.ids.length - 2);
    close(
      t,
      entities.map(({ score }) => score),
      best.slice(1, -1),
      text,
    );
  });
});

t.test('masks', async t => {
  const input = 'ab [MASK] c [MASK]';
  interface Mask {
    predictions: { token: number; score: number }[];
  }
  const { body } = await post<{ data: { masks: Mask[] }[] }>('/v1/fill-mask', { input, top_k: 61 });
  const encoding = encode(input);
  const rows = maskLogits(filler.config, filler.tensors, encoding);
  const positions = encoding.ids.flatMap((id, i) => (id === filler.model.tokenizer.maskId ? [i] : []));
  body.data[0]!.masks.forEach(({ predictions }, i) => {
    const scores: number[] = [];
    for (const { token, score } of predictions) scores[token] = score;
    close(t, scores, softmax(rows[positions[i]!]!), `mask ${i}`);
  });
});

t.test('answers', async t => {
  const context = 'ab c d, e f g h';
  interface Answer {
    start: number;
    end: number;
    score: number;
  }
  const { body } = await post<{ data: Answer[] }>('/v1/question-answering', {
    question: 'q',
    context,
    top_k: 100,
    align_to_words: false,
  });
  const encoding = encode('q', context);
  const logits = tokenLogits(reader.config, reader.tensors, encoding, 'qa_outputs');
  const places = encoding.origins.flatMap((origin, i) => (i === 0 || origin?.text === 1 ? [i] : []));
  const starts = softmax(places.map(i => logits[i]![0]!));
  const ends = softmax(places.map(i => logits[i]![1]!));
  t.ok(body.data.length > 20);
  for (const { start, end, score } of body.data) {
    const first = places.findIndex(i => i > 0 && encoding.origins[i]!.start === start);
    const last = places.findIndex(i => i > 0 && encoding.origins[i]!.end === end);
    close(t, [score], [starts[first]! * ends[last]!], `${start} to ${end}`);
  }
});

t.test('an id that the tokenizer has and the model has not', async t => {
  t.match(await post('/v1/embeddings', { input: [2, 70, 3] }), {
    status: 400,
    body: { error: { code: 'invalid_request', param: 'input' } },
  });
  t.match(await post('/v1/fill-mask', { input: '[MASK]', targets: ['a', 'token'] }), {
    status: 400,
    body: { error: { code: 'invalid_request', param: 'targets[1]' } },
  });
});
