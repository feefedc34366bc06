import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import t from 'tap';
import { GgufMetadata, type GgufValue } from '#gguf/metadata.js';
import { preTokenizerNames } from '#gguf/tokenizer/pre-tokenizers.js';
import { GGUF_TOKENIZERS, ggufTokenizer, tokenizerMetadata } from '#test/support/gguf-tokenizer.js';

interface Expected {
  readonly texts: readonly string[];
  readonly results: Readonly<
    Record<
      string,
      {
        readonly plain: readonly (readonly number[])[];
        readonly whole: readonly (readonly number[])[];
        readonly pair: readonly [ids: readonly number[], typeIds: readonly number[]];
      }
    >
  >;
}

interface Cuts {
  readonly texts: readonly string[];
  readonly tokens: readonly string[];
  readonly merges: readonly string[];
  /** Per pre-tokenizer and text, the beginning of a digest of its ids. */
  readonly digests: Readonly<Record<string, string>>;
}

const read = (name: string): unknown => JSON.parse(readFileSync(path.join(GGUF_TOKENIZERS, name), 'utf8'));

t.test("what llama.cpp's converter writes gives the ids of the original", async t => {
  const { texts, results } = read('expected.json') as Expected;
  for (const [name, { plain, whole, pair }] of Object.entries(results)) {
    const tokenizer = await ggufTokenizer(t.testdir({}), await tokenizerMetadata(name));
    texts.forEach((text, i) => {
      t.strictSame(tokenizer.encode(text, { addSpecialTokens: false }), plain[i], `${name}: ${text}`);
      t.strictSame(tokenizer.encodeWithOffsets(text).ids, whole[i], `${name}, whole: ${text}`);
    });
    const encoding = tokenizer.encodeWithOffsets(texts[4]!, texts[8]);
    t.strictSame(encoding.ids, pair[0], `${name}: a pair`);
    if (name.startsWith('bert')) t.strictSame(encoding.typeIds, pair[1], `${name}: segments`);
  }
});

t.test('each pre-tokenizer cuts as its expressions do in Python', async t => {
  const { texts, tokens, merges, digests } = read('cuts.json') as Cuts;
  const metadata = (pre: string): GgufMetadata =>
    new GgufMetadata(
      pre,
      new Map<string, GgufValue>([
        ['tokenizer.ggml.model', 'gpt2'],
        ['tokenizer.ggml.pre', pre],
        ['tokenizer.ggml.tokens', tokens],
        ['tokenizer.ggml.merges', merges],
      ]),
    );
  const untried = preTokenizerNames().filter(name => digests[name] === undefined);
  t.strictSame(untried, ['gemma4', 'granite-embed-multi-311m', 'sarvam-moe'], 'those over characters');
  for (const [name, expected] of Object.entries(digests)) {
    const tokenizer = await ggufTokenizer(t.testdir({}), metadata(name));
    const digestOf = (text: string): string =>
      createHash('sha256')
        .update(tokenizer.encode(text, { addSpecialTokens: false }).join())
        .digest('hex')
        .slice(0, 8);
    const known = expected.split(' ');
    t.strictSame(
      texts.filter((text, i) => digestOf(text) !== known[i]),
      [],
      name,
    );
  }
});
