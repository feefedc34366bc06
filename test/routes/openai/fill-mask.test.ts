import t from 'tap';
import { Registry } from '#registry/registry.js';
import { byteLevelTokenizer, unigramTokenizer } from '#test/support/tiny-tokenizers.js';
import { fakeEncoderModel } from '#test/support/fake-encoder-service.js';
import { startServer } from '#test/support/http-server.js';
import { jsonClient } from '#test/support/json-client.js';

const model = fakeEncoderModel('fill-mask', { contextLength: 128 });
const bytes = fakeEncoderModel('fill-mask', { id: 'bytes', tokenizer: byteLevelTokenizer() });
const maskless = fakeEncoderModel('fill-mask', { id: 'maskless', tokenizer: unigramTokenizer() });
const { url } = await startServer(t, { registry: new Registry([model, bytes, maskless]) });
const post = jsonClient(url);
t.beforeEach(() => [model, bytes].forEach(({ encoder }) => encoder.reset()));

interface Answer {
  data: {
    index: number;
    masks: {
      start: number;
      end: number;
      predictions: { score: number; token: number; token_str: string; sequence: string }[];
    }[];
  }[];
  usage: object;
  error: { code: string; param: string; message: string };
}

const fill = async (fields: object): Promise<Answer> => (await post<Answer>('/v1/fill-mask', fields)).body;

/** Makes a model prefer tokens, by their spelling, for each mask in turn; all others have a logit of -100. */
const prefer = ({ encoder, tokenizer, width }: typeof model, ...masks: Record<string, number>[]): void => {
  encoder.script = ({ positions }) =>
    positions!.flatMap((_, mask) => {
      const logits = new Array<number>(width).fill(-100);
      for (const [token, weight] of Object.entries(masks[mask % masks.length]!))
        logits[tokenizer.id(token)!] = Math.log(weight);
      return logits;
    });
};

const brief = (answer: Answer): unknown[] =>
  answer.data.map(({ masks }) =>
    masks.map(({ start, end, predictions }) => [
      start,
      end,
      predictions.map(({ score, token_str, sequence }) => [score.toFixed(2), token_str, sequence]),
    ]),
  );

t.test('the best tokens for a mask', async t => {
  prefer(model, { the: 3, b: 1 });
  const answer = await fill({ input: 'A [MASK] C', top_k: 2 });
  t.match(answer, { id: /^fill-/, object: 'list', model: 'fill-mask' });
  t.strictSame(answer.usage, { prompt_tokens: 5, total_tokens: 5 });
  t.strictSame(brief(answer), [
    [
      [
        2,
        8,
        [
          ['0.75', 'the', 'A the C'],
          ['0.25', 'b', 'A b C'],
        ],
      ],
    ],
  ]);
  t.equal(answer.data[0]!.masks[0]!.predictions[0]!.token, model.tokenizer.id('the'));
  t.equal((await fill({ input: '[MASK]' })).data[0]!.masks[0]!.predictions.length, 5);
});

t.test('several masks, several texts', async t => {
  prefer(model, { a: 1 }, { b: 1 });
  const answer = await fill({ input: ['😀[MASK] x [MASK]', '[MASK]'], top_k: 1 });
  t.strictSame(brief(answer), [
    [
      [1, 7, [['1.00', 'a', '😀 a x [MASK]']]],
      [10, 16, [['1.00', 'b', '😀[MASK] x b']]],
    ],
    [[0, 6, [['1.00', 'a', 'a']]]],
  ]);
  t.strictSame(
    answer.data.map(({ index }) => index),
    [0, 1],
  );
  t.strictSame(
    model.encoder.inputs.map(({ positions }) => positions),
    [[2, 4], [1]],
  );
});

t.test('a token that continues a word', async t => {
  prefer(model, { '##ize': 1 });
  t.match(brief(await fill({ input: 'The token [MASK].', top_k: 1 })), [
    [[10, 16, [['1.00', String, 'The tokenize.']]]],
  ]);
  prefer(bytes, { Ġthe: 3, the: 1 });
  t.strictSame(brief(await fill({ model: 'bytes', input: 'a <mask>!', top_k: 2 })), [
    [
      [
        2,
        8,
        [
          ['0.75', ' the', 'a the!'],
          ['0.25', 'the', 'athe!'],
        ],
      ],
    ],
  ]);
});

t.test('targets: among them only, with the probability among all', async t => {
  prefer(model, { the: 5, a: 4, b: 1 });
  t.strictSame(brief(await fill({ input: '[MASK]', targets: ['b', 'a', 'b'] })), [
    [
      [
        0,
        6,
        [
          ['0.40', 'a', 'a'],
          ['0.10', 'b', 'b'],
        ],
      ],
    ],
  ]);
  t.equal(
    (await fill({ input: '[MASK]', targets: 'The' })).data[0]!.masks[0]!.predictions[0]!.token_str,
    'the',
  );
  t.match((await fill({ input: '[MASK]', targets: ['a', 'tokenizer'] })).error, {
    param: 'targets[1]',
    message: /is 3 tokens to this model, expected exactly one/,
  });
  t.match((await fill({ input: '[MASK]', targets: '' })).error, { param: 'targets', message: /is 0 tokens/ });
});

t.test('few masks at once: a vocabulary of logits each takes memory', async t => {
  const input = [...new Array<string>(20).fill('[MASK]'), '[MASK] '.repeat(20)];
  const answer = await fill({ input, top_k: 1 });
  t.strictSame(
    answer.data.map(({ masks }) => masks.length),
    [...new Array<number>(20).fill(1), 20],
  );
  t.strictSame(model.encoder.calls, [16, 4, 1]);
  t.match((await fill({ input: '[MASK] '.repeat(65) })).error, {
    code: 'invalid_request',
    param: 'input',
    message: /has 65 masks, more than the 64/,
  });
});

t.test('what is refused', async t => {
  t.match((await fill({ input: ['[MASK]', 'a'] })).error, {
    code: 'invalid_request',
    param: 'input[1]',
    message: /no mask token, which is "\[MASK\]"/,
  });
  t.match((await fill({ input: `${'a '.repeat(200)}[MASK]`, truncate: true })).error, { param: 'input' });
  t.match((await fill({ input: `${'a '.repeat(200)}[MASK]` })).error, { code: 'context_length_exceeded' });
  t.match((await fill({ model: 'maskless', input: 'a' })).error, { message: 'the model has no mask token' });
  t.match((await fill({ input: '[MASK]', top_k: 101 })).error, { param: 'top_k' });
});
