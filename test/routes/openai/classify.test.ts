import t from 'tap';
import { Registry } from '#registry/registry.js';
import { fakeEncoderModel } from '#test/support/fake-encoder-service.js';
import { startServer } from '#test/support/http-server.js';
import { jsonClient } from '#test/support/json-client.js';

const labels = ['sad', 'glad', 'mad'];
const single = fakeEncoderModel('sequence-classification', {
  id: 'single',
  width: 3,
  labels,
  activation: 'softmax',
});
const multi = fakeEncoderModel('sequence-classification', {
  id: 'multi',
  width: 3,
  labels,
  activation: 'sigmoid',
});
const regression = fakeEncoderModel('sequence-classification', { id: 'stars', width: 1, labels: ['stars'] });
const follows = fakeEncoderModel('sequence-classification', {
  id: 'follows',
  width: 3,
  labels: ['contradiction', 'neutral', 'Entailment'],
  activation: 'softmax',
});
const registry = new Registry([fakeEncoderModel('embedding'), single, multi, regression, follows]);
const { url } = await startServer(t, { registry });
const post = jsonClient(url);
t.beforeEach(() => [single, multi, regression, follows].forEach(({ encoder }) => encoder.reset()));

interface Answer {
  data: {
    index: number;
    label: string;
    scores: { label: string; score: number }[];
    probs: number[];
    num_classes: number;
  }[];
  usage: object;
  error: { code: string; param: string; message: string };
}

const classify = async (fields: object): Promise<Answer> =>
  (await post<Answer>('/v1/classify', { input: 'a', ...fields })).body;

const rounded = (values: number[]): string[] => values.map(value => value.toFixed(4));

t.test('one label of several', async t => {
  single.encoder.script = () => [0, Math.log(2), Math.log(5)];
  const answer = await classify({ input: ['the token', ''] });
  t.match(answer, { id: /^classify-/, object: 'list', created: Number, model: 'single' });
  t.strictSame(answer.usage, { prompt_tokens: 6, total_tokens: 6 });
  t.strictSame(
    answer.data.map(({ index }) => index),
    [0, 1],
  );
  const [{ label, scores, probs, num_classes }] = answer.data as [Answer['data'][0]];
  t.strictSame([label, num_classes], ['mad', 3]);
  t.strictSame(rounded(probs), ['0.1250', '0.2500', '0.6250']);
  t.strictSame(
    scores.map(({ label }) => label),
    ['mad', 'glad', 'sad'],
  );
  t.strictSame(rounded(scores.map(({ score }) => score)), ['0.6250', '0.2500', '0.1250']);
});

t.test('labels that do not exclude each other', async t => {
  multi.encoder.script = () => [0, Math.log(3), -Math.log(3)];
  const { data } = await classify({ model: 'multi' });
  t.strictSame(rounded(data[0]!.probs), ['0.5000', '0.7500', '0.2500']);
  t.equal(data[0]!.label, 'glad');
});

t.test('a number', async t => {
  regression.encoder.script = () => [3.5];
  t.match((await classify({ model: 'stars' })).data, [
    { label: 'stars', scores: [{ label: 'stars', score: 3.5 }], probs: [3.5], num_classes: 1 },
  ]);
});

t.test('fewer labels, raw scores', async t => {
  single.encoder.script = () => [1, 3, 2];
  t.match((await classify({ top_k: 2, raw_scores: true })).data[0], {
    scores: [
      { label: 'glad', score: 3 },
      { label: 'mad', score: 2 },
    ],
    probs: [1, 3, 2],
  });
  t.equal((await classify({ top_k: 9 })).data[0]!.scores.length, 3);
  t.match((await classify({ top_k: 0 })).error, { param: 'top_k' });
});

t.test('pairs of texts', async t => {
  const pair = { text: 'a', text_pair: 'b' };
  await classify({ input: pair });
  await classify({ input: ['the', pair, { text: 'c', text_pair: null }] });
  t.strictSame(
    single.encoder.inputs.map(({ ids, typeIds }) => [
      ids.map(id => single.tokenizer.token(id)).join(' '),
      typeIds,
    ]),
    [
      ['[CLS] a [SEP] b [SEP]', [0, 0, 0, 1, 1]],
      ['[CLS] the [SEP]', undefined],
      ['[CLS] a [SEP] b [SEP]', [0, 0, 0, 1, 1]],
      ['[CLS] c [SEP]', undefined],
    ],
  );
  t.match((await classify({ input: [pair, { text_pair: 'b' }] })).error, {
    code: 'invalid_request',
    message: /^input\[1\] must have one of the fields text, image/,
  });
  const long = { text: 'a '.repeat(20), text_pair: 'b '.repeat(20) };
  t.match((await classify({ input: ['a', long] })).error, {
    code: 'context_length_exceeded',
    param: 'input[1]',
  });
  t.notOk('error' in (await classify({ input: ['a', long], truncate: true })));
  t.equal(single.encoder.inputs.at(-1)!.ids.length, 32);
});

t.test('models that cannot', async t => {
  t.match(await classify({ model: 'embedding' }), {
    error: { code: 'model_not_found', message: 'the model "embedding" cannot classify texts' },
  });
});

t.test('token ids, alone, in lists, and beside texts', async t => {
  const read = async (input: unknown): Promise<unknown> => {
    single.encoder.reset();
    t.notOk((await classify({ input })).error);
    return single.encoder.inputs.map(({ ids }) => ids);
  };
  const [cls, a, sep] = single.tokenizer.encode('a');
  t.strictSame(await read([4, 5]), [[4, 5]]);
  t.strictSame(await read([[4, 5], [6]]), [[4, 5], [6]]);
  t.strictSame(await read(['a', [4, 5], { text: 'a' }]), [
    [cls, a, sep],
    [4, 5],
    [cls, a, sep],
  ]);
  t.match((await classify({ input: [1000] })).error, { param: 'input', message: /token id 1000/ });
});

t.test("vLLM's fields", async t => {
  single.encoder.script = () => [0, 2, 1];
  t.strictSame((await classify({ use_activation: false })).data[0]!.probs, [0, 2, 1]);
  t.strictSame((await classify({ use_activation: true, raw_scores: true })).data[0]!.probs, [0, 2, 1]);
  t.equal(rounded((await classify({ use_activation: true })).data[0]!.probs)[0], '0.0900');
  t.match(await classify({ add_special_tokens: false }), { usage: { prompt_tokens: 1 } });
});

t.test('labels of a request’s own', async t => {
  // Of the text behind the first separator the length decides.
  follows.encoder.script = ({ typeIds = [] }) => {
    const second = typeIds.filter(id => id === 1).length;
    return [1, 7, Math.log(second)];
  };
  const body = {
    model: 'follows',
    input: ['a b', 'the token'],
    candidate_labels: 'c, the token',
    hypothesis_template: 'a {}',
  };
  const { data } = await classify(body);
  t.equal(data.length, 2);
  for (const { label, scores, probs, num_classes } of data) {
    t.strictSame([label, num_classes], ['the token', 2]);
    t.strictSame(
      scores.map(({ label }) => label),
      ['the token', 'c'],
    );
    t.strictSame(rounded(probs), rounded([3 / 7, 4 / 7]));
  }
  const independent = await classify({ ...body, multi_label: true });
  t.strictSame(
    rounded(independent.data[0]!.probs),
    rounded([3, 4].map(length => length / (length + Math.E))),
  );
  const alone = await classify({ ...body, candidate_labels: ['c'] });
  t.strictSame(rounded(alone.data[0]!.probs), rounded([3 / (3 + Math.E)]), 'one label has no others');
  const raw = await classify({ ...body, raw_scores: true });
  t.strictSame(rounded(raw.data[0]!.probs), rounded([Math.log(3), Math.log(4)]));

  const refused = async (fields: object, param: string, message?: RegExp): Promise<void> => {
    const { error } = await classify({ ...body, ...fields });
    t.match(error, { param, ...(message && { message }) });
  };
  await refused({ model: 'single' }, 'candidate_labels', /none of its labels begins with 'entail'/);
  await refused({ candidate_labels: null }, 'hypothesis_template');
  await refused({ candidate_labels: null, hypothesis_template: null, multi_label: true }, 'multi_label');
  await refused({ input: [[2, 3]] }, 'input[0]', /single texts/);
  await refused({ input: { text: 'a', text_pair: 'b' } }, 'input', /single texts/);
  await refused(
    { candidate_labels: Array.from({ length: 1024 }, (_, i) => `${i}`), input: ['a', 'b', 'c'] },
    'candidate_labels',
    /more than 2048 pairs/,
  );
});
