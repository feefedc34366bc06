import type {
  AddedToken,
  HuggingFaceTokenizer,
  Model,
  Normalizer,
  PreTokenizer,
  Splitter,
} from './huggingface.js';

/** A part of `tokenizer.json`. */
type Part = Readonly<Record<string, unknown>>;

/**
 * Has `@huggingface/tokenizers` do what Hugging Face's own library does, where it does something else: parts of one
 * tokenizer are replaced, and only those that need it.
 *
 * @param definition the contents of `tokenizer.json`.
 * @throws Error, naming the feature, for what is not mended
 */
export function repairLibrary(tokenizer: HuggingFaceTokenizer, definition: object): void {
  const { normalizer, pre_tokenizer, model, added_tokens } = definition as Readonly<Record<string, unknown>>;
  repairNormalizer(tokenizer.normalizer, partOf(normalizer));
  repairPreTokenizer(tokenizer.pre_tokenizer, partOf(pre_tokenizer));
  repairModel(tokenizer.model, partOf(model) ?? {});
  if (Array.isArray(added_tokens) && added_tokens.some(token => partOf(token)?.single_word === true)) {
    for (const splitter of [tokenizer.splitter_unnormalized, tokenizer.splitter_normalized])
      respectWords(splitter, tokenizer.added_tokens);
  }
}

function partOf(value: unknown): Part | undefined {
  return typeof value === 'object' && value !== null ? (value as Part) : undefined;
}

/** Parts of a sequence beside what was made of them. */
function members<T>(made: object, list: unknown): [T, Part][] {
  const parts = Array.isArray(list) ? list.map(partOf) : [];
  const all = Object.values(made).find(value => Array.isArray(value)) as (T | null)[] | undefined;
  return parts.flatMap((part, i) => (part === undefined || !all?.[i] ? [] : [[all[i], part]]));
}

/** Ideographs beyond U+FFFF have two UTF-16 units; the last range is as Rust's library has it. */
const IDEOGRAPH =
  /[\u{4E00}-\u{9FFF}\u{3400}-\u{4DBF}\u{20000}-\u{2A6DF}\u{2A700}-\u{2B73F}\u{2B740}-\u{2B81F}\u{2B920}-\u{2CEAF}\u{F900}-\u{FAFF}\u{2F800}-\u{2FA1F}]/gu;

function repairNormalizer(normalizer: Normalizer | null, part: Part | undefined): void {
  if (normalizer === null || part === undefined) return;
  if (part.type === 'BertNormalizer')
    normalizer.tokenize_chinese_chars = text => text.replace(IDEOGRAPH, ' $& ');
  if (part.type === 'Sequence')
    for (const [inner, own] of members<Normalizer>(normalizer, part.normalizers))
      repairNormalizer(inner, own);
}

/** A character of a word, as Rust's regular expressions have it. */
const WORD = String.raw`\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}`;
const WORDS = new RegExp(`[${WORD}]+|[^${WORD}\\p{White_Space}]+`, 'gu');
const PUNCTUATION = /[\p{P}!-/:-@[-`{-~]/gu;
const EACH_PUNCTUATION = /[^\p{P}!-/:-@[-`{-~]+|[\p{P}!-/:-@[-`{-~]/gu;
const EACH_DIGIT = /\P{N}+|\p{N}/gu;
const RUNS_OF_DIGITS = /\P{N}+|\p{N}+/gu;

function repairPreTokenizer(preTokenizer: PreTokenizer | null, part: Part | undefined): void {
  if (preTokenizer === null || part === undefined) return;
  switch (part.type) {
    case 'Sequence':
      for (const [inner, own] of members<PreTokenizer>(preTokenizer, part.pretokenizers))
        repairPreTokenizer(inner, own);
      break;
    case 'Whitespace':
      preTokenizer.pre_tokenize_text = text => text.match(WORDS) ?? [];
      break;
    case 'Punctuation': {
      const behavior = part.behavior ?? 'Isolated';
      if (behavior === 'Isolated')
        preTokenizer.pre_tokenize_text = text => text.match(EACH_PUNCTUATION) ?? [];
      // The library joins what is beside each other.
      else if (behavior !== 'Contiguous')
        preTokenizer.pre_tokenize_text = text => split(text, PUNCTUATION, behavior, false);
      break;
    }
    case 'Digits': {
      const digits = part.individual_digits === true ? EACH_DIGIT : RUNS_OF_DIGITS;
      preTokenizer.pre_tokenize_text = text => text.match(digits) ?? [];
      break;
    }
    case 'Split': {
      const { pattern } = preTokenizer;
      const { behavior, invert } = part;
      const isKnown = behavior === 'Removed' || (behavior === 'Isolated' && invert !== true);
      if (pattern && !isKnown)
        preTokenizer.pre_tokenize_text = text => split(text, pattern, behavior, invert === true);
      break;
    }
    case 'FixedLength': {
      const size = Number(part.length);
      preTokenizer.pre_tokenize_text = text => {
        const characters = Array.from(text);
        const count = Math.ceil(characters.length / size);
        return Array.from({ length: count }, (_, i) => characters.slice(i * size, (i + 1) * size).join(''));
      };
    }
  }
}

/** Splits a text at what matches, which is put together with what is beside it as a behaviour says. */
function split(text: string, pattern: RegExp, behavior: unknown, isInverted: boolean): string[] {
  const pieces: { readonly text: string; readonly matches: boolean }[] = [];
  let done = 0;
  for (const { 0: match, index } of text.matchAll(pattern)) {
    if (index > done) pieces.push({ text: text.slice(done, index), matches: isInverted });
    if (match !== '') pieces.push({ text: match, matches: !isInverted });
    done = index + match.length;
  }
  if (done < text.length) pieces.push({ text: text.slice(done), matches: isInverted });
  if (behavior === 'Removed') return pieces.filter(piece => !piece.matches).map(piece => piece.text);
  const joins = (at: number): boolean => {
    const [before, here] = [pieces[at - 1]!, pieces[at]!];
    if (behavior === 'Contiguous') return before.matches === here.matches;
    if (behavior === 'MergedWithPrevious') return here.matches && !before.matches;
    return behavior === 'MergedWithNext' && before.matches && !here.matches;
  };
  const joined: string[] = [];
  pieces.forEach((piece, at) => {
    if (at > 0 && joins(at)) joined.push(joined.pop()! + piece.text);
    else joined.push(piece.text);
  });
  return joined;
}

function repairModel(model: Model, part: Part): void {
  if (part.type === 'WordLevel') {
    model.unk_token = typeof part.unk_token === 'string' ? part.unk_token : '';
    model.unk_token_id = model.tokens_to_ids.get(model.unk_token);
  }
  if (part.type !== 'BPE') return;
  const { continuing_subword_prefix: prefix, unk_token: unknown, byte_fallback, fuse_unk: fuses } = part;
  if (typeof prefix === 'string' && prefix !== '')
    throw new Error(`continuing_subword_prefix ${JSON.stringify(prefix)} of a BPE model is not supported`);
  if (byte_fallback === true) return;
  if (typeof unknown === 'string') {
    if (fuses === true) fuseWithinWords(model);
  } else if (!knowsAllBytes(model)) dropUnknown(model);
}

/** Unknown characters of one word become one token, but not those of several. */
function fuseWithinWords(model: Model): void {
  const fuse = model._call.bind(model);
  model._call = words => words.flatMap(word => fuse([word]));
}

/** True for byte-level vocabularies, in which nothing is unknown. */
function knowsAllBytes({ tokens_to_ids: ids }: Model): boolean {
  return ids.has('Ġ') && ids.has('Ċ') && ids.has('ÿ');
}

/** What is unknown and has no token is left out before anything is merged. */
function dropUnknown(model: Model): void {
  const encode = model.encode.bind(model);
  const { tokens_to_ids: ids, end_of_word_suffix: suffix } = model;
  model.encode = words =>
    encode(
      words.map(word => {
        const characters = Array.from(word);
        const isKnown = (character: string, i: number): boolean =>
          ids.has(suffix && i === characters.length - 1 ? character + suffix : character);
        return characters.every(isKnown) ? word : characters.filter(isKnown).join('');
      }),
    );
}

const ENDS_WITH_WORD = new RegExp(`[${WORD}]$`, 'u');
const BEGINS_WITH_WORD = new RegExp(`^[${WORD}]`, 'u');

/** True if what is at a place of a text is no part of a word. */
export function standsAlone(text: string, start: number, end: number): boolean {
  return (
    !ENDS_WITH_WORD.test(text.slice(Math.max(0, start - 2), start)) &&
    !BEGINS_WITH_WORD.test(text.slice(end, end + 2))
  );
}

/** Added tokens that are to stand alone (`single_word`) stay part of the text where they do not. */
function respectWords(splitter: Splitter, tokens: readonly AddedToken[]): void {
  const alone = new Set(tokens.filter(token => token.single_word).map(token => token.content));
  const all = new Set(tokens.map(token => token.content));
  const cut = splitter.split.bind(splitter);
  splitter.split = text => {
    const sections: string[] = [];
    let start = 0;
    let isOpen = false;
    for (const section of cut(text)) {
      const end = start + section.length;
      const isToken = all.has(section) && !(alone.has(section) && !standsAlone(text, start, end));
      if (isOpen && !isToken) sections.push(sections.pop()! + section);
      else sections.push(section);
      isOpen = !isToken;
      start = end;
    }
    return sections;
  };
}
