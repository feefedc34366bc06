/** Classes of tokenizers that are BERT's: the vocabulary is all that they need. */
const CLASSES = ['BertTokenizer', 'DistilBertTokenizer', 'ElectraTokenizer', 'RetriBertTokenizer'];

/** The special tokens, by their fields of `tokenizer_config.json`. */
const SPECIAL = {
  pad_token: '[PAD]',
  unk_token: '[UNK]',
  cls_token: '[CLS]',
  sep_token: '[SEP]',
  mask_token: '[MASK]',
} as const;

/**
 * The contents of `tokenizer.json` for a BERT that has only its older files, as Hugging Face's `BertTokenizer`
 * makes them (WordPiece, Schuster and Nakajima 2012; Devlin et al. 2018).
 *
 * @param vocabulary `vocab.txt`: a token in each line, whose number is its id.
 * @param config `tokenizer_config.json`.
 * @throws Error where the class is another one, or a special token is missing
 */
export function wordPieceDefinition(vocabulary: string, config: object): object {
  const fields = config as Readonly<Record<string, unknown>>;
  const name = fields.tokenizer_class;
  if (typeof name === 'string' && !CLASSES.includes(name.replace(/Fast$/, '')))
    throw new Error(`vocab.txt of a ${name} cannot be read`);
  const vocab = Object.fromEntries(lines(vocabulary).map((token, id) => [token, id]));
  const ids = new Map(Object.entries(vocab));
  const special = (field: keyof typeof SPECIAL): string => contentOf(fields[field]) ?? SPECIAL[field];
  const idOf = (token: string): number => {
    const id = ids.get(token);
    if (id === undefined) throw new Error(`vocab.txt has no ${token}`);
    return id;
  };
  const [unk, cls, sep] = [special('unk_token'), special('cls_token'), special('sep_token')];
  for (const token of [unk, cls, sep]) idOf(token);
  const names = Object.keys(SPECIAL) as (keyof typeof SPECIAL)[];
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [...new Set(names.map(special))]
      .filter(token => ids.has(token))
      .map(content => ({
        id: idOf(content),
        content,
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
        special: true,
      }))
      .sort((a, b) => a.id - b.id),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      ...bertNormalizer(fields),
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [token(cls, 0), text('A', 0), token(sep, 0)],
      pair: [token(cls, 0), text('A', 0), token(sep, 0), text('B', 1), token(sep, 1)],
      special_tokens: Object.fromEntries(
        [cls, sep].map(name => [name, { id: name, ids: [idOf(name)], tokens: [name] }]),
      ),
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: unk,
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab,
    },
  };
}

/** The fields of a BertNormalizer that `tokenizer_config.json` decides, with the defaults of BERT's class. */
export function bertNormalizer(config: Readonly<Record<string, unknown>>): object {
  return {
    handle_chinese_chars: config.tokenize_chinese_chars ?? true,
    strip_accents: config.strip_accents ?? null,
    lowercase: config.do_lower_case ?? true,
  };
}

/** Lines as Python reads them; what follows the last line's end is none. */
function lines(text: string): string[] {
  const all = text.split(/\r\n|\r|\n/);
  if (all.at(-1) === '') all.pop();
  return all;
}

/** A token of the config, which is a string, or an object with its `content`. */
function contentOf(entry: unknown): string | undefined {
  const content = typeof entry === 'object' && entry !== null && 'content' in entry ? entry.content : entry;
  return typeof content === 'string' ? content : undefined;
}

function token(id: string, type_id: number): object {
  return { SpecialToken: { id, type_id } };
}

function text(id: 'A' | 'B', type_id: number): object {
  return { Sequence: { id, type_id } };
}
