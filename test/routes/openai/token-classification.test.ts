import t from 'tap';
import { Registry } from '#registry/registry.js';
import { byteLevelTokenizer } from '#test/support/tiny-tokenizers.js';
import { fakeEncoderModel } from '#test/support/fake-encoder-service.js';
import { startServer } from '#test/support/http-server.js';
import { jsonClient } from '#test/support/json-client.js';

const labels = ['O', 'B-PER', 'I-PER', 'B-LOC'];
const model = fakeEncoderModel('token-classification', { labels, activation: 'softmax' });
const bytes = fakeEncoderModel('token-classification', {
  id: 'bytes',
  labels,
  activation: 'softmax',
  tokenizer: byteLevelTokenizer(),
});
const { url } = await startServer(t, { registry: new Registry([model, bytes]) });
const post = jsonClient(url);

interface Entity {
  entity?: string;
  entity_group?: string;
  index?: number;
  score: number;
  word: string;
  start: number;
  end: number;
}

interface Answer {
  data: { index: number; entities: Entity[] }[];
  usage: object;
  error: { code: string; param: string; message: string };
}

/** Makes a model give tokens, by their spelling, a label with a probability of 3 in 4; others are of no entity. */
const mark = ({ encoder, tokenizer }: typeof model, marks: Record<string, string>): void => {
  encoder.script = ({ ids }) =>
    ids.flatMap(id => {
      const label = marks[tokenizer.token(id)!] ?? 'O';
      return labels.map(name => (name === label ? Math.log(9) : 0));
    });
};

const find = async (fields: object): Promise<Answer> =>
  (await post<Answer>('/v1/token-classification', fields)).body;

const brief = (entities: Entity[]): unknown[] =>
  entities.map(({ entity, entity_group, score, word, start, end }) => [
    entity ?? entity_group,
    score.toFixed(2),
    word,
    start,
    end,
  ]);

t.test('entities with their places', async t => {
  mark(model, { token: 'B-PER', '##ize': 'I-PER', the: 'B-LOC' });
  const answer = await find({ input: ['A Tokenize, the', 'x'] });
  t.match(answer, { id: /^tokens-/, object: 'list', model: 'token-classification' });
  t.strictSame(answer.usage, { prompt_tokens: 10, total_tokens: 10 });
  t.strictSame(
    answer.data.map(({ index, entities }) => [index, brief(entities)]),
    [
      [
        0,
        [
          ['PER', '0.75', 'Tokenize', 2, 10],
          ['LOC', '0.75', 'the', 12, 15],
        ],
      ],
      [1, []],
    ],
  );
  t.notOk('index' in answer.data[0]!.entities[0]!);
});

t.test('single tokens', async t => {
  mark(model, { token: 'B-PER', '##ize': 'I-PER' });
  const { data } = await find({ input: 'A Tokenize', aggregation_strategy: 'none' });
  t.strictSame(brief(data[0]!.entities), [
    ['B-PER', '0.75', 'token', 2, 7],
    ['I-PER', '0.75', '##ize', 7, 10],
  ]);
  t.strictSame(
    data[0]!.entities.map(({ index }) => index),
    [2, 3],
  );
});

t.test('a word whose parts disagree', async t => {
  mark(model, { token: 'B-PER', '##ize': 'B-LOC', '##r': 'B-LOC' });
  const words = async (aggregation_strategy: string | null): Promise<unknown[]> =>
    (await find({ input: 'Tokenizer', aggregation_strategy })).data[0]!.entities.map(
      ({ entity_group, word }) => [entity_group, word],
    );
  const parts = [
    ['PER', 'Token'],
    ['LOC', 'ize'],
    ['LOC', 'r'],
  ];
  t.strictSame(await words('simple'), parts);
  t.strictSame(await words(null), parts);
  t.strictSame(await words('first'), [['PER', 'Tokenizer']]);
  t.strictSame(await words('average'), [['LOC', 'Tokenizer']]);
  t.strictSame(await words('max'), [['PER', 'Tokenizer']]);
});

t.test('labels to leave out', async t => {
  mark(model, { token: 'B-PER', the: 'B-LOC' });
  const found = async (ignore_labels: string[], aggregation_strategy = 'simple'): Promise<unknown[]> =>
    (await find({ input: 'token a the', ignore_labels, aggregation_strategy })).data[0]!.entities.map(
      ({ entity, entity_group }) => entity ?? entity_group,
    );
  t.strictSame(await found([]), ['PER', 'O', 'LOC']);
  t.strictSame(await found(['PER']), ['O', 'LOC']);
  t.strictSame(await found(['B-PER', 'O'], 'none'), ['B-LOC']);
});

t.test('places count characters, whatever bytes the tokens stand for', async t => {
  const text = '😀 日本 the';
  mark(model, { 日: 'B-LOC', 本: 'B-LOC', the: 'B-PER' });
  const { data } = await find({ input: text });
  t.strictSame(brief(data[0]!.entities), [
    ['LOC', '0.75', '日', 2, 3],
    ['LOC', '0.75', '本', 3, 4],
    ['PER', '0.75', 'the', 5, 8],
  ]);
  mark(bytes, Object.fromEntries([...'æĹ¥åľ¬', 'æĹ'].map(token => [token, 'I-PER'])));
  const [entity, ...others] = (await find({ model: 'bytes', input: text })).data[0]!.entities;
  t.strictSame([entity!.word, entity!.start, entity!.end, others], ['日本', 2, 4, []]);
});

t.test('long texts', async t => {
  mark(model, { b: 'B-PER' });
  const input = `b ${'a '.repeat(40)}b`;
  t.match((await find({ input })).error, { code: 'context_length_exceeded', param: 'input' });
  t.strictSame(brief((await find({ input, truncate: true })).data[0]!.entities), [
    ['PER', '0.75', 'b', 0, 1],
  ]);
  t.strictSame(
    brief((await find({ input, truncate: true, truncation_direction: 'left' })).data[0]!.entities),
    [['PER', '0.75', 'b', 82, 83]],
  );
});

t.test('long texts in windows', async t => {
  const input = `b ${'a '.repeat(40)}b${' a'.repeat(40)} the`;
  mark(model, { b: 'B-PER', the: 'B-LOC' });
  const { data, usage } = await find({ input: [input, 'b'], stride: 6 });
  t.strictSame(
    data.map(({ entities }) => brief(entities)),
    [
      [
        ['PER', '0.75', 'b', 0, 1],
        ['PER', '0.75', 'b', 82, 83],
        ['LOC', '0.75', 'the', 164, 167],
      ],
      [['PER', '0.75', 'b', 0, 1]],
    ],
  );
  // 83 tokens in windows of 30, every 24: the last has 11. Each has two special ones.
  t.strictSame(usage, { prompt_tokens: 32 + 32 + 32 + 13 + 3, total_tokens: 112 });

  // What a model says where a window begins or ends is not asked for, but at the text's own ends.
  model.encoder.script = ({ ids }) =>
    ids.flatMap((_, i) => {
      const inMiddle = i >= 4 && i < ids.length - 4;
      return labels.map(name => (name === (inMiddle ? 'O' : 'B-PER') ? Math.log(9) : 0));
    });
  const middle = await find({ input, stride: 6 });
  t.strictSame(
    middle.data[0]!.entities.map(({ word }) => word),
    ['b', 'a', 'a', 'a', 'a', 'the'],
  );
  const one = { input, stride: 30 };
  t.match((await find(one)).error, { param: 'stride', message: /must be < 30/ });
  t.match((await find({ ...one, stride: 1, truncate: true })).error, { param: 'stride' });
  t.match((await find({ input: 'a '.repeat(3000), stride: 29 })).error, {
    param: 'input',
    message: /more than 2048 windows/,
  });
});

t.test('what is refused', async t => {
  t.match((await find({ input: 'a', aggregation_strategy: 'best' })).error, {
    param: 'aggregation_strategy',
    message: /one of "none", "simple", "first", "average", "max", null/,
  });
  t.match((await find({})).error, { message: 'input is required' });
});
