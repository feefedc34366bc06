import { languageForm, type LanguageForm } from '../languages/forms.js';
import type { SentencePieceProcessor } from './processor.js';
import { specialToken, type NamedToken, type Role, type TokenizerSettings } from './settings.js';
import { listedVocabulary, shiftedVocabulary, type PieceVocabulary } from './vocabulary.js';

/** The files that a vocabulary is made of. */
export interface VocabularyFiles {
  /** The SentencePiece model of what is read. */
  readonly source: string;
  /** That of what is written, where it is another one. */
  readonly target?: string;
  /** A list of tokens with their ids. */
  readonly listed?: string;
}

/** The spellings of the special tokens around a text; `between` two of a pair. */
export interface SpecialLayout {
  readonly before: readonly string[];
  readonly between: readonly string[];
  readonly after: readonly string[];
}

/** What a folder's files say. */
export interface TokenizerParts {
  readonly settings: TokenizerSettings;
  readonly roles: ReadonlyMap<Role, NamedToken>;
  readonly vocabulary: PieceVocabulary;
  readonly languages: LanguageForm | undefined;
}

type Listed = Readonly<Record<string, unknown>>;

/** A kind of folder without a tokenizer.json: how its files become a tokenizer. */
export interface TokenizerFamily {
  readonly files: VocabularyFiles;
  /** The special tokens where the folder's files do not say them. */
  readonly roles: Readonly<Partial<Record<Role, string>>>;
  /** The vocabulary without added tokens; `listed` is what the file of that name holds. */
  vocabulary(source: SentencePieceProcessor, settings: TokenizerSettings, listed: Listed): PieceVocabulary;
  languages?(settings: TokenizerSettings): LanguageForm;
  /** Tokens that the family has beside its vocabulary, with their ids. */
  builtIn?(parts: TokenizerParts): Iterable<readonly [id: number, token: NamedToken]>;
  layout(parts: TokenizerParts): SpecialLayout;
  /** Whether a text that ends with its end token is left without a second one. */
  readonly endsOnce?: boolean;
  /** Whether `legacy: false` has spaces stay as they are beside added tokens, as T5 and Llama do. */
  readonly knowsLegacy?: boolean;
  /** Whether a text may begin with a language in the form of `>>fra<<`, whatever the vocabulary has. */
  readonly marksLanguages?: boolean;
}

const ENDS: TokenizerFamily['layout'] = ({ roles }) => around(roles, [], ['eos']);

/** What fairseq's dictionaries begin with, in place of SentencePiece's first three pieces. */
const FAIRSEQ_TOKENS: readonly string[] = ['<s>', '<pad>', '</s>', '<unk>'];

const FAIRSEQ = {
  files: { source: 'sentencepiece.bpe.model' },
  roles: { bos: '<s>', eos: '</s>', unk: '<unk>', sep: '</s>', pad: '<pad>', cls: '<s>', mask: '<mask>' },
  vocabulary: source => shiftedVocabulary(source, 1, FAIRSEQ_TOKENS.indexOf('<unk>')),
  builtIn: fairseqTokens,
  layout: languageLayout,
} satisfies Partial<TokenizerFamily>;

/** By the name of transformers' class; `GgufTokenizer` is what a GGUF file is unfolded to. */
const FAMILIES: ReadonlyMap<string, TokenizerFamily> = new Map(
  Object.entries<TokenizerFamily>({
    MarianTokenizer: {
      files: { source: 'source.spm', target: 'target.spm', listed: 'vocab.json' },
      roles: { eos: '</s>', unk: '<unk>', pad: '<pad>' },
      vocabulary: byList,
      layout: ENDS,
      marksLanguages: true,
    },
    M2M100Tokenizer: {
      files: { source: 'sentencepiece.bpe.model', listed: 'vocab.json' },
      roles: { bos: '<s>', eos: '</s>', unk: '<unk>', sep: '</s>', pad: '<pad>' },
      vocabulary: byList,
      builtIn: behindVocabulary,
      languages: languagesOf('M2M100Tokenizer'),
      layout: languageLayout,
    },
    NllbTokenizer: { ...FAIRSEQ, languages: languagesOf('NllbTokenizer') },
    MBartTokenizer: { ...FAIRSEQ, languages: languagesOf('MBartTokenizer') },
    MBart50Tokenizer: { ...FAIRSEQ, languages: languagesOf('MBart50Tokenizer') },
    XLMRobertaTokenizer: {
      ...FAIRSEQ,
      layout: ({ roles }) => ({
        ...around(roles, ['cls'], ['sep']),
        between: spelled(roles, ['sep', 'sep']),
      }),
    },
    T5Tokenizer: {
      files: { source: 'spiece.model' },
      roles: { eos: '</s>', unk: '<unk>', pad: '<pad>' },
      vocabulary: source => shiftedVocabulary(source, 0, source.model.unknownId),
      builtIn: extraIds,
      layout: ({ roles }) => ({ ...around(roles, [], ['eos']), between: spelled(roles, ['eos']) }),
      endsOnce: true,
      knowsLegacy: true,
    },
    PegasusTokenizer: {
      files: { source: 'spiece.model' },
      roles: { eos: '</s>', unk: '<unk>', pad: '<pad>', mask: '<mask_2>' },
      vocabulary: (source, settings) => {
        const offset = settings.count('offset', PEGASUS_OFFSET);
        return shiftedVocabulary(source, offset, source.model.unknownId + offset);
      },
      builtIn: pegasusTokens,
      layout: ENDS,
    },
    LlamaTokenizer: {
      files: { source: 'tokenizer.model' },
      roles: { bos: '<s>', eos: '</s>', unk: '<unk>' },
      vocabulary: source => shiftedVocabulary(source, 0, source.model.unknownId),
      layout: ({ settings, roles }) => {
        const before: Role[] = settings.flag('add_bos_token', true) ? ['bos'] : [];
        const after: Role[] = settings.flag('add_eos_token', false) ? ['eos'] : [];
        return { ...around(roles, before, after), between: spelled(roles, [...after, ...before]) };
      },
      knowsLegacy: true,
    },
    GgufTokenizer: {
      files: { source: 'tokenizer.model' },
      roles: {},
      vocabulary: source => shiftedVocabulary(source, 0, source.model.unknownId),
      layout: ({ settings, roles }) => {
        const before: Role[] = settings.flag('add_bos_token', false) ? ['bos'] : [];
        const after: Role[] = settings.flag('add_eos_token', false) ? ['eos'] : [];
        const second: Role[] = settings.flag('add_sep_token', false) ? ['sep'] : before;
        return { ...around(roles, before, after), between: spelled(roles, [...after, ...second]) };
      },
    },
  }),
);

/** The classes of folders that do not name one, by the `model_type` of config.json. */
const CLASSES: ReadonlyMap<unknown, string> = new Map([
  ['marian', 'MarianTokenizer'],
  ['m2m_100', 'M2M100Tokenizer'],
  ['mbart', 'MBartTokenizer'],
  ['t5', 'T5Tokenizer'],
  ['mt5', 'T5Tokenizer'],
  ['umt5', 'T5Tokenizer'],
  ['pegasus', 'PegasusTokenizer'],
  ['xlm-roberta', 'XLMRobertaTokenizer'],
  ['llama', 'LlamaTokenizer'],
  ['mistral', 'LlamaTokenizer'],
  ['mixtral', 'LlamaTokenizer'],
]);

/** Classes that are others by another name. */
const ALIASES: ReadonlyMap<string, string> = new Map([['MT5Tokenizer', 'T5Tokenizer']]);

/**
 * The class of a folder's tokenizer in transformers, without `Fast` at its end.
 *
 * @param named what tokenizer_config.json, or else config.json, says (`tokenizer_class`).
 */
export function tokenizerClass(named: string | undefined, modelType: string | undefined): string | undefined {
  const name = named?.replace(/Fast$/, '') ?? CLASSES.get(modelType);
  return name === undefined ? undefined : (ALIASES.get(name) ?? name);
}

/** How a class of tokenizers is made of its files; undefined for one that needs a tokenizer.json. */
export function findFamily(tokenizerClass: string): TokenizerFamily | undefined {
  return FAMILIES.get(tokenizerClass);
}

const PEGASUS_OFFSET = 103;

function byList(
  source: SentencePieceProcessor,
  settings: TokenizerSettings,
  listed: Listed,
): PieceVocabulary {
  return listedVocabulary(source, listed, settings.role('unk', '<unk>')?.content ?? '<unk>');
}

function languagesOf(name: string): (settings: TokenizerSettings) => LanguageForm {
  return settings =>
    languageForm(name, {
      legacy_behaviour: settings.flag('legacy_behaviour', false),
      language_codes: settings.text('language_codes'),
    })!;
}

function spelled(roles: ReadonlyMap<Role, NamedToken>, wanted: readonly Role[]): string[] {
  return wanted.map(role => roles.get(role)?.content).filter(content => content !== undefined);
}

function around(
  roles: ReadonlyMap<Role, NamedToken>,
  before: readonly Role[],
  after: readonly Role[],
): SpecialLayout {
  return { before: spelled(roles, before), between: [], after: spelled(roles, after) };
}

function languageLayout({ roles, languages, settings }: TokenizerParts): SpecialLayout {
  const eos = spelled(roles, ['eos']);
  const code = languages!.token(settings.text('src_lang') ?? languages!.defaultSource);
  return languages!.place === 'before'
    ? { before: [code], between: [], after: eos }
    : { before: [], between: [], after: [...eos, code] };
}

function* behindVocabulary({ vocabulary, languages }: TokenizerParts): Generator<[number, NamedToken]> {
  for (const [i, code] of (languages?.codes ?? []).entries())
    yield [vocabulary.size + i, specialToken(languages!.token(code))];
}

function* fairseqTokens(parts: TokenizerParts): Generator<[number, NamedToken]> {
  yield* FAIRSEQ_TOKENS.map((content, id): [number, NamedToken] => [id, specialToken(content)]);
  yield* behindVocabulary(parts);
  const { vocabulary, languages } = parts;
  yield [vocabulary.size + (languages?.codes.length ?? 0), { ...specialToken('<mask>'), lstrip: true }];
}

/** T5's stand-ins for spans that were left out: the first one has the highest id. */
function* extraIds({ vocabulary, settings }: TokenizerParts): Generator<[number, NamedToken]> {
  const count = settings.count('extra_ids', 100);
  for (let i = 0; i < count; i++) {
    const token = { ...specialToken(`<extra_id_${i}>`), lstrip: true, rstrip: true };
    yield [vocabulary.size + count - 1 - i, token];
  }
}

/** Pegasus's tokens of pretraining, before the pieces. */
function* pegasusTokens({ settings, roles }: TokenizerParts): Generator<[number, NamedToken]> {
  const offset = settings.count('offset', PEGASUS_OFFSET);
  const first = [...spelled(roles, ['pad', 'eos']), settings.text('mask_token_sent') ?? '<mask_1>'];
  first.push(...spelled(roles, ['mask']));
  for (const [id, content] of first.entries()) yield [id, specialToken(content)];
  for (let i = 2; i < offset; i++) yield [first.length + i - 2, specialToken(`<unk_${i}>`)];
}
