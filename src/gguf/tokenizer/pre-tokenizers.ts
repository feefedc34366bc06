/** How a text is cut into words before byte-pair encoding joins their bytes, in the form of tokenizer.json. */
export interface PreTokenizer {
  /** Unicode's form in which a text is brought first. */
  readonly normalizer?: 'NFC';
  /** Regular expressions (Oniguruma's), one after the other; what one finds, and what is between, is a word. */
  readonly splits: readonly string[];
  /** Whether a word that is a token is one, whatever merges say. */
  readonly ignoresMerges?: boolean;
  /** Whether texts begin with the token of the role `bos` where a file does not say it. */
  readonly addsBos?: boolean;
  /** Whether a space between two texts is a token of its own (`▁`), and bytes are spelled `<0x0A>`. */
  readonly asSentencePiece?: boolean;
  /** Tokens that take the white space before them. */
  readonly takesSpace?: readonly string[];
}

const { raw } = String;

const CONTRACTIONS = raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)`;
const WORD = raw`[^\r\n\p{L}\p{N}]?\p{L}+`;
const SYMBOLS = raw` ?[^\s\p{L}\p{N}]+[\r\n]*`;
const SPACES = raw`\s+(?!\S)|\s+`;
const LINES = raw`\s*[\r\n]+`;
const DIGIT = raw`\p{N}`;
const UP_TO_THREE_DIGITS = raw`\p{N}{1,3}`;
const GPT2_WORDS = raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;
const CHINESE_JAPANESE = raw`[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+`;

/** The form that OpenAI's cl100k has, and most after it: they differ in how many digits go together. */
function likeCl100k(digits: string): string {
  return `${CONTRACTIONS}|${WORD}|${digits}|${SYMBOLS}|${LINES}|${SPACES}`;
}

/** That of o200k: words end where small letters are followed by capitals. */
function likeO200k({
  digits,
  contractions = `${CONTRACTIONS}?`,
}: {
  digits: string;
  contractions?: string;
}): string {
  const first = raw`[^\r\n\p{L}\p{N}]?`;
  const large = raw`[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`;
  const small = raw`[\p{Ll}\p{Lm}\p{Lo}\p{M}]`;
  const symbols = raw` ?[^\s\p{L}\p{N}]+[\r\n/]*`;
  return `${first}${large}*${small}+${contractions}|${first}${large}+${small}*${contractions}|${digits}|${symbols}|${LINES}|${SPACES}`;
}

/** DeepSeek's, from version 3 on. */
const DEEPSEEK_WORDS = raw`[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_${'`'}{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;

/** Letters of alphabets that have capitals, as DeepSeek's first tokenizers list them. */
const CASED_LETTERS = raw`A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u01bc-\u01bf\u01c4-\u0293\u0295-\u02af\u0370-\u0373\u0376\u0377\u037b-\u037d\u037f\u0386\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u03f5\u03f7-\u0481\u048a-\u052f\u0531-\u0556\u10a0-\u10c5\u13a0-\u13f5\u13f8-\u13fd\u1c90-\u1cba\u1cbd-\u1cbf\u1d00-\u1d2b\u1d6b-\u1d77\u1d79-\u1d9a\u1e00-\u1f15\u1f18-\u1f1d\u1f20-\u1f45\u1f48-\u1f4d\u1f50-\u1f57\u1f59\u1f5b\u1f5d\u1f5f-\u1f7d\u1f80-\u1fb4\u1fb6-\u1fbc\u1fbe\u1fc2-\u1fc4\u1fc6-\u1fcc\u1fd0-\u1fd3\u1fd6-\u1fdb\u1fe0-\u1fec\u1ff2-\u1ff4\u1ff6-\u1ffc\u2102\u2107\u210a-\u2113\u2115\u2119-\u211d\u2124\u2126\u2128\u212a-\u212d\u212f-\u2134\u2139\u213c-\u213f\u2145-\u2149\u214e\u2183\u2184\u2c00-\u2c7b\u2c7e-\u2ce4\u2ceb-\u2cee\u2cf2\u2cf3\ua640-\ua66d\ua680-\ua69b\ua722-\ua76f\ua771-\ua787\ua78b-\ua78e\uab70-\uabbf\ufb00-\ufb06\ufb13-\ufb17\uff21-\uff3a\uff41-\uff5a\u{10400}-\u{1044f}\u{104b0}-\u{104d3}\u{104d8}-\u{104fb}\u{10c80}-\u{10cb2}\u{10cc0}-\u{10cf2}\u{118a0}-\u{118df}\u{1e900}-\u{1e943}`;

const ASIAN_SCRIPTS = raw`[\u4e00-\u9fff\u3400-\u4dbf\uf900-\ufaff\u3040-\u309f\u30a0-\u30ff\uff65-\uff9f\u2f00-\u2fdf\u0e40-\u0e7f\u0e80-\u0eff\u1780-\u17ff\u1000-\u109f\uaa60-\uaa7f\ua9e0-\ua9ff\uac00-\ud7af\u1100-\u11ff]+`;

const BLOOM = raw` ?[^(\s|[.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c])]+`;

/** Kimi's: o200k's, with Chinese characters for themselves. */
const KIMI = ((): string => {
  const first = raw`[^\r\n\p{L}\p{N}]?`;
  const notHan = raw`(?!\p{Script=Han})`;
  const large = raw`(?:${notHan}[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])`;
  const small = raw`(?:${notHan}[\p{Ll}\p{Lm}\p{Lo}\p{M}])`;
  return raw`\p{Script=Han}+|${first}${large}*${small}+${CONTRACTIONS}?|${first}${large}+${small}*${CONTRACTIONS}?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|${LINES}|${SPACES}`;
})();

const GPT2: PreTokenizer = { splits: [GPT2_WORDS] };
const SINGLE_DIGITS: PreTokenizer = { splits: [DIGIT, GPT2_WORDS] };
const LLAMA3: PreTokenizer = { splits: [likeCl100k(UP_TO_THREE_DIGITS)] };
const LLAMA3_WHOLE: PreTokenizer = { ...LLAMA3, ignoresMerges: true, addsBos: true };
const QWEN2: PreTokenizer = { splits: [likeCl100k(DIGIT)] };
const O200K: PreTokenizer = { splits: [likeO200k({ digits: UP_TO_THREE_DIGITS })] };
const DEEPSEEK3: PreTokenizer = { splits: [UP_TO_THREE_DIGITS, CHINESE_JAPANESE, DEEPSEEK_WORDS] };
const AYA: PreTokenizer = {
  splits: [raw`\d{1,3}(?=(?:\d{3})*\b)`, likeO200k({ digits: UP_TO_THREE_DIGITS })],
};
const BAILING: PreTokenizer = {
  splits: [
    raw`'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+`,
  ],
};
const SENTENCE_PIECE: PreTokenizer = { splits: [], asSentencePiece: true };

/** With the token that stands for a hidden one, as RoBERTa has it. */
const ROBERTA: PreTokenizer = { ...GPT2, takesSpace: ['<mask>'] };

/**
 * The pre-tokenizers that llama.cpp names in `tokenizer.ggml.pre`. Where llama.cpp has
 * expressions that stand in for what its own engine cannot do, those of the original tokenizer.json are here.
 *
 * Sources: `llama-vocab.cpp` of https://github.com/ggml-org/llama.cpp for the names, and which of them are
 * alike; the classes of transformers for Unicode's forms.
 */
const PRE_TOKENIZERS: ReadonlyMap<string, PreTokenizer> = new Map([
  ...named(GPT2, 'gpt-2', 'phi-2', 'gigachat', 'a.x-4.0', 'mellum', 'exaone4', 'jais', 'trillion'),
  ...named(GPT2, 'granite-docling', 'jina-es', 'jina-de'),
  ...named(ROBERTA, 'jina-v2-es', 'jina-v2-de', 'jina-v2-code', 'jina-v1-en', 'roberta-bpe'),
  ...named({ ...GPT2, normalizer: 'NFC' }, 'mpt', 'olmo'),
  ...named({ ...GPT2, normalizer: 'NFC', takesSpace: ['[MASK]'] }, 'modern-bert'),
  ...named(SINGLE_DIGITS, 'starcoder', 'refact', 'smollm', 'codeshell', 'exaone', 'minerva-7b', 'mellum2'),
  ...named({ ...SINGLE_DIGITS, normalizer: 'NFC' }, 'command-r'),
  ...named(LLAMA3_WHOLE, 'llama3', 'llama-v3', 'llama-bpe', 'falcon3', 'falcon-h1', 'pixtral', 'midm-2.0'),
  ...named(LLAMA3_WHOLE, 'lfm2', 'jina-v5-nano'),
  ...named(LLAMA3, 'dbrx', 'smaug-bpe', 'chatglm-bpe'),
  ...named({ ...LLAMA3, ignoresMerges: true }, 'glm4', 'glm5'),
  ...named(
    {
      splits: [
        raw`${CONTRACTIONS}|${WORD}|\p{N}{1,3}|${SYMBOLS}|${LINES}|\s{512}(?!\S)|\s{256}(?!\S)|\s{128}(?!\S)|\s{64}(?!\S)|\s{32}(?!\S)|\s{16}(?!\S)|\s{8}(?!\S)|\s{4}(?!\S)|\s{1,2}(?!\S)|\s{1}`,
      ],
    },
    'jais-2',
  ),
  ...named({ ...QWEN2, normalizer: 'NFC' }, 'qwen2', 'deepseek-r1-qwen', 'f2llmv2'),
  ...named(QWEN2, 'stablelm2', 'kormo', 'megrez', 'hunyuan', 'solar-open', 'grok-2'),
  ...named(
    {
      normalizer: 'NFC',
      splits: [
        raw`${CONTRACTIONS}|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|${LINES}|${SPACES}`,
      ],
    },
    'qwen35',
  ),
  ...named({ splits: [`${WORD}|${DIGIT}|${SYMBOLS}|${LINES}|${SPACES}`] }, 'ufakzeka'),
  ...named({ splits: [raw`[^\n]+|[\n]+`, likeCl100k(DIGIT)] }, 'laguna'),
  ...named({ splits: [UP_TO_THREE_DIGITS, likeCl100k(raw`\p{N}+`)], ignoresMerges: true }, 'minicpm5'),
  ...named(
    { splits: [raw`${CONTRACTIONS}|${WORD}|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|${LINES}|${SPACES}`] },
    'seed-coder',
  ),
  ...named(
    {
      splits: [
        raw`${CONTRACTIONS}|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|${SPACES}`,
      ],
    },
    'exaone-moe',
  ),
  ...named(BAILING, 'bailingmoe', 'bailingmoe2', 'llada-moe'),
  ...named(
    {
      splits: [likeO200k({ digits: DIGIT, contractions: '' })],
      ignoresMerges: true,
      addsBos: true,
    },
    'tekken',
  ),
  ...named(O200K, 'gpt-4o', 'llama4', 'kanana2', 'talkie', 'minimax-m2'),
  ...named({ ...O200K, ignoresMerges: true }, 'granite-embed-multi-97m'),
  ...named(AYA, 'tiny_aya', 'cohere2moe'),
  ...named({ splits: [KIMI] }, 'kimi-k2'),
  ...named(
    {
      splits: [
        raw`[\r\n]`,
        raw`\s?[${CASED_LETTERS}]+`,
        raw`\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+`,
        raw`\s+$`,
        raw`[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+`,
        raw`\p{N}+`,
      ],
    },
    'deepseek-llm',
  ),
  ...named(
    {
      splits: [
        raw`[\r\n]`,
        raw`\s?\p{L}+`,
        raw`\s?\p{P}+`,
        raw`[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+`,
        raw`\p{N}`,
      ],
    },
    'deepseek-coder',
  ),
  ...named(DEEPSEEK3, 'deepseek-v3', 'hunyuan-dense', 'joyai-llm', 'hy_v4'),
  ...named(
    {
      splits: [
        UP_TO_THREE_DIGITS,
        CHINESE_JAPANESE,
        DEEPSEEK_WORDS.replace(raw`[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+`, raw`[\p{P}\p{S}]+|[\r\n]`),
        DIGIT,
      ],
    },
    'spark2_5',
  ),
  ...named(
    {
      // From the right, in groups of three.
      splits: [raw`\p{N}{1,3}(?=(?:\p{N}{3})*(?!\p{N}))`, ASIAN_SCRIPTS, DEEPSEEK_WORDS],
    },
    'afmoe',
  ),
  ...named(
    {
      splits: [
        raw`[\uac00-\ud7a3\u3131-\u318e]+|[\uff01\u2026\u201c\u201d\u2018\u2019\u2014\uff1a\uff1b\uff0c\u3001-\u303f\ufe30-\ufe4f]+|[\u3105-\u312f]+|[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+`,
        likeO200k({ digits: DIGIT }),
      ],
      ignoresMerges: true,
    },
    'youtu',
  ),
  ...named({ splits: [BLOOM] }, 'bloom', 'poro-chat', 'gpt3-finnish'),
  ...named({ splits: [BLOOM, DIGIT] }, 'viking'),
  ...named({ splits: [raw`\p{N}+`, raw`(?=(\d{3})+(?!\d))`] }, 'superbpe'),
  ...named({ splits: [raw`[\p{P}$+<=>^~|${'`'}]+`, GPT2_WORDS, '[0-9][0-9][0-9]'] }, 'falcon'),
  ...named(
    {
      splits: [
        '<sentinel:[0-9]+>',
        '(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z',
        raw`([\t\n]|    |  )`,
        DIGIT,
        raw`[\p{P}!-/:-@\[-${'`'}{-~]`,
        GPT2_WORDS,
      ],
      addsBos: true,
    },
    'chameleon',
  ),
  ...named({ ...SENTENCE_PIECE, addsBos: true }, 'gemma4', 'granite-embed-multi-311m'),
  ...named(SENTENCE_PIECE, 'sarvam-moe'),
]);

function named(preTokenizer: PreTokenizer, ...names: readonly string[]): [string, PreTokenizer][] {
  return names.map(name => [name, preTokenizer]);
}

/** What a name in `tokenizer.ggml.pre` stands for; undefined for one that is not known. */
export function findPreTokenizer(name: string): PreTokenizer | undefined {
  return PRE_TOKENIZERS.get(name);
}

/** All names. */
export function preTokenizerNames(): string[] {
  return [...PRE_TOKENIZERS.keys()];
}
