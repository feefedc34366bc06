import {
  ByteLevelPreTokenizer,
  SequencePreTokenizer,
  WordPiece,
  type AddedToken,
  type HuggingFaceTokenizer,
  type PreTokenizer,
} from './huggingface.js';
import { standsAlone } from './library-repairs.js';
import { change, normalize, replace, slice, track, trim, type TrackedText } from './tracked-text.js';
import type { Span } from './types.js';

/** A token with the span of the text that it stands for. */
interface LocatedToken extends Span {
  readonly id: number;
}

/** The settings of `tokenizer_config.json` that change what is tokenized. */
interface LocatorConfig {
  /** Runs of white space count as one space. */
  readonly remove_space?: unknown;
  readonly do_lowercase_and_remove_accent?: unknown;
}

/** SentencePiece's stand-in for a space (U+2581). */
const METASPACE = '▁';
const SPACE = 0x20;
/** SentencePiece's spelling of a byte that has no token. */
const BYTE_TOKEN = /^<0x([0-9A-F]{2})>$/;
/**
 * The byte that a character of a byte-level vocabulary stands for: printable Latin-1 itself, the others moved
 * up beyond 0xff.
 */
const BYTES = new Map<string, number>();
for (let byte = 0, moved = 0x100; byte < 0x100; byte++) {
  const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);
  BYTES.set(String.fromCharCode(printable ? byte : moved++), byte);
}

/**
 * UTF-8 bytes, each with the index of the character that it belongs to; -1 where the tokenizer put it there
 * itself.
 */
interface Bytes {
  readonly values: number[];
  readonly units: number[];
}

/**
 * Tokenizes as `@huggingface/tokenizers` does and finds each token's place in the text, which that library
 * does not tell.
 *
 * The text goes through the same parts in the same order, with each unit's origin carried along ({@link
 * TrackedText}). A token is then found again by its spelling, byte by byte: first the words of the
 * pre-tokenizer in the normalized text, then the tokens in their words. What has no spelling (an unknown
 * token) is what lies between its neighbours.
 */
export class TokenLocator {
  readonly #tokenizer: HuggingFaceTokenizer;
  readonly #config: LocatorConfig;
  /** True if each character of a token stands for a byte (GPT-2), see {@link BYTES}. */
  readonly #byteLevel: boolean;
  /** Added tokens by their content and, if the normalizer changes it, by their normalized content. */
  readonly #added = new Map<string, AddedToken>();
  readonly #addedBefore: RegExp | undefined;
  readonly #addedAfter: RegExp | undefined;

  constructor(tokenizer: HuggingFaceTokenizer, config: LocatorConfig) {
    this.#tokenizer = tokenizer;
    this.#config = config;
    this.#byteLevel = splitsToBytes(tokenizer.pre_tokenizer);
    const before: string[] = [];
    const after: string[] = [];
    for (const token of tokenizer.get_added_tokens_decoder().values()) {
      this.#added.set(token.content, token);
      if (token.normalized && tokenizer.normalizer !== null) {
        const content = tokenizer.normalizer.normalize(token.content);
        this.#added.set(content, token);
        after.push(content);
      } else {
        before.push(token.content);
      }
    }
    this.#addedBefore = anyOf(before);
    this.#addedAfter = anyOf(after);
  }

  /**
   * The id of a token by its spelling; undefined for one that is not in the vocabulary and has no unknown
   * token to stand for it.
   */
  id(token: string): number | undefined {
    const { model } = this.#tokenizer;
    return this.#added.get(token)?.id ?? model.tokens_to_ids.get(token) ?? model.unk_token_id;
  }

  /**
   * The tokens of a text without those that a post-processor adds. Spans are in UTF-16 units, never cut a
   * character, never go back, and have no white space at their ends (unless the token is nothing else).
   * Tokens that share a character share its span.
   */
  locate(text: string): LocatedToken[] {
    const located: LocatedToken[] = [];
    let end = 0;
    this.#split(track(text), this.#addedBefore).forEach((section, sectionIndex) => {
      for (const { token, span = { start: end, end } } of this.#section(section, sectionIndex)) {
        const id = this.id(token);
        ({ end } = span);
        if (id !== undefined) located.push({ id, ...withoutSpace(text, span) });
      }
    });
    return located;
  }

  #section(section: TrackedText, sectionIndex: number): PlacedToken[] {
    if (section.text === '') return [];
    if (this.#added.has(section.text)) return [whole(section)];
    const normalized = this.#normalize(section);
    if (normalized.text === '') return [];
    return this.#split(normalized, this.#addedAfter).flatMap(part => {
      if (part.text === '') return [];
      return this.#added.has(part.text) ? [whole(part)] : this.#words(part, sectionIndex);
    });
  }

  #normalize(section: TrackedText): TrackedText {
    let text = section;
    if (this.#config.remove_space === true) text = replace(trim(text, true, true), /\s+/g, ' ');
    if (this.#config.do_lowercase_and_remove_accent === true)
      text = change(text, part => part.toLowerCase().replace(/\p{M}/gu, ''));
    const { normalizer } = this.#tokenizer;
    return normalizer === null ? text : normalize(text, normalizer);
  }

  /** Cuts a text at added tokens, which may take the white space beside them. */
  #split(text: TrackedText, pattern: RegExp | undefined): TrackedText[] {
    if (pattern === undefined) return [text];
    const parts: TrackedText[] = [];
    let done = 0;
    for (const { 0: match, index } of text.text.matchAll(pattern)) {
      if (this.#isInWord(text.text, match, index)) continue;
      if (index > done) parts.push(slice(text, done, index));
      done = index + match.length;
      parts.push(slice(text, index, done));
    }
    if (done < text.text.length) parts.push(slice(text, done, text.text.length));
    return parts.map((part, i) =>
      trim(
        part,
        this.#added.get(parts[i - 1]?.text ?? '')?.rstrip ?? false,
        this.#added.get(parts[i + 1]?.text ?? '')?.lstrip ?? false,
      ),
    );
  }

  #isInWord(text: string, match: string, at: number): boolean {
    return this.#added.get(match)?.single_word === true && !standsAlone(text, at, at + match.length);
  }

  /** Tokens of a text without added tokens. */
  #words(part: TrackedText, sectionIndex: number): PlacedToken[] {
    const { pre_tokenizer: preTokenizer, model } = this.#tokenizer;
    const words = preTokenizer?.pre_tokenize(part.text, { section_index: sectionIndex }) ?? [part.text];
    const placedWords = placeWords(
      words.map(word => this.#bytes(word)),
      this.#textBytes(part.text),
    );
    const tokens = model(words);
    return this.#placeTokens(tokens, placedWords).map((units, i) => ({
      token: tokens[i]!,
      span:
        units.length === 0
          ? undefined
          : { start: part.spans[units[0]!]!.start, end: part.spans[units.at(-1)!]!.end },
    }));
  }

  /** The units of the text that each token stands for. */
  #placeTokens(tokens: readonly string[], words: readonly Bytes[]): number[][] {
    const { model } = this.#tokenizer;
    const values = words.flatMap(word => word.values);
    const units = words.flatMap(word => word.units);
    const wordEnds: number[] = [];
    for (const word of words) wordEnds.push((wordEnds.at(-1) ?? 0) + word.values.length);
    let at = 0;
    let word = 0;
    return tokens.map((token, i) => {
      while (word < wordEnds.length && at >= wordEnds[word]!) word++;
      const atWordStart = at === (wordEnds[word - 1] ?? 0);
      let start = at;
      if (token === model.unk_token) {
        if (model instanceof WordPiece) {
          at = wordEnds[word] ?? at;
        } else {
          const next = tokens[i + 1];
          const nextBytes = next === undefined ? undefined : this.#tokenBytes(next, false);
          do at = nextCharacter(values, at);
          while (model.fuse_unk && at < values.length && !(nextBytes && matches(nextBytes, 0, values, at)));
        }
      } else {
        const bytes = this.#tokenBytes(token, atWordStart);
        // Characters that no token stands for are passed over.
        while (start < values.length && !matches(bytes, 0, values, start))
          start = nextCharacter(values, start);
        if (start === values.length) return [];
        at = start + bytes.length;
      }
      return units.slice(start, at).filter(unit => unit >= 0);
    });
  }

  #tokenBytes(token: string, atWordStart: boolean): number[] {
    const { model } = this.#tokenizer;
    const byte = this.#byteLevel ? null : BYTE_TOKEN.exec(token);
    if (byte !== null) return [parseInt(byte[1]!, 16)];
    let spelled = token;
    if (model instanceof WordPiece) {
      const prefix = model.config.continuing_subword_prefix ?? '';
      if (!atWordStart && spelled.startsWith(prefix)) spelled = spelled.slice(prefix.length);
    }
    const suffix = model.end_of_word_suffix;
    if (suffix && spelled.endsWith(suffix)) spelled = spelled.slice(0, -suffix.length);
    return this.#bytes(spelled);
  }

  /** Bytes of a word or token in the vocabulary's spelling. */
  #bytes(spelled: string): number[] {
    if (!this.#byteLevel) return this.#textBytes(spelled).values;
    return Array.from(spelled).flatMap(character => BYTES.get(character) ?? [...utf8(character)]);
  }

  /** Bytes of text; the stand-in for a space counts as the space. */
  #textBytes(text: string): Bytes {
    const values: number[] = [];
    const units: number[] = [];
    let unit = 0;
    for (const character of text) {
      const code = character.charCodeAt(0);
      if (code < 0x80 || (character === METASPACE && !this.#byteLevel)) {
        values.push(code < 0x80 ? code : SPACE);
        units.push(unit);
      } else {
        for (const byte of utf8(character)) {
          values.push(byte);
          units.push(unit);
        }
      }
      unit += character.length;
    }
    return { values, units };
  }
}

function splitsToBytes(preTokenizer: PreTokenizer | null): boolean {
  if (preTokenizer instanceof SequencePreTokenizer) return preTokenizer.tokenizers.some(splitsToBytes);
  return preTokenizer instanceof ByteLevelPreTokenizer;
}

interface PlacedToken {
  readonly token: string;
  /** Undefined for characters that the tokenizer added, such as a space before the first word. */
  readonly span: Span | undefined;
}

function whole({ text, spans }: TrackedText): PlacedToken {
  return { token: text, span: { start: spans[0]!.start, end: spans.at(-1)!.end } };
}

/**
 * Finds words in the text that they were cut from; a pre-tokenizer may have left out what lies between and
 * put a space before.
 */
function placeWords(words: readonly number[][], text: Bytes): Bytes[] {
  let at = 0;
  return words.map(word => {
    for (let start = at; start < text.values.length; start = nextCharacter(text.values, start)) {
      for (const inserted of word[0] === SPACE ? [0, 1] : [0]) {
        if (!matches(word, inserted, text.values, start)) continue;
        at = start + word.length - inserted;
        const units = text.units.slice(start, at);
        return { values: word, units: inserted === 0 ? units : [-1, ...units] };
      }
    }
    return { values: word, units: word.map(() => -1) };
  });
}

/** True if the text continues at `start` with the word's bytes from `from` on. */
function matches(word: readonly number[], from: number, text: readonly number[], start: number): boolean {
  if (start + word.length - from > text.length) return false;
  for (let i = from; i < word.length; i++) if (word[i] !== text[start + i - from]) return false;
  return true;
}

/** The position of the next UTF-8 character. */
function nextCharacter(bytes: readonly number[], at: number): number {
  let next = at + 1;
  while (next < bytes.length && (bytes[next]! & 0xc0) === 0x80) next++;
  return next;
}

/** A span without white space at its ends, unless it is nothing else. */
export function withoutSpace(text: string, span: Span): Span {
  const part = text.slice(span.start, span.end);
  const start = span.end - part.trimStart().length;
  const end = span.start + part.trimEnd().length;
  return start < end ? { start, end } : span;
}

/** A pattern for any of some strings; undefined for none. The longest that matches wins. */
export function anyOf(strings: readonly string[]): RegExp | undefined {
  const sorted = strings.filter(string => string !== '').sort((a, b) => b.length - a.length);
  if (sorted.length === 0) return undefined;
  return new RegExp(sorted.map(string => string.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')).join('|'), 'g');
}

const encoder = new TextEncoder();
function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}
