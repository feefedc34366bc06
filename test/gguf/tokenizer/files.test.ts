import fc from 'fast-check';
import t from 'tap';
import { KvasirError } from '#errors.js';
import { GgufMetadata, type GgufValue } from '#gguf/metadata.js';
import { tokenizerFiles } from '#gguf/tokenizer/index.js';
import { ggufTokenizer, tokenizerMetadata } from '#test/support/gguf-tokenizer.js';
import { runs } from '#test/support/property-runs.js';

type Changes = Readonly<Record<string, GgufValue | undefined>>;

const KEY = 'tokenizer.ggml';

async function json(name: string, file: string, changes: Changes = {}): Promise<Record<string, unknown>> {
  const contents = tokenizerFiles(await tokenizerMetadata(name, changes)).get(file);
  return JSON.parse(contents as string) as Record<string, unknown>;
}

const TINY: Changes = {
  'general.architecture': 'llama',
  [`${KEY}.model`]: 'gpt2',
  [`${KEY}.pre`]: 'gpt-2',
  [`${KEY}.merges`]: [],
};

/** The tokens that end texts, of a vocabulary with these tokens; `*` marks those that control the model. */
function endsOf(tokens: readonly string[], changes: Changes = {}): unknown {
  const values = {
    ...TINY,
    [`${KEY}.tokens`]: tokens.map(token => token.replace('*', '')),
    [`${KEY}.token_type`]: Int32Array.from(tokens, token => (token.startsWith('*') ? 3 : 1)),
    ...changes,
  };
  const metadata = new GgufMetadata('x.gguf', new Map(Object.entries(values) as [string, GgufValue][]));
  const config = JSON.parse(tokenizerFiles(metadata).get('generation_config.json') as string) as {
    eos_token_id?: readonly number[];
  };
  return config.eos_token_id?.map(id => tokens[id]);
}

t.test('what ends a text: tokens with such roles, and those of known names', async t => {
  t.strictSame(endsOf(['a', 'b']), undefined);
  t.strictSame(endsOf(['a', 'b', 'c'], { [`${KEY}.eos_token_id`]: 2, [`${KEY}.eot_token_id`]: 0 }), [
    'a',
    'c',
  ]);
  t.strictSame(
    endsOf(['<|im_end|>', '<|endoftext|>']),
    ['<|im_end|>', '<|endoftext|>'],
    'whatever their types',
  );
  t.strictSame(endsOf(['</s>', '*</s>2', '*[EOT]', '[EOS]']), ['*[EOT]'], 'a word is no end');
  t.strictSame(endsOf(['*<|end|>', '*<|return|>', '*<|call|>']), ['*<|return|>', '*<|call|>'], 'gpt-oss');
  t.strictSame(endsOf(['*<|end|>', '*<|return|>']), ['*<|end|>', '*<|return|>']);
  t.strictSame(endsOf(['*</s>', '*<|tool_response>']), ['*<|tool_response>']);
  t.strictSame(endsOf(['a', '*<|fim_pad|>', '*<|file_sep|>']), ['*<|fim_pad|>', '*<|file_sep|>']);
});

t.test('how tokens are drawn', async t => {
  const drawn = await json('qwen2', 'generation_config.json', {
    'general.sampling.temp': Math.fround(0.7),
    'general.sampling.top_k': 20,
    'general.sampling.top_p': Math.fround(0.95),
    'general.sampling.min_p': 0,
    'general.sampling.penalty_repeat': Math.fround(1.05),
    [`${KEY}.suppress_tokens`]: Int32Array.of(3, 4),
  });
  t.match(drawn, {
    do_sample: true,
    temperature: 0.7,
    top_k: 20,
    top_p: 0.95,
    min_p: 0,
    repetition_penalty: 1.05,
    suppress_tokens: [3, 4],
  });
  t.match(await json('qwen2', 'generation_config.json', { 'general.sampling.temp': 0 }), {
    do_sample: false,
  });
  t.notHas(await json('qwen2', 'generation_config.json'), { do_sample: true });
});

t.test('chat templates', async t => {
  const files = tokenizerFiles(
    await tokenizerMetadata('qwen2', { 'tokenizer.chat_template.tool_use': 'with tools' }),
  );
  t.match(files.get('chat_template.jinja'), /im_start/);
  t.equal(files.get('additional_chat_templates/tool_use.jinja'), 'with tools');
  const climbing = await tokenizerMetadata('qwen2', { 'tokenizer.chat_template.../x': '' });
  t.throws(() => tokenizerFiles(climbing), { code: 'invalid_model', message: /cannot be a file's/ });
  t.notOk(tokenizerFiles(await tokenizerMetadata('llama')).has('chat_template.jinja'));
});

t.test('what stands around texts', async t => {
  const ids = async (name: string, changes: Changes): Promise<readonly number[]> => {
    const tokenizer = await ggufTokenizer(t.testdir({}), await tokenizerMetadata(name, changes));
    return tokenizer.encodeWithOffsets('a', 'a').ids;
  };
  const [a] = (await ids('llama', { [`${KEY}.add_bos_token`]: false })) as [number];
  const both = { [`${KEY}.add_bos_token`]: true, [`${KEY}.add_eos_token`]: true };
  t.strictSame(await ids('llama', {}), [1, a, 1, a]);
  t.strictSame(await ids('llama', { [`${KEY}.add_bos_token`]: undefined }), [1, a, 1, a], 'by default');
  t.strictSame(await ids('llama', both), [1, a, 2, 1, a, 2]);
  const separated = { ...both, [`${KEY}.add_sep_token`]: true, [`${KEY}.seperator_token_id`]: 0 };
  t.strictSame(await ids('llama', separated), [1, a, 2, 0, a, 2]);
  const [b] = (await ids('qwen2', {})) as [number];
  t.strictSame(await ids('qwen2', { [`${KEY}.bos_token_id`]: 7, ...both, [`${KEY}.eos_token_id`]: 8 }), [
    7,
    b,
    8,
    7,
    b,
    8,
  ]);
  await t.rejects(ids('qwen2', { [`${KEY}.add_sep_token`]: true }), {
    code: 'invalid_model',
    message: /add_sep_token is true, but no token has that role/,
  });
});

t.test('pieces without scores of their own are joined in the order of their ids', async t => {
  const original = await tokenizerMetadata('llama');
  const { length } = original.strings(`${KEY}.tokens`);
  const scores = new Float32Array(length).fill(-1000);
  const unscored = await tokenizerMetadata('llama', { [`${KEY}.scores`]: scores });
  const [first, second] = [t.testdir({ a: {}, b: {} })].flatMap(folder => [`${folder}/a`, `${folder}/b`]);
  const [one, other] = [await ggufTokenizer(first!, original), await ggufTokenizer(second!, unscored)];
  for (const text of ['The quick brown fox jumps over the lazy dog.', 'naïve 中文\n  x'])
    t.strictSame(other.encode(text), one.encode(text));
});

t.test("Phi-3's tokens take the white space behind them", async t => {
  const plain = await tokenizerMetadata('llama');
  const phi = await tokenizerMetadata('llama', { 'general.architecture': 'phi3' });
  const folder = t.testdir({ a: {}, b: {} });
  const [one, other] = [await ggufTokenizer(`${folder}/a`, plain), await ggufTokenizer(`${folder}/b`, phi)];
  t.strictSame(other.encode('<|im_start|>\n a'), one.encode('<|im_start|>a'));
  t.notSame(one.encode('<|im_start|>\n a'), one.encode('<|im_start|>a'));
  t.strictSame(other.encode('<s>\na'), one.encode('<s>\na'));
});

t.test('a BERT whose file does not say whether it lowers', async t => {
  const unsaid = { [`${KEY}.normalizer.lowercase`]: undefined };
  const cased = await json('bert-cased', 'tokenizer.json', unsaid);
  t.match(cased.normalizer, { lowercase: false, strip_accents: false }, 'it knows capitals');
  const { length } = (await tokenizerMetadata('bert-cased')).strings(`${KEY}.tokens`);
  const uncased = await json('bert-cased', 'tokenizer.json', {
    ...unsaid,
    [`${KEY}.tokens`]: Array.from({ length }, (_, id) => `▁word${id}`),
  });
  t.match(uncased.normalizer, { lowercase: true, strip_accents: true });
});

t.test('refusals', async t => {
  const cases: readonly (readonly [name: string, changes: Changes, code: string, message: RegExp])[] = [
    [
      'qwen2',
      { [`${KEY}.model`]: 'rwkv' },
      'unsupported_model',
      /tokenizer "rwkv" .* llama, t5, gpt2, gemma4, bert are/,
    ],
    ['qwen2', { [`${KEY}.model`]: undefined }, 'unsupported_model', /tokenizer "none"/],
    [
      'qwen2',
      { [`${KEY}.pre`]: 'new-one' },
      'unsupported_model',
      /"new-one" .* gguf-new-metadata --pre-tokenizer/,
    ],
    ['qwen2', { [`${KEY}.pre`]: undefined }, 'unsupported_model', /does not say how texts are cut/],
    ['qwen2', { [`${KEY}.pre`]: 'default' }, 'unsupported_model', /does not say how texts are cut/],
    ['qwen2', { [`${KEY}.merges`]: undefined }, 'invalid_model', /merges is missing/],
    ['qwen2', { [`${KEY}.merges`]: ['ab'] }, 'invalid_model', /"ab", which is no pair/],
    ['qwen2', { [`${KEY}.tokens`]: ['a', 'b', 'a'] }, 'invalid_model', /the tokens 0 and 2 are both "a"/],
    ['qwen2', { [`${KEY}.tokens`]: [] }, 'invalid_model', /tokens is empty/],
    ['qwen2', { [`${KEY}.token_type`]: Int32Array.of(1) }, 'invalid_model', /token_type has 1 entries, but/],
    ['qwen2', { [`${KEY}.eos_token_id`]: 1e6 }, 'invalid_model', /eos_token_id is 1000000, but there are/],
    ['llama', { [`${KEY}.scores`]: undefined }, 'invalid_model', /scores is missing/],
    ['llama', { [`${KEY}.scores`]: new Float32Array(600).fill(NaN) }, 'invalid_model', /not finite/],
    ['t5', { [`${KEY}.precompiled_charsmap`]: 'x' }, 'invalid_model', /no list of bytes/],
  ];
  for (const [name, changes, code, message] of cases) {
    const metadata = await tokenizerMetadata(name, changes);
    t.throws(() => tokenizerFiles(metadata), { code, message }, String(message));
  }
});

t.test('whatever a file says, it is read or refused', async () => {
  const names = ['llama', 'qwen2', 'bert-cased', 't5'] as const;
  const originals = await Promise.all(names.map(name => tokenizerMetadata(name)));
  const keys = [...new Set(originals.flatMap(metadata => [...metadata.keys()]))];
  const value = fc.oneof(
    fc.constantFrom<GgufValue | undefined>(
      undefined,
      -1,
      0,
      2 ** 31,
      1n << 63n,
      true,
      '',
      'gpt2',
      't5',
      [],
      [[]],
    ),
    fc.array(fc.string({ maxLength: 3 }), { maxLength: 5 }),
    fc.array(fc.integer({ min: -9, max: 9 }), { maxLength: 600 }).map(list => Int32Array.from(list)),
    fc.uint8Array({ maxLength: 40 }),
  );
  const changes = fc.array(fc.tuple(fc.constantFrom(...keys), value), { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(fc.constantFrom(...originals), changes, (original, changed) => {
      const values = new Map([...original.keys()].map(key => [key, original.get(key)!]));
      for (const [key, changedValue] of changed) {
        if (changedValue === undefined) values.delete(key);
        else values.set(key, changedValue);
      }
      try {
        tokenizerFiles(new GgufMetadata('x.gguf', values));
      } catch (error) {
        if (!(error instanceof KvasirError)) throw error;
      }
    }),
    runs(300),
  );
});
