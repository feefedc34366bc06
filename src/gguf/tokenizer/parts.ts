import type { GgufMetadata } from '../metadata.js';
import { isAdded, spellingOf, TokenType, type GgufVocabulary, type Role } from './vocabulary.js';

/** A tokenizer, taken to pieces. */
export interface TokenizerParts {
  readonly vocabulary: GgufVocabulary;
  readonly around: Surroundings;
  /** The contents of the files that hold it: objects for JSON. */
  readonly files: Readonly<Record<string, object | Uint8Array>>;
  /** Fields of `tokenizer_config.json` that only this tokenizer needs. */
  readonly config?: Readonly<Record<string, unknown>>;
}

/** The roles of the tokens that stand around a text, and between two of a pair. */
export interface Surroundings {
  readonly before: readonly Role[];
  readonly between: readonly Role[];
  readonly after: readonly Role[];
}

/**
 * What `add_bos_token` and the like put around texts. As llama.cpp has it for pairs, a separator follows the end
 * of the first one where there is one; else the second one begins as the first.
 *
 * @param defaults what counts where the file does not say it.
 * @throws KvasirError `invalid_model` where a token is to be added that there is not
 */
export function surroundings(
  metadata: GgufMetadata,
  { roles }: GgufVocabulary,
  defaults: Readonly<Record<'bos' | 'eos' | 'sep', boolean>>,
): Surroundings {
  const added = (role: 'bos' | 'eos' | 'sep'): Role[] => {
    const key = `tokenizer.ggml.add_${role}_token`;
    if (!metadata.flag(key, defaults[role] && roles.has(role))) return [];
    if (!roles.has(role)) throw metadata.invalid(`${key} is true, but no token has that role`);
    return [role];
  };
  const [before, after, separators] = [added('bos'), added('eos'), added('sep')];
  return { before, between: [...after, ...(separators.length > 0 ? separators : before)], after };
}

/** `added_tokens` of a tokenizer.json: all that stand for themselves wherever a text has them. */
export function addedTokens(
  { tokens, types }: GgufVocabulary,
  strips: (token: string) => { readonly lstrip: boolean; readonly rstrip: boolean },
): object[] {
  return tokens.flatMap((content, id) =>
    isAdded(types[id])
      ? [
          {
            id,
            content,
            single_word: false,
            ...strips(content),
            normalized: false,
            special: types[id] !== TokenType.USER_DEFINED,
          },
        ]
      : [],
  );
}

/** `post_processor` of a tokenizer.json; null where nothing is added. */
export function templateProcessing(
  around: Surroundings,
  vocabulary: GgufVocabulary,
  segments: readonly [first: number, second: number],
): object | null {
  const { before, between, after } = around;
  if (before.length + between.length + after.length === 0) return null;
  const special = (roles: readonly Role[], type_id: number): object[] =>
    roles.map(role => ({ SpecialToken: { id: spellingOf(vocabulary, role), type_id } }));
  const [first, second] = segments;
  const text = (id: 'A' | 'B', type_id: number): object => ({ Sequence: { id, type_id } });
  const beginning = [...special(before, first), text('A', first)];
  return {
    type: 'TemplateProcessing',
    single: [...beginning, ...special(after, first)],
    pair: [...beginning, ...special(between, first), text('B', second), ...special(after, second)],
    special_tokens: Object.fromEntries(
      [...before, ...between, ...after].map(role => {
        const token = spellingOf(vocabulary, role)!;
        return [token, { id: token, ids: [vocabulary.roles.get(role)], tokens: [token] }];
      }),
    ),
  };
}
