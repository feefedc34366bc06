import type { LayoutItem } from '../layout.js';
import { withoutSpace } from '../offsets.js';
import type { Encoding, Span, Tokenizer, TokenOrigin } from '../types.js';
import { AddedTokens, type AddedToken, type Section } from './added-tokens.js';
import type { SpecialLayout, TokenizerFamily, TokenizerParts } from './families.js';
import type { Beginning } from './normalizer.js';
import type { SentencePieceProcessor } from './processor.js';
import { ROLES, type NamedToken, type Role, type TokenizerSettings } from './settings.js';
import { SPACE_CHARACTER } from './space-symbol.js';
import type { PieceVocabulary } from './vocabulary.js';

/** The models and lists of a folder, as its family names them. */
export interface VocabularyContents {
  readonly source: SentencePieceProcessor;
  /** What is written is made of; the same where the family has one for both. */
  readonly target: SentencePieceProcessor;
  /** Ids by token; empty where the family has no list. */
  readonly listed: Readonly<Record<string, unknown>>;
}

/**
 * A tokenizer of SentencePiece models, for folders that have no tokenizer.json. Ids are those of transformers'
 * tokenizer of the same class that is written in Python: added tokens are cut out first, what lies between is
 * split into pieces, and pieces are numbered as the family does.
 */
export class SentencePieceTokenizer implements Tokenizer {
  readonly vocabularySize: number;
  readonly specialIds: ReadonlySet<number>;
  readonly mayExplode: boolean;
  readonly maskId: number | undefined;
  readonly continuationPrefix = undefined;
  readonly #source: SentencePieceProcessor;
  readonly #target: SentencePieceProcessor;
  readonly #vocabulary: PieceVocabulary;
  readonly #added: AddedTokens;
  readonly #single: readonly LayoutItem[];
  readonly #pair: readonly LayoutItem[];
  readonly #family: TokenizerFamily;
  /** Whether spaces beside added tokens stay as they are: `legacy: false`. */
  readonly #keepsSpaces: boolean;
  readonly #addsPrefix: boolean;

  /** @throws Error where the files contradict one another, or a setting is not supported */
  constructor(
    family: TokenizerFamily,
    { source, target, listed }: VocabularyContents,
    settings: TokenizerSettings,
  ) {
    this.#family = family;
    this.#source = source;
    this.#target = target;
    this.mayExplode = source.mayExplode;
    this.#vocabulary = family.vocabulary(source, settings, listed);
    const roles = new Map<Role, NamedToken>();
    for (const role of ROLES) {
      const token = settings.role(role, family.roles[role]);
      if (token !== undefined) roles.set(role, token);
    }
    const parts: TokenizerParts = {
      settings,
      roles,
      vocabulary: this.#vocabulary,
      languages: family.languages?.(settings),
    };
    this.#added = new AddedTokens(addedTokens(family, parts));
    this.vocabularySize = [...this.#added].reduce(
      (most, { id }) => Math.max(most, id + 1),
      this.#vocabulary.size,
    );
    this.specialIds = new Set([...this.#added].filter(({ special }) => special).map(({ id }) => id));
    this.maskId = this.#added.get(roles.get('mask')?.content ?? '')?.id;
    const layout = family.layout(parts);
    for (const content of [...layout.before, ...layout.between, ...layout.after])
      if (this.id(content) === undefined) throw new Error(`it has no token ${JSON.stringify(content)}`);
    this.#single = layoutItems(layout, [0]);
    this.#pair = layoutItems(layout, [0, 1]);
    const isModern = family.knowsLegacy === true && !settings.flag('legacy', true);
    this.#keepsSpaces = isModern;
    this.#addsPrefix = isModern && settings.flag('add_prefix_space', true);
  }

  encode(text: string, { addSpecialTokens = true }: { addSpecialTokens?: boolean } = {}): number[] {
    if (addSpecialTokens) return [...this.encodeWithOffsets(text).ids];
    return this.#tokens(text).map(({ id }) => id);
  }

  encodeWithOffsets(text: string, pair?: string): Encoding {
    const texts = [text, pair ?? ''];
    const ids: number[] = [];
    const origins: (TokenOrigin | undefined)[] = [];
    for (const item of pair === undefined ? this.#single : this.#pair) {
      if ('special' in item) {
        const id = this.id(item.special)!;
        if (this.#family.endsOnce === true && ids.at(-1) === id && origins.at(-1) !== undefined) continue;
        ids.push(id);
        origins.push(undefined);
        continue;
      }
      for (const { id, start, end } of this.#tokens(texts[item.text]!)) {
        ids.push(id);
        origins.push({ text: item.text, ...withoutSpace(texts[item.text]!, { start, end }) });
      }
    }
    return { ids, typeIds: ids.map(() => 0), origins };
  }

  decode(ids: readonly number[], { skipSpecialTokens = true }: { skipSpecialTokens?: boolean } = {}): string {
    const text = this.#target.startText();
    for (const id of ids) {
      if (skipSpecialTokens && this.specialIds.has(id)) continue;
      const added = this.#added.at(id);
      const piece = this.#vocabulary.token(id);
      if (added !== undefined) text.spell(added.content);
      else if (piece !== undefined) text.add(piece);
    }
    return text.finish();
  }

  token(id: number): string | undefined {
    return this.#added.at(id)?.content ?? this.#vocabulary.token(id);
  }

  id(token: string): number | undefined {
    return this.#added.get(token)?.id ?? this.#vocabulary.id(token);
  }

  #tokens(text: string): LocatedToken[] {
    const tokens: LocatedToken[] = [];
    // Spaces are spelled in one way.
    const spelled = this.#keepsSpaces ? text.replaceAll(SPACE_CHARACTER, ' ') : text;
    const sections = this.#added.split(spelled);
    // The prefix is there even where no text follows it, but for a special token.
    if (this.#addsPrefix && sections[0]?.token?.special === false)
      for (const piece of this.#source.encode(SPACE_CHARACTER, { dummyPrefix: false, keepsSpace: true }))
        tokens.push({ id: this.#vocabulary.pieceId(piece), start: 0, end: 0 });
    sections.forEach((section, i) => {
      if (section.token === undefined) this.#encodeSection(spelled, section, i, tokens);
      else tokens.push({ id: section.token.id, start: section.start, end: section.end });
    });
    return tokens;
  }

  #encodeSection(text: string, section: Section, index: number, tokens: LocatedToken[]): void {
    let { start } = section;
    if (this.#family.marksLanguages === true) {
      const mark = /^>>[^]*?<</.exec(text.slice(start, section.end))?.[0];
      if (mark !== undefined) {
        const id = this.#vocabulary.id(mark) ?? this.#vocabulary.pieceId(this.#unknown(mark));
        tokens.push({ id, start, end: start + mark.length });
        start += mark.length;
      }
    }
    const beginning = this.#keepsSpaces ? this.#modernBeginning(text, start, index) : undefined;
    for (const piece of this.#source.encode(text.slice(start, section.end), beginning))
      tokens.push({
        id: this.#vocabulary.pieceId(piece),
        start: start + piece.start,
        end: start + piece.end,
      });
  }

  /** Of all white space that a section may begin with, only a space stays. */
  #modernBeginning(text: string, start: number, index: number): Beginning {
    const dummyPrefix = this.#addsPrefix && index === 0;
    return { dummyPrefix, keepsSpace: dummyPrefix || text[start] === ' ' };
  }

  #unknown(spelling: string): { id: number; unknown: string; start: number; end: number } {
    return { id: this.#source.model.unknownId, unknown: spelling, start: 0, end: 0 };
  }
}

interface LocatedToken extends Span {
  readonly id: number;
}

/** Those of the family, as far as files do not say otherwise, those of the files, and the special ones. */
function* addedTokens(family: TokenizerFamily, parts: TokenizerParts): Generator<AddedToken> {
  const { settings, roles, vocabulary } = parts;
  const { numbered } = settings;
  const elsewhere = new Set([...numbered.values()].map(({ content }) => content));
  const known = new Map<string, number>();
  let free = vocabulary.size;
  const add = (id: number, token: NamedToken): AddedToken => {
    known.set(token.content, id);
    free = Math.max(free, id + 1);
    return { id, ...token };
  };
  for (const [id, token] of family.builtIn?.(parts) ?? [])
    if (!numbered.has(id) && !elsewhere.has(token.content)) yield add(id, token);
  const special = [...roles.values(), ...(settings.additional ?? [])];
  const specialContents = new Set(special.map(({ content }) => content));
  for (const [id, token] of numbered)
    yield add(id, { ...token, special: token.special || specialContents.has(token.content) });
  for (const token of special)
    if (!known.has(token.content)) yield add(vocabulary.id(token.content) ?? free, token);
}

function layoutItems({ before, between, after }: SpecialLayout, texts: readonly (0 | 1)[]): LayoutItem[] {
  const special = (content: string): LayoutItem => ({ special: content, typeId: 0 });
  return [
    ...before.map(special),
    ...texts.flatMap(text => [...(text === 0 ? [] : between.map(special)), { text, typeId: 0 }]),
    ...after.map(special),
  ];
}
