import t from 'tap';
import { LogprobsWriter } from '#api/completion/logprobs.js';
import type { Tokenizer } from '#text/types.js';
import { letterTokenizer } from '#test/support/letter-tokenizer.js';

/** Bytes of UTF-8, then whole words as SentencePiece has them, then a special token. */
const WORDS = ['▁one', '▁two'];
const END = 258;
const byteTokenizer: Tokenizer = {
  ...letterTokenizer,
  vocabularySize: 259,
  specialIds: new Set([END]),
  decode: (ids, { skipSpecialTokens = true } = {}) => {
    const bytes = ids.flatMap(id => {
      if (id < 256) return [id];
      if (id === END) return skipSpecialTokens ? [] : [...Buffer.from('</s>')];
      return [...Buffer.from(WORDS[id - 256]!.replace('▁', ' '))];
    });
    return Buffer.from(bytes).toString('utf8').replace(/^ /, '');
  },
  token: id => {
    if (id < 256) return `<0x${id.toString(16).toUpperCase().padStart(2, '0')}>`;
    return id === END ? '</s>' : WORDS[id - 256];
  },
};

const entry = (id: number, logprob: number, ...top: [id: number, logprob: number][]) => ({
  id,
  logprob,
  top: top.map(([id, logprob]) => ({ id, logprob })),
});

t.test('offsets count characters, over several calls and after a prompt', async t => {
  const writer = new LogprobsWriter(byteTokenizer, [256]);
  const emoji = [...Buffer.from('😀')];
  const ids = [257, ...emoji, 97, END];
  const first = writer.write(ids.slice(0, 2), []);
  const rest = writer.write(ids.slice(2), []);
  t.strictSame([...first.text_offset, ...rest.text_offset], [0, 4, 4, 4, 4, 5, 6]);
  t.strictSame(
    [...first.tokens, ...rest.tokens],
    [' two', '<0xF0>', '<0x9F>', '<0x98>', '<0x80>', 'a', '</s>'],
  );
});

t.test('the first word of a text has no space in it', async t => {
  t.strictSame(new LogprobsWriter(byteTokenizer, []).write([256, 257], []).text_offset, [0, 3]);
});

t.test('alternatives: the token itself is among them, and one text stands once', async t => {
  const writer = new LogprobsWriter(byteTokenizer, []);
  t.strictSame(
    writer.write([97, 98, 99], [entry(97, -3, [98, -1], [99, -2]), entry(98, -1, [98, -1]), undefined]),
    {
      tokens: ['a', 'b', 'c'],
      token_logprobs: [-3, -1, null],
      top_logprobs: [{ b: -1, c: -2, a: -3 }, { b: -1 }, null],
      text_offset: [0, 1, 2],
    },
  );
});

t.test('there is no infinity in JSON', async t => {
  const writer = new LogprobsWriter(byteTokenizer, []);
  const { token_logprobs, top_logprobs } = writer.write([97], [entry(97, -Infinity)]);
  t.strictSame([token_logprobs, top_logprobs], [[-9999], [{ a: -9999 }]]);
});
