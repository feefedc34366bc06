import t, { type Test } from 'tap';
import { loadTokenizer, requireTokenizerFiles } from '#text/tokenizer.js';
import type { Tokenizer } from '#text/types.js';
import {
  SENTENCEPIECE,
  sentencePieceFolder,
  sentencePieceModel,
} from '#test/support/sentencepiece-fixtures.js';

const { texts, folders } = SENTENCEPIECE;

/** Transformers removes spaces at the ends, and has more replacement characters. */
function tidy(text: string): string {
  return text.replace(/\ufffd+/g, '\ufffd').trim();
}

for (const [name, { ids, decoded, size, pair }] of Object.entries(folders))
  t.test(`${name}: the ids and texts of transformers`, async t => {
    const folder = t.testdir(sentencePieceFolder(name));
    await requireTokenizerFiles(folder);
    const tokenizer = await loadTokenizer(folder);
    t.equal(tokenizer.vocabularySize, size);
    t.strictSame(tokenizer.encodeWithOffsets('Hello world', 'the fox').ids, pair);
    t.equal(tokenizer.mayExplode, false);
    const isPlainAdded = (id: number): boolean =>
      !tokenizer.specialIds.has(id) && /^<(mask|extra)>$/.test(tokenizer.token(id) ?? '');
    texts.forEach((text, i) => {
      t.strictSame(tokenizer.encode(text), ids[i], JSON.stringify(text));
      // Transformers puts spaces around added tokens that are not special.
      if (!ids[i]!.some(isPlainAdded)) t.equal(tidy(tokenizer.decode(ids[i]!)), tidy(decoded[i]!));
    });
  });

t.test('every id has a spelling, and every spelling its id', async t => {
  for (const name of Object.keys(folders)) {
    const tokenizer = await load(t, name);
    const unnamed: number[] = [];
    for (let id = 0; id < tokenizer.vocabularySize; id++) {
      const token = tokenizer.token(id);
      if (token === undefined || (tokenizer.id(token) !== id && !isShared(tokenizer, token)))
        unnamed.push(id);
    }
    t.strictSame(unnamed, [], name);
    t.equal(tokenizer.token(tokenizer.vocabularySize), undefined);
    t.equal(tokenizer.token(-1), undefined);
    t.equal(tokenizer.token(0.5), undefined);
  }
});

/** Spelled by the model, too, which numbers it in another way. */
function isShared(tokenizer: Tokenizer, token: string): boolean {
  return tokenizer.specialIds.has(tokenizer.id(token)!);
}

t.test('tells where tokens come from, without the space before them', async t => {
  const tokenizer = await load(t, 'm2m100');
  const text = ' the  quick\u3000<unk> ｂrown';
  const { ids, origins, typeIds } = tokenizer.encodeWithOffsets(text);
  t.strictSame(ids, tokenizer.encode(text));
  t.equal(typeIds.length, ids.length);
  t.strictSame([origins[0], origins.at(-1)], [undefined, undefined], 'special tokens');
  const parts = origins.slice(1, -1).map(origin => text.slice(origin!.start, origin!.end));
  t.equal(
    parts.find(part => part !== ''),
    'th',
  );
  t.ok(parts.includes('<unk>'));
  t.equal(parts.join('').replace(/\s/g, ''), 'thequick<unk>ｂrown');
});

t.test('a marked language is a token, unknown ones too', async t => {
  const tokenizer = await load(t, 'marian-multilingual');
  t.equal(tokenizer.token(tokenizer.encode('>>fra<< Hello')[0]!), '>>fra<<');
  t.equal(tokenizer.token(tokenizer.encode('>>tlh<< Hello')[0]!), '<unk>');
  const { origins } = tokenizer.encodeWithOffsets('>>fra<< Hello');
  t.strictSame(origins[0], { text: 0, start: 0, end: 7 });
});

t.test('what is written is joined by the model of the target', async t => {
  const tokenizer = await load(t, 'marian');
  const fuchs = 'Der schnelle Fuchs';
  const other = await loadTokenizer(
    t.testdir({ ...sentencePieceFolder('marian'), 'source.spm': sentencePieceModel('others') }),
  );
  t.equal(tokenizer.decode(other.encode(fuchs)), fuchs);
});

t.test('tokens of a word of their own, and what tokens take along', async t => {
  const token = (content: string, more: object): object => ({ content, special: false, ...more });
  const tokenizer = await loadTokenizer(
    t.testdir({
      ...sentencePieceFolder('llama'),
      'tokenizer_config.json': JSON.stringify({
        add_bos_token: false,
        added_tokens_decoder: {
          420: token('fox', { single_word: true }),
          421: token('<L>', { lstrip: true }),
          422: token('<R>', { rstrip: true, special: true }),
        },
      }),
    }),
  );
  const tokens = (text: string): (string | undefined)[] =>
    tokenizer.encode(text).map(id => tokenizer.token(id));
  t.ok(tokens('a fox b').includes('fox'));
  t.notOk(tokens('foxes').includes('fox'));
  t.notOk(tokens('a.fox').includes('fox'));
  t.strictSame(tokens('a  <L> '), ['▁a', '<L>', '▁', '▁']);
  t.strictSame(tokens('a <R>  '), ['▁a', '▁', '<R>']);
  t.ok(tokenizer.specialIds.has(422));
  t.notOk(tokenizer.specialIds.has(421));
});

t.test('what cannot be read is refused by its name', async t => {
  const marian = sentencePieceFolder('marian');
  const without = (...names: string[]): Record<string, Buffer | string> =>
    Object.fromEntries(Object.entries(marian).filter(([name]) => !names.includes(name)));
  const config = (fields: object): Record<string, Buffer | string> => ({
    ...marian,
    'tokenizer_config.json': JSON.stringify(fields),
  });
  const cases: [string, Record<string, Buffer | string>, RegExp][] = [
    ['nothing', {}, /tokenizer\.json is missing, and no tokenizer_class is named/],
    [
      'another class',
      { 'config.json': '{"tokenizer_class":"BertTokenizer"}' },
      /missing, and a BertTokenizer needs it/,
    ],
    ['a class of objects', { 'config.json': '{"tokenizer_class":"toString"}' }, /a toString needs it/],
    [
      'no file',
      without('source.spm', 'target.spm', 'vocab.json'),
      /and so is source\.spm, target\.spm, vocab\.json, of which a MarianTokenizer/,
    ],
    [
      'one file',
      without('source.spm', 'vocab.json'),
      /and so is source\.spm, vocab\.json beside target\.spm/,
    ],
    ['a folder for a file', { ...marian, 'source.spm': {} as string }, /source\.spm is a folder/],
    ['no model', { ...marian, 'target.spm': 'text' }, /target\.spm is not a usable SentencePiece model/],
    ['no list', { ...marian, 'vocab.json': '[]' }, /vocab\.json is not a JSON object/],
    ['no ids', { ...marian, 'vocab.json': '{"<unk>":1,"</s>":0,"a":-1}' }, /the id of "a" is none/],
    [
      'huge ids',
      { ...marian, 'vocab.json': '{"<unk>":1,"</s>":0,"a":99999999999}' },
      /the id of "a" is none/,
    ],
    ['no unknown token', { ...marian, 'vocab.json': '{"</s>":0}' }, /no token "<unk>"/],
    ['separate lists', config({ separate_vocabs: true }), /separate_vocabs true is not supported/],
    ['sampling', config({ sp_model_kwargs: { enable_sampling: true } }), /enable_sampling is not supported/],
    ['a token without a content', config({ eos_token: {} }), /eos_token has a token without a content/],
    [
      'tokens that are none',
      config({ additional_special_tokens: 'x' }),
      /additional_special_tokens is no list/,
    ],
    ['an id that is none', config({ added_tokens_decoder: { x: { content: 'x' } } }), /is no id of a token/],
    [
      'a language that is none',
      { ...sentencePieceFolder('m2m100'), 'tokenizer_config.json': '{"src_lang":"xx"}' },
      /no token "__xx__"/,
    ],
    [
      'a flag that is none',
      { ...sentencePieceFolder('t5'), 'tokenizer_config.json': '{"legacy":"no"}' },
      /legacy is neither true nor false/,
    ],
    [
      'a number that is none',
      { ...sentencePieceFolder('t5'), 'tokenizer_config.json': '{"extra_ids":1e9}' },
      /extra_ids is no number from 0/,
    ],
  ];
  for (const [name, files, message] of cases) {
    const folder = t.testdir(files);
    await t.rejects(loadTokenizer(folder), { code: 'invalid_model', message }, name);
  }
  const folder = t.testdir(without('vocab.json'));
  await t.rejects(requireTokenizerFiles(folder), { code: 'invalid_model', message: /vocab\.json beside/ });
});

t.test('the class: by config.json where tokenizer_config.json does not name it', async t => {
  const { 'config.json': _, ...files } = sentencePieceFolder('t5');
  const { 'tokenizer_config.json': __, ...bare } = files;
  for (const model_type of ['t5', 'mt5', 'umt5']) {
    const folder = t.testdir({ ...bare, 'config.json': JSON.stringify({ model_type }) });
    t.equal((await loadTokenizer(folder)).vocabularySize, folders.t5!.size);
  }
  const named = {
    ...bare,
    'config.json': '{"model_type":"x"}',
    'tokenizer_config.json': '{"tokenizer_class":"MT5Tokenizer"}',
  };
  t.equal((await loadTokenizer(t.testdir(named))).vocabularySize, folders.t5!.size);
});

t.test('NLLB without a list of tokens: languages, then the mask', async t => {
  const { 'tokenizer_config.json': _, ...bare } = sentencePieceFolder('nllb');
  const tokenizer = await loadTokenizer(t.testdir(bare));
  const listed = await load(t, 'nllb');
  t.equal(tokenizer.id('eng_Latn'), listed.id('eng_Latn'));
  t.equal(tokenizer.id('zul_Latn'), listed.id('zul_Latn'));
  t.equal(tokenizer.maskId, tokenizer.vocabularySize - 1);
  t.equal(tokenizer.encode('')[0], tokenizer.id('eng_Latn'));
});

async function load(t: Test, name: string): Promise<Tokenizer> {
  return loadTokenizer(t.testdir(sentencePieceFolder(name)));
}
