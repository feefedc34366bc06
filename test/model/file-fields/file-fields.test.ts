import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { fileWarnings, type FilesThatCount } from '#model/file-fields/file-warnings.js';
import { KNOWN_FIELDS, knownField, type KnownFields } from '#model/file-fields/known-fields.js';

const FIXTURES = fileURLToPath(new URL('../../../../test/fixtures/', import.meta.url));

/** What transformers and sentence-transformers have: see `make_file_fields.py`. */
interface Reference {
  readonly tokenizer: readonly string[];
  readonly generation: readonly string[];
  readonly sentences: readonly string[];
  readonly transformer: readonly string[];
  readonly modules: Readonly<Record<string, readonly string[]>>;
  readonly sound: readonly string[];
}

/** Fields that are warned of, whatever they say: of tokenizers that do more than their tokenizer.json says. */
const WARNED = ['do_upper_case', 'max_target_length', 'mode', 'model', 'never_split', 'tokenizer_path'];

t.test('each field that the libraries have is read, harmless for a reason, or warned of', async t => {
  const reference = JSON.parse(await readFile(path.join(FIXTURES, 'file-fields.json'), 'utf8')) as Reference;
  /** Known for some value. */
  const isDecided = (known: readonly KnownFields[], name: string): boolean =>
    knownField(
      known.map(({ why, fields }) => ({ why, fields })),
      name,
    ) !== undefined;
  const undecided = (known: readonly KnownFields[], names: readonly string[]): readonly string[] =>
    names.filter(name => !isDecided(known, name) && !WARNED.includes(name));
  for (const file of ['tokenizer', 'generation', 'sentences', 'transformer', 'sound'] as const)
    t.strictSame(undecided(KNOWN_FIELDS[file], reference[file]), [], file);
  t.strictSame(Object.keys(reference.modules).sort(), Object.keys(KNOWN_FIELDS.modules).sort());
  for (const [type, names] of Object.entries(reference.modules))
    t.strictSame(undecided(KNOWN_FIELDS.modules[type]!, names), [], type);
  for (const name of WARNED) t.notOk(isDecided(KNOWN_FIELDS.tokenizer, name), name);
});

const MODULES = [
  { idx: 0, name: '0', path: '', type: 'sentence_transformers.models.Transformer' },
  { idx: 1, name: '1', path: '1_Pooling', type: 'sentence_transformers.models.Pooling' },
];

t.test('other fields are named with their file', async t => {
  const warnings = (files: Readonly<Record<string, object>>, what: FilesThatCount) => {
    const contents = Object.entries(files).map(([name, fields]) => [name, JSON.stringify(fields)] as const);
    const folder = t.testdir({});
    const whole = Object.fromEntries(contents.filter(([name]) => !name.includes('/')));
    const nested = contents
      .filter(([name]) => name.includes('/'))
      .map(([name, text]) => [name.split('/'), text] as const);
    for (const [[place, name], text] of nested) Object.assign(whole, { [place!]: { [name!]: text } });
    t.testdir(whole);
    return fileWarnings(folder, what);
  };
  t.match(
    await warnings({ 'tokenizer_config.json': { split_special_tokens: true, odd: 1, other: null } }, {}),
    [/^tokenizer_config.json has fields that nobody reads: split_special_tokens, odd; if they matter, /],
  );
  t.match(await warnings({ 'tokenizer_config.json': { truncation_side: 'left' } }, {}), [
    /^tokenizer_config.json has a field that nobody reads: truncation_side; if it matters, /,
  ]);
  const generation = { 'generation_config.json': { odd: 1 } };
  t.match(await warnings(generation, { generates: true }), [/^generation_config.json .*: odd;/]);
  t.strictSame(await warnings(generation, {}), []);
  t.match(await warnings({ 'preprocessor_config.json': { odd: 1 } }, { hears: true }), [
    /^preprocessor_config.json .*odd/,
  ]);
  const nested = { 'processor_config.json': { odd: 1, feature_extractor: { mel_floor: 1 } } };
  t.match(await warnings(nested, { hears: true }), [/^processor_config.json .*mel_floor/]);
  const sentences = {
    'modules.json': MODULES,
    'config_sentence_transformers.json': { odd_prefix: '[Q] ' },
    'sentence_bert_config.json': { tokenizer_name_or_path: 'other' },
    '1_Pooling/config.json': { pooling_mode_odd_tokens: true },
  };
  t.match(await warnings(sentences, { encoderFolder: '' }), [
    /^config_sentence_transformers.json .*odd_prefix/,
    /^sentence_bert_config.json .*tokenizer_name_or_path/,
    /^1_Pooling.config.json .*pooling_mode_odd_tokens/,
  ]);
});

/** As they are published. */
const TOKENIZERS: readonly object[] = [
  {
    clean_up_tokenization_spaces: true,
    cls_token: '[CLS]',
    do_basic_tokenize: true,
    do_lower_case: true,
    mask_token: '[MASK]',
    model_max_length: 512,
    never_split: null,
    pad_token: '[PAD]',
    sep_token: '[SEP]',
    strip_accents: null,
    tokenize_chinese_chars: true,
    tokenizer_class: 'BertTokenizer',
    unk_token: '[UNK]',
    name_or_path: 'nreimers/MiniLM-L6-H384-uncased',
    special_tokens_map_file: '/home/x/special_tokens_map.json',
    max_length: 128,
    stride: 0,
    truncation_side: 'right',
    truncation_strategy: 'longest_first',
    pad_to_multiple_of: null,
    pad_token_type_id: 0,
    padding_side: 'right',
    extra_special_tokens: {},
    added_tokens_decoder: {},
  },
  {
    add_bos_token: true,
    add_eos_token: false,
    add_prefix_space: null,
    added_tokens_decoder: {},
    additional_special_tokens: [],
    bos_token: { __type: 'AddedToken', content: '<s>' },
    chat_template: '{{ messages }}',
    clean_up_tokenization_spaces: false,
    eos_token: '</s>',
    legacy: false,
    model_max_length: 1e30,
    pad_token: null,
    padding_side: 'left',
    sp_model_kwargs: {},
    spaces_between_special_tokens: false,
    tokenizer_class: 'LlamaTokenizer',
    unk_token: '<unk>',
    use_default_system_prompt: false,
    model_input_names: ['input_ids', 'attention_mask'],
  },
  {
    errors: 'replace',
    split_special_tokens: false,
    image_token: '<image>',
    vision_bos_token: '<|vision_start|>',
    processor_class: 'Qwen2_5_VLProcessor',
    return_attention_mask: false,
    normalizer_file: null,
    trim_offsets: true,
    backend: 'tokenizers',
    is_local: false,
    local_files_only: false,
    extra_ids: 100,
    src_lang: 'eng_Latn',
    tgt_lang: null,
    legacy_behaviour: false,
  },
];

t.test('files as they are published and as the libraries save them give no warning', async t => {
  for (const fields of TOKENIZERS)
    t.strictSame(await fileWarnings(t.testdir({ 'tokenizer_config.json': JSON.stringify(fields) }), {}), []);
  for (const kind of await readdir(FIXTURES, { withFileTypes: true })) {
    if (!kind.isDirectory()) continue;
    for (const entry of await readdir(path.join(FIXTURES, kind.name), { withFileTypes: true })) {
      if (!entry.isDirectory()) continue;
      const folder = path.join(FIXTURES, kind.name, entry.name);
      const files = await readdir(folder);
      const what = {
        generates: true,
        hears: kind.name.startsWith('speech'),
        ...(files.includes('modules.json') && { encoderFolder: '' }),
      };
      t.strictSame(await fileWarnings(folder, what), [], `${kind.name}/${entry.name}`);
    }
  }
});
