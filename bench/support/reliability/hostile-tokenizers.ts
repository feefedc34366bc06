/** As much of tokenizer.json as is changed here. */
export interface TokenizerJson {
  normalizer: object | null;
  pre_tokenizer: object | null;
  decoder: object | null;
}

/** A change of tokenizer.json, and a text that meets it. */
export interface HostileTokenizer {
  readonly change: (tokenizer: TokenizerJson) => Partial<TokenizerJson>;
  readonly prompt: string;
}

const EXPONENTIAL = `${'a'.repeat(40)}!`;

const split = (Regex: string): object => ({
  type: 'Split',
  pattern: { Regex },
  behavior: 'Isolated',
  invert: false,
});

const before = (rule: object, rest: object | null): object => ({
  type: 'Sequence',
  pretokenizers: [rule, ...(rest ? [rest] : [])],
});

const normalizing = (rule: object, rest: object | null): object => ({
  type: 'Sequence',
  normalizers: [rule, ...(rest ? [rest] : [])],
});

const replace = (pattern: object, content: string): object => ({ type: 'Replace', pattern, content });

const growing = (times: number, letters: number): object => ({
  type: 'Sequence',
  normalizers: Array.from({ length: times }, () => replace({ String: 'a' }, 'a'.repeat(letters))),
});

/** Tokenizers whose rules take exponential time, or make a short text a long one. */
export const TOKENIZERS: Readonly<Record<string, HostileTokenizer>> = {
  'a tokenizer that splits by (a+)+': {
    change: ({ pre_tokenizer }) => ({ pre_tokenizer: before(split('^(a+)+$'), pre_tokenizer) }),
    prompt: EXPONENTIAL,
  },
  'a tokenizer that splits by (a|a)*': {
    change: ({ pre_tokenizer }) => ({ pre_tokenizer: before(split('^(a|a)*$'), pre_tokenizer) }),
    prompt: EXPONENTIAL,
  },
  'a tokenizer that splits by (a|aa)+': {
    change: ({ pre_tokenizer }) => ({ pre_tokenizer: before(split('^(?:a|aa)+$'), pre_tokenizer) }),
    prompt: `${'a'.repeat(60)}!`,
  },
  'a tokenizer that splits by a*a*a*a*a*': {
    change: ({ pre_tokenizer }) => ({ pre_tokenizer: before(split(`^${'a*'.repeat(12)}$`), pre_tokenizer) }),
    prompt: `${'a'.repeat(300)}!`,
  },
  'a tokenizer that splits by (a?){40}a{40}': {
    change: ({ pre_tokenizer }) => ({
      pre_tokenizer: before(split(`^${'a?'.repeat(40)}${'a'.repeat(40)}$`), pre_tokenizer),
    }),
    prompt: 'a'.repeat(40),
  },
  'a tokenizer that replaces (a+)+': {
    change: ({ normalizer }) => ({
      normalizer: normalizing(replace({ Regex: '^(a+)+$' }, 'b'), normalizer),
    }),
    prompt: EXPONENTIAL,
  },
  'a tokenizer whose replacement is long': {
    change: () => ({ normalizer: growing(1, 10_000_000) }),
    prompt: 'a'.repeat(500),
  },
  'a tokenizer that replaces again and again': {
    change: () => ({ normalizer: growing(20, 16) }),
    prompt: 'a'.repeat(500),
  },
  'a tokenizer that puts before again and again': {
    change: () => ({
      normalizer: {
        type: 'Sequence',
        normalizers: Array.from({ length: 200_000 }, () => ({ type: 'Prepend', prepend: 'a'.repeat(16) })),
      },
    }),
    prompt: 'b',
  },
  'a decoder that replaces (e+)+': {
    change: ({ decoder }) => ({
      decoder: {
        type: 'Sequence',
        decoders: [...(decoder ? [decoder] : []), replace({ Regex: '([^!]+)+!$' }, 'b')],
      },
    }),
    prompt: 'Once upon a time',
  },
  'a decoder whose replacement grows': {
    change: ({ decoder }) => ({
      decoder: {
        type: 'Sequence',
        decoders: [
          ...(decoder ? [decoder] : []),
          ...Array.from({ length: 20 }, () => replace({ String: 'e' }, 'e'.repeat(16))),
        ],
      },
    }),
    prompt: 'Once upon a time',
  },
};
