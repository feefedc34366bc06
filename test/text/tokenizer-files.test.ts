import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { loadTokenizer } from '#text/tokenizer.js';
import type { Tokenizer } from '#text/types.js';
import { BYTE_LEVEL, WORD_PIECE } from '#test/support/tiny-tokenizers.js';

/** What transformers makes of a `vocab.txt`: see `make_word_pieces.py`. */
interface Expected {
  readonly texts: readonly string[];
  readonly results: readonly {
    /** Of `tokenizer_config.json`. */
    readonly settings: Readonly<Record<string, unknown>>;
    readonly ids: readonly (readonly number[])[];
    /** Ids and segments of the first text with the fourth. */
    readonly pair: readonly [ids: readonly number[], segments: readonly number[]];
  }[];
}

const FIXTURE = fileURLToPath(new URL('../../../test/fixtures/word-pieces/', import.meta.url));
let count = 0;

async function load(t: Test, files: Readonly<Record<string, unknown>>): Promise<Tokenizer> {
  const folder = path.join(t.testdirName, `${count++}`);
  // What an earlier run has left would count.
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (const [name, content] of Object.entries(files))
    await writeFile(path.join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
  return loadTokenizer(folder);
}

t.test('vocab.txt of a BERT is read as transformers reads it', async t => {
  const vocabulary = await readFile(path.join(FIXTURE, 'vocab.txt'), 'utf8');
  const { texts, results } = JSON.parse(
    await readFile(path.join(FIXTURE, 'expected.json'), 'utf8'),
  ) as Expected;
  for (const { settings, ids, pair } of results) {
    const tokenizer = await load(t, { 'vocab.txt': vocabulary, 'tokenizer_config.json': settings });
    texts.forEach((text, i) =>
      t.strictSame(tokenizer.encode(text), ids[i], `${JSON.stringify(settings)}: ${text}`),
    );
    const both = tokenizer.encodeWithOffsets(texts[0]!, texts[3]);
    t.strictSame([both.ids, both.typeIds], pair);
  }
  const windows = await load(t, { 'vocab.txt': vocabulary.replaceAll('\n', '\r\n') });
  t.strictSame(windows.encode(texts[0]!), results[0]!.ids[0]);
});

t.test('what cannot be converted is refused, with the way to convert it', async t => {
  const cases: [Record<string, unknown>, RegExp][] = [
    [{ 'spiece.model': 'x', 'tokenizer_config.json': {} }, /there is spiece\.model\. .*save_pretrained/],
    [{ 'vocab.json': {}, 'merges.txt': '' }, /there is merges\.txt, vocab\.json/],
    [
      {
        'vocab.txt': '[UNK]\n[CLS]\n[SEP]',
        'tokenizer_config.json': { tokenizer_class: 'PhobertTokenizer' },
      },
      /vocab\.txt of a PhobertTokenizer/,
    ],
    [{ 'vocab.txt': 'a\nb\n' }, /vocab\.txt has no \[UNK\]/],
  ];
  const lowered = { 'spiece.model': 'x', 'sentence_bert_config.json': { do_lower_case: true } };
  cases.push([lowered, /do_lower_case is true, which is obeyed with a tokenizer\.json only/]);
  for (const [files, message] of cases)
    await t.rejects(load(t, files), { code: 'unsupported_model', message });
});

t.test('do_lower_case of sentence-transformers lowers texts that nobody else lowers', async t => {
  const settings = { 'sentence_bert_config.json': { do_lower_case: true } };
  const plain = await load(t, { 'tokenizer.json': BYTE_LEVEL });
  const lowered = await load(t, { 'tokenizer.json': BYTE_LEVEL, ...settings });
  t.strictSame(lowered.encode('THE Fox'), plain.encode('the fox'));
  t.notSame(plain.encode('THE Fox'), plain.encode('the fox'));
  t.strictSame(lowered.encodeWithOffsets('THE Fox').ids, plain.encode('the fox'));
  const normalizer = { type: 'NFC' };
  const composed = await load(t, { 'tokenizer.json': { ...BYTE_LEVEL, normalizer }, ...settings });
  t.strictSame(composed.encode('E\u0301'), plain.encode('é'));
  const both = await load(t, { 'tokenizer.json': WORD_PIECE, ...settings });
  t.strictSame(both.encode('The'), (await load(t, { 'tokenizer.json': WORD_PIECE })).encode('the'));
  const off = { 'sentence_bert_config.json': { do_lower_case: false } };
  t.strictSame((await load(t, { 'tokenizer.json': BYTE_LEVEL, ...off })).encode('T'), plain.encode('T'));
});

t.test('model_input_names without segments', async t => {
  const config = { model_input_names: ['input_ids', 'attention_mask'] };
  const files = { 'tokenizer.json': WORD_PIECE };
  const without = await load(t, { ...files, 'tokenizer_config.json': config });
  const typeIds = (tokenizer: Tokenizer) => [...new Set(tokenizer.encodeWithOffsets('a', 'b').typeIds)];
  t.strictSame(typeIds(without), [0]);
  t.strictSame(typeIds(await load(t, files)), [0, 1]);
});
