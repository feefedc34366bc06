import fc from 'fast-check';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { createTokenizer, loadTokenizer } from '#text/tokenizer.js';
import { sharedModel, skipWithout } from '#test/support/shared-models.js';
import {
  BYTE_FALLBACK,
  BYTE_LEVEL,
  byteFallbackTokenizer,
  byteLevelTokenizer,
  wordPieceTokenizer,
} from '#test/support/tiny-tokenizers.js';
import { runs } from '#test/support/property-runs.js';

t.test('encodes with and without special tokens, and decodes without them', async t => {
  const tokenizer = byteLevelTokenizer();
  const ids = tokenizer.encode('the é');
  t.strictSame(
    ids.map(id => tokenizer.token(id)),
    ['<s>', 'the', 'Ġ', 'Ã©', '</s>'],
  );
  t.strictSame(tokenizer.encode('the é', { addSpecialTokens: false }), ids.slice(1, -1));
  t.equal(tokenizer.decode(ids), 'the é');
  t.equal(tokenizer.decode(ids, { skipSpecialTokens: false }), '<s>the é</s>');
});

t.test('knows its vocabulary', async t => {
  const tokenizer = byteLevelTokenizer();
  t.equal(tokenizer.vocabularySize, 5 + 256 + 9);
  t.equal(tokenizer.id('<mask>'), 3);
  t.equal(tokenizer.token(3), '<mask>');
  t.equal(tokenizer.id('nothing'), undefined);
  for (const id of [-1, 0.5, tokenizer.vocabularySize, NaN]) t.equal(tokenizer.token(id), undefined);
});

t.test('special ids: added tokens marked so, and those that the config adds', async t => {
  t.strictSame([...byteLevelTokenizer().specialIds], [0, 1, 2, 3], '<plain> is not special');
  const config = { additional_special_tokens: ['<plain>', { content: 'the' }, 'not in the vocabulary', 7] };
  const tokenizer = createTokenizer(BYTE_LEVEL, config);
  const the = tokenizer.id('the')!;
  t.strictSame([...tokenizer.specialIds], [0, 1, 2, 3, 4, the]);
  t.equal(tokenizer.decode([the, tokenizer.id('a')!]), 'a');
});

t.test('the mask token: what the config says, else the usual ones', async t => {
  t.equal(wordPieceTokenizer().maskId, 4);
  t.equal(byteLevelTokenizer().maskId, 3);
  t.equal(byteFallbackTokenizer().maskId, undefined);
  t.equal(createTokenizer(BYTE_LEVEL, { mask_token: '<plain>' }).maskId, 4);
  t.equal(createTokenizer(BYTE_LEVEL, { mask_token: { content: '<mask>', lstrip: true } }).maskId, 3);
  for (const mask_token of [null, 'nothing', 7, {}])
    t.equal(createTokenizer(BYTE_LEVEL, { mask_token }).maskId, undefined);
});

t.test('decoding passes over ids that are not in the vocabulary', async t => {
  const tokenizer = byteLevelTokenizer();
  t.equal(tokenizer.decode([-1, tokenizer.id('the')!, 99999]), 'the');
  t.equal(tokenizer.decode([99999]), '');
  t.equal(tokenizer.decode([]), '');
});

t.test('spaces before punctuation survive, whatever the config says of clean-up', async t => {
  const tokenizer = createTokenizer(BYTE_LEVEL, { clean_up_tokenization_spaces: true });
  const text = "a , b . do n't ! 's";
  t.equal(tokenizer.decode(tokenizer.encode(text)), text);
});

t.test('a character without a token is left out where there is no unknown token', async t => {
  const model = { ...(BYTE_FALLBACK.model as object), unk_token: null, byte_fallback: false };
  const tokenizer = createTokenizer({ ...BYTE_FALLBACK, model });
  t.equal(tokenizer.decode(tokenizer.encode('a☃b')), 'ab');
});

t.test('any text survives a round trip through bytes', async t => {
  const text = fc.string({ unit: 'grapheme', maxLength: 20 });
  const byteLevel = byteLevelTokenizer();
  const byteFallback = byteFallbackTokenizer();
  const roundTrip = fc.property(text, text => {
    const plain = Array.from(byteLevel.specialIds, id => byteLevel.token(id)!).every(s => !text.includes(s));
    if (!plain) return true;
    return (
      byteLevel.decode(byteLevel.encode(text)) === text &&
      // U+2581 is the space of such vocabularies, and a byte order mark at the beginning of bytes is none to the decoder.
      (/[▁\ufeff]/.test(text) || byteFallback.decode(byteFallback.encode(text)) === text)
    );
  });
  t.doesNotThrow(() => fc.assert(roundTrip, runs(300)));
});

t.test('a folder without tokenizer_config.json is enough', async t => {
  const folder = t.testdir({ 'tokenizer.json': JSON.stringify(BYTE_LEVEL) });
  const tokenizer = await loadTokenizer(folder);
  t.strictSame(tokenizer.encode('the'), byteLevelTokenizer().encode('the'));
});

t.test('tokenizer_config.json counts', async t => {
  const folder = t.testdir({
    'tokenizer.json': JSON.stringify(BYTE_LEVEL),
    'tokenizer_config.json': JSON.stringify({ additional_special_tokens: ['<plain>'] }),
  });
  t.ok((await loadTokenizer(folder)).specialIds.has(4));
});

t.test('what is missing or broken is named', async t => {
  const good = JSON.stringify(BYTE_LEVEL);
  const { model: _model, ...noModel } = BYTE_LEVEL;
  const cases: [string, Record<string, string>, RegExp][] = [
    ['no tokenizer.json', {}, /tokenizer\.json is missing/],
    ['no JSON', { 'tokenizer.json': '{"version":' }, /tokenizer\.json is not valid JSON/],
    ['no object', { 'tokenizer.json': '[]' }, /tokenizer\.json is not a JSON object/],
    [
      'no model',
      { 'tokenizer.json': JSON.stringify(noModel) },
      /tokenizer\.json does not describe .*"model"/,
    ],
    ['null model', { 'tokenizer.json': JSON.stringify({ ...BYTE_LEVEL, model: null }) }, /does not describe/],
    [
      'an unknown part',
      { 'tokenizer.json': JSON.stringify({ ...BYTE_LEVEL, normalizer: { type: 'Nmt' } }) },
      /does not describe .*Nmt/,
    ],
    [
      'a costly decoder',
      {
        'tokenizer.json': JSON.stringify({
          ...BYTE_LEVEL,
          decoder: { type: 'Replace', pattern: { Regex: '([^!]+)+!$' }, content: '' },
        }),
      },
      /tokenizer\.json does not describe .*its decoder .* may take for ever/,
    ],
    [
      'a broken config',
      { 'tokenizer.json': good, 'tokenizer_config.json': '?' },
      /tokenizer_config\.json is not valid/,
    ],
  ];
  for (const [name, files, message] of cases) {
    await t.rejects(loadTokenizer(t.testdir(files)), { code: 'invalid_model', message }, name);
  }
  const folder = t.testdir();
  await mkdir(path.join(folder, 'tokenizer.json'));
  await t.rejects(loadTokenizer(folder), {
    code: 'invalid_model',
    message: /tokenizer\.json is a folder, not a regular file/,
  });
});

t.test('splitting at word starts changes no ids', async t => {
  const { post_processor: _postProcessor, ...definition } = BYTE_FALLBACK;
  const split = createTokenizer({ ...definition, post_processor: null });
  // A pre-tokenizer that cuts nothing stands in the way of the split.
  const whole = createTokenizer({
    ...definition,
    post_processor: null,
    pre_tokenizer: { type: 'Sequence', pretokenizers: [] },
  });
  const texts = fc.array(fc.constantFrom('the', ' ', '  ', 'a', 'é', '☃', '▁', '\n', 'x'), { maxLength: 20 });
  const same = fc.property(texts, parts => {
    const text = parts.join('');
    t.strictSame(split.encode(text), whole.encode(text), text);
  });
  fc.assert(same, runs(100));
  const long = 'the a '.repeat(20_000);
  const start = performance.now();
  t.equal(split.decode(split.encode(long)), long);
  t.ok(performance.now() - start < 5000, 'a long text takes no time to speak of');
});

t.test('vocabularies whose tokens reach over word starts are left alone', async t => {
  const model = BYTE_FALLBACK.model as { vocab: Record<string, number>; merges: string[] };
  const vocab = { ...model.vocab, 'e▁': 1000, 'e▁a': 1001 };
  const merges = ['e ▁', 'e▁ a', ...model.merges];
  const tokenizer = createTokenizer({ ...BYTE_FALLBACK, model: { ...model, vocab, merges } });
  t.strictSame(tokenizer.encode('e a').slice(-1), [1001]);
});

t.test('WordPiece decodes to words', async t => {
  const tokenizer = wordPieceTokenizer();
  t.equal(tokenizer.decode(tokenizer.encode('the tokenizer')), 'the tokenizer');
});

/** Ids that Hugging Face's own tokenizers give. */
const KNOWN = [
  ['bert-minilm', 'Hello, world!', [101, 7592, 1010, 2088, 999, 102]],
  ['roberta-base', 'Hello, world!', [0, 31414, 6, 232, 328, 2]],
  ['t5-small', 'Hello, world!', [8774, 6, 296, 55, 1]],
  ['llama2', 'Hello, world!', [1, 15043, 29892, 3186, 29991]],
] as const;
for (const [name, text, ids] of KNOWN) {
  t.test(`the real ${name}`, { skip: skipWithout(`tokenizers/${name}`) }, async t => {
    const tokenizer = await loadTokenizer(sharedModel(`tokenizers/${name}`));
    t.strictSame(tokenizer.encode(text), ids);
    t.equal(tokenizer.decode([...ids]), name === 'bert-minilm' ? 'hello, world!' : text);
  });
}

t.test('the real stories260k', { skip: skipWithout('stories260k') }, async t => {
  const tokenizer = await loadTokenizer(sharedModel('stories260k'));
  const story = [403, 407, 261, 378, 432, 383, 286, 261, 376, 298];
  t.equal(tokenizer.decode([1, ...story]).slice(0, 4), 'Once');
  t.strictSame(tokenizer.encode(tokenizer.decode(story)), [1, ...story]);
  t.equal(tokenizer.vocabularySize, 512);
});
