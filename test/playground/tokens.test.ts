import t from 'tap';
import { cosines } from '../../playground/text/similarity.js';
import { ChatTokenReader, completionTokens, percent, visible } from '../../playground/text/tokens.js';

t.test('tokens of a completion: their texts add up, whatever the characters', async t => {
  // "a", the two halves of an emoji, " b", and the end.
  const logprobs = {
    tokens: ['a', 'ðŁ', 'ĺĢ', ' b', '<|end|>'],
    token_logprobs: [Math.log(0.5), 0, -1, -2, null],
    top_logprobs: [{ b: Math.log(0.75), a: Math.log(0.5) }, null, null, { c: -1 }, null],
    text_offset: [7, 8, 8, 9, 11],
  };
  const tokens = completionTokens(logprobs, 'a😀 b', 7);
  t.strictSame(
    tokens.map(({ text }) => text),
    ['a', '', '😀', ' b', ''],
  );
  t.strictSame(
    tokens[0]!.alternatives.map(({ name }) => name),
    ['b', 'a'],
  );
  t.ok(Math.abs(tokens[0]!.probability - 0.5) < 1e-12);
  t.strictSame(
    tokens[3]!.alternatives.map(({ name }) => name),
    ['c', ' b'],
    'the token itself is added',
  );
});

t.test('tokens of a chat: characters may be cut', async t => {
  const bytes = [...new TextEncoder().encode('é!')];
  const entry = (some: number[] | null, token: string) => ({
    token,
    logprob: -1,
    bytes: some,
    top_logprobs: [],
  });
  const reader = new ChatTokenReader();
  const first = reader.read([entry(bytes.slice(0, 1), 'Ã')]);
  const rest = reader.read([entry(bytes.slice(1, 2), '©'), entry(bytes.slice(2), '!'), entry(null, '<x>')]);
  t.strictSame(
    [...first, ...rest].map(({ text }) => text),
    ['', 'é', '!', ''],
  );
});

t.test('numbers and names for people', async t => {
  t.strictSame([1, 0.4321, 0.0456, 0.00123, 0.00001, 0].map(percent), [
    '100 %',
    '43 %',
    '4.6 %',
    '0.12 %',
    '< 0.01 %',
    '0 %',
  ]);
  t.equal(visible(' a\n'), '·a↵');
  t.equal(visible(''), '∅');
});

t.test('cosines', async t => {
  const [[same, right, opposite, none]] = cosines([
    [3, 4],
    [-4, 3],
    [-6, -8],
    [0, 0],
  ]) as [number[]];
  t.strictSame([same, right, opposite, none], [1, 0, -1, 0]);
});
