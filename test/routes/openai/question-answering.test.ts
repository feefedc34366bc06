import t from 'tap';
import { Registry } from '#registry/registry.js';
import { fakeEncoderModel } from '#test/support/fake-encoder-service.js';
import { startServer } from '#test/support/http-server.js';
import { jsonClient } from '#test/support/json-client.js';

const model = fakeEncoderModel('question-answering');
const { tokenizer, encoder } = model;
const SEPARATOR = tokenizer.id('[SEP]');
const { url } = await startServer(t, { registry: new Registry([model]) });
const post = jsonClient(url);
t.beforeEach(() => encoder.reset());

interface Answer {
  data: { answer: string; start: number; end: number; score: number }[];
  usage: object;
  error: { code: string; param: string; message: string };
}

const ask = async (fields: object): Promise<Answer> =>
  (await post<Answer>('/v1/question-answering', { question: 'q', ...fields })).body;

/** Logits of start and end by a token's spelling; `[CLS]` is "no answer", and all others have 0. */
const mark = (marks: Record<string, [start: number, end: number]>): void => {
  encoder.script = ({ ids }) =>
    ids.flatMap(id => (id === SEPARATOR ? [50, 50] : (marks[tokenizer.token(id)!] ?? [0, 0])));
};

/** The windows that the model read. */
const read = (): string[] => encoder.inputs.map(({ ids }) => ids.map(id => tokenizer.token(id)).join(' '));

t.test('an answer with its place', async t => {
  mark({ the: [8, 0], x: [0, 8] });
  const answer = await ask({ context: 'A B, The 😀 X y.' });
  t.match(answer, { id: /^answer-/, object: 'list', model: 'question-answering' });
  t.match(answer.data, [{ answer: 'The 😀 X', start: 5, end: 12 }], 'special tokens have no part in it');
  t.ok(answer.data[0]!.score > 0.95 && answer.data[0]!.score <= 1);
  t.strictSame(encoder.inputs[0]!.typeIds?.slice(0, 4), [0, 0, 0, 1]);
  t.strictSame(answer.usage, { prompt_tokens: 12, total_tokens: 12 });
});

t.test('several answers, none longer than wanted', async t => {
  mark({ a: [5, 0], b: [4, 1], c: [0, 6] });
  const answers = async (fields: object): Promise<string[]> =>
    (await ask({ context: 'a b c', ...fields })).data.map(({ answer }) => answer);
  t.strictSame(await answers({ top_k: 3 }), ['a b c', 'b c', 'a b']);
  t.strictSame(await answers({ top_k: 100 }), ['a b c', 'b c', 'a b', 'c', 'a', 'b']);
  t.strictSame(await answers({ max_answer_len: 2 }), ['b c']);
  const { data } = await ask({ context: 'a b c', top_k: 100 });
  t.ok(data.reduce((sum, { score }) => sum + score, 0) < 1);
});

t.test('whole words', async t => {
  mark({ '##ize': [8, 8] });
  t.match((await ask({ context: 'a Tokenizer b' })).data, [{ answer: 'Tokenizer', start: 2, end: 11 }]);
  t.match((await ask({ context: 'a Tokenizer b', align_to_words: false })).data, [
    { answer: 'ize', start: 7, end: 10 },
  ]);
  mark({ token: [8, 8], '##ize': [7, 7], '##r': [6, 6], b: [5, 5] });
  t.strictSame(
    (await ask({ context: 'Tokenizer b', top_k: 2, max_answer_len: 1 })).data.map(({ answer }) => answer),
    ['Tokenizer', 'b'],
    'tokens of one word are one answer',
  );
});

t.test('no answer', async t => {
  mark({ '[CLS]': [6, 6], a: [3, 3] });
  t.match((await ask({ context: 'a b' })).data, [{ answer: 'a' }]);
  t.match((await ask({ context: 'a b', handle_impossible_answer: true, top_k: 2 })).data, [
    { answer: '', start: 0, end: 0 },
    { answer: 'a', start: 0, end: 1 },
  ]);
  mark({ '[CLS]': [0, 0], a: [3, 3] });
  t.match((await ask({ context: 'a b', handle_impossible_answer: true })).data, [{ answer: 'a' }]);
  t.strictSame((await ask({ context: ' ' })).data, [], 'nothing to choose from');
  t.match((await ask({ context: ' ', handle_impossible_answer: true })).data, [{ answer: '', score: 1 }]);
});

t.test('a context longer than the model reads, in windows', async t => {
  mark({ x: [9, 0], y: [0, 9] });
  const context = `${'a '.repeat(60)}x b y${' c'.repeat(60)}`;
  const { data, usage } = await ask({ context });
  t.match(data, [{ answer: 'x b y', start: 120, end: 125 }]);
  t.ok(encoder.inputs.length > 4);
  t.ok(encoder.inputs.every(({ ids }) => ids.length <= 32));
  t.equal(encoder.calls.length, 1);
  t.match(usage, { prompt_tokens: encoder.inputs.reduce((sum, { ids }) => sum + ids.length, 0) });

  encoder.inputs.length = 0;
  t.match((await ask({ context: 'a b c d x e y', max_seq_len: 8, doc_stride: 2 })).data, [
    { answer: 'x e y' },
  ]);
  t.strictSame(read(), [
    '[CLS] q [SEP] a b c d [SEP]',
    '[CLS] q [SEP] c d x e [SEP]',
    '[CLS] q [SEP] x e y [SEP]',
  ]);
});

t.test('what is refused', async t => {
  t.match((await ask({ context: 'a', question: 'q '.repeat(40) })).error, {
    code: 'context_length_exceeded',
    param: 'question',
  });
  t.match((await ask({ context: 'a b', max_seq_len: 33 })).error, { param: 'max_seq_len', message: /<= 32/ });
  t.match((await ask({ context: 'a b', max_seq_len: 6, doc_stride: 2 })).error, {
    param: 'doc_stride',
    message: /^doc_stride must be < 2/,
  });
  t.match((await ask({ context: 'a '.repeat(3000), max_seq_len: 5 })).error, {
    code: 'invalid_request',
    param: 'context',
  });
  t.match((await ask({ context: '' })).error, { param: 'context' });
  t.match((await ask({ context: 'a'.repeat(100_001) })).error, { param: 'context' });
  t.equal(encoder.inputs.length, 0);
});
