import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { inputLimit, textSources, withPlaces } from '#api/encoding/inputs.js';
import { KvasirError } from '#errors.js';
import type { InputLimit, Source, TextSource } from '#text/inputs.js';
import { truncate } from '#text/truncation.js';
import { fakeEncoderModel } from '#test/support/fake-encoder-service.js';
import { runs } from '#test/support/property-runs.js';

const model = fakeEncoderModel('embedding');
const { tokenizer } = model;
const { signal } = new AbortController();

const encodeSources = (
  { texts }: typeof model,
  sources: readonly Source[],
  limit: InputLimit,
  signal: AbortSignal,
) => texts.map('encodeInput', sources, limit, { client: '', signal }, 'input');
const locateSources = (
  { texts }: typeof model,
  sources: readonly TextSource[],
  limit: InputLimit,
  signal: AbortSignal,
) => texts.map('locateInput', sources, limit, { client: '', signal }, 'input');
const refuse: InputLimit = { maxTokens: 8, cut: undefined };

const encode = async (source: Source, limit = refuse): Promise<readonly number[]> =>
  (await encodeSources(model, [source], limit, signal))[0]!.ids;

/** Spellings of ids. */
const spell = (ids: readonly number[]): string => ids.map(id => tokenizer.token(id)).join(' ');

t.test('what a request says of the length', async t => {
  t.strictSame(inputLimit({}, model), { maxTokens: 32, cut: undefined });
  t.strictSame(inputLimit({ truncate: false, truncation_direction: 'left' }, model).cut, undefined);
  t.strictSame(inputLimit({ truncate: true }, model), { maxTokens: 32, cut: 'right' });
  t.strictSame(inputLimit({ truncate: true, truncation_direction: 'Left' }, model).cut, 'left');
  t.strictSame(inputLimit({ truncate_prompt_tokens: -1 }, model), { maxTokens: 32, cut: 'right' });
  t.strictSame(inputLimit({ truncate_prompt_tokens: 5, truncation_direction: 'left' }, model), {
    maxTokens: 5,
    cut: 'left',
  });
  t.strictSame(inputLimit({ truncate: null, truncate_prompt_tokens: null }, model).cut, undefined);
  for (const truncate_prompt_tokens of [0, 33]) {
    t.throws(() => inputLimit({ truncate_prompt_tokens }, model), {
      code: 'invalid_request',
      param: 'truncate_prompt_tokens',
    });
  }
});

t.test('texts, pairs and ids', async t => {
  t.equal(spell(await encode({ param: 'x', text: 'Token the' })), '[CLS] token the [SEP]');
  t.equal(spell(await encode({ param: 'x', text: '' })), '[CLS] [SEP]');
  t.strictSame(await encode({ param: 'x', ids: [7, 8] }), [7, 8]);
  const [pair] = await encodeSources(model, [{ param: 'x', text: 'a', pair: 'b' }], refuse, signal);
  t.equal(spell(pair!.ids), '[CLS] a [SEP] b [SEP]');
  t.strictSame(pair!.typeIds, [0, 0, 0, 1, 1]);
});

t.test('what is too long is refused, and said where', async t => {
  const text = 'a b c d e f g';
  for (const [source, message] of [
    [{ param: 'input[3]', text }, /^input\[3\] has 9 tokens, expected at most 8; set truncate/],
    [{ param: 'input', text: 'a b c', pair: 'd e f' }, /^input has 9 tokens/],
    [{ param: 'input', text: 'a '.repeat(1000) }, /^input has more than 8 tokens/],
    [{ param: 'input', ids: new Array<number>(9).fill(5) }, /^input has 9 tokens/],
  ] as const) {
    await t.rejects(encode(source), { code: 'context_length_exceeded', param: source.param, message });
  }
});

t.test('or cut, on either side', async t => {
  const text = 'a b c d e f g';
  const right: InputLimit = { maxTokens: 5, cut: 'right' };
  const left: InputLimit = { maxTokens: 5, cut: 'left' };
  t.equal(spell(await encode({ param: 'x', text }, right)), '[CLS] a b c [SEP]');
  t.equal(spell(await encode({ param: 'x', text }, left)), '[CLS] e f g [SEP]');
  t.strictSame(await encode({ param: 'x', ids: [5, 6, 7, 8, 9, 10] }, right), [5, 6, 7, 8, 9]);
  t.strictSame(await encode({ param: 'x', ids: [5, 6, 7, 8, 9, 10] }, left), [6, 7, 8, 9, 10]);
  t.equal(spell(await encode({ param: 'x', text: 'a b', pair: 'c d' }, right)), '[CLS] a [SEP] c [SEP]');
  await t.rejects(encode({ param: 'x', text }, { maxTokens: 1, cut: 'right' }), {
    code: 'context_length_exceeded',
  });
});

t.test('ids outside of the vocabulary', async t => {
  const size = tokenizer.vocabularySize;
  t.strictSame(await encode({ param: 'x', ids: [0, size - 1] }), [0, size - 1]);
  await t.rejects(encode({ param: 'input[1]', ids: [0, size] }), {
    code: 'invalid_request',
    param: 'input[1]',
    message: `input[1] has the token id ${size}, expected ids from 0 to ${size - 1}`,
  });
});

t.test('of a long text only a part is tokenized, which changes nothing', async t => {
  const word = fc.constantFrom('a', 'the', 'tokenizer', '日本', 'xyz', '!', 'q'.repeat(40), '😀');
  const space = fc.constantFrom(' ', '  ', '\n', ' '.repeat(50));
  const text = fc
    .array(fc.tuple(word, space), { minLength: 1, maxLength: 60 })
    .map(parts => parts.flat().join(''));
  const property = fc.asyncProperty(
    text,
    fc.option(text, { nil: undefined }),
    fc.integer({ min: 3, max: 12 }),
    fc.constantFrom('left' as const, 'right' as const),
    async (first, pair, maxTokens, cut) => {
      const [located] = await locateSources(
        model,
        [{ param: 'x', text: first, pair }],
        { maxTokens, cut },
        signal,
      );
      const whole = tokenizer.encodeWithOffsets(first, pair);
      if (pair === undefined) {
        assert.deepEqual(located, truncate(whole, maxTokens, cut));
        return;
      }
      // Of two texts that are both cut, either may get the odd token.
      assert.equal(located!.ids.length, Math.min(maxTokens, whole.ids.length));
      located!.origins.forEach((origin, i) => {
        const same = whole.origins.some(
          (other, j) =>
            whole.ids[j] === located!.ids[i] &&
            other?.text === origin?.text &&
            other?.start === origin?.start &&
            other?.end === origin?.end,
        );
        assert.ok(same);
      });
    },
  );
  await fc.assert(property, runs(200));
  t.pass();
});

t.test('a long text costs no more than its beginning', async t => {
  const long = 'the tokenizer '.repeat(200_000);
  const started = performance.now();
  const [located] = await locateSources(
    model,
    [{ param: 'x', text: long }],
    { maxTokens: 32, cut: 'left' },
    signal,
  );
  t.ok(performance.now() - started < 1000);
  t.equal(located!.ids.length, 32);
  t.equal(located!.origins.at(-2)!.end, long.length - 1);
});

t.test('many texts let others have their turn, and stop when nobody waits for them', async t => {
  const sources = textSources('input', new Array<string>(3000).fill('the tokenizer '.repeat(8)));
  const controller = new AbortController();
  let turns = 0;
  const ticking = setInterval(() => {
    turns++;
    if (turns === 3) controller.abort();
  }, 1);
  await t.rejects(encodeSources(model, sources, { maxTokens: 64, cut: undefined }, controller.signal), {
    code: 'cancelled',
  });
  clearInterval(ticking);
  t.ok(turns >= 3);
});

t.test('a full line refuses texts unread; places are given back where reading fails', async t => {
  const model = fakeEncoderModel('embedding');
  const { encoder } = model;
  let reads = 0;
  const read = async (): Promise<string> => {
    t.equal(encoder.reserved, 3);
    if (++reads === 2) throw new Error('unreadable');
    return 'read';
  };
  const reading = (): Promise<string> => withPlaces(model, 3, { client: 'a', signal }, read);
  t.equal(await reading(), 'read');
  await t.rejects(reading(), { message: 'unreadable' });
  t.equal(encoder.reserved, 0);
  encoder.failure = new KvasirError('queue_full', 'full');
  await t.rejects(reading(), { code: 'queue_full' });
  t.equal(reads, 2);
});
