import type { GgufMetadata } from '../metadata.js';

/**
 * What a token is. The numbers are those of files, and of SentencePiece's `ModelProto.SentencePiece.Type`.
 */
export const TokenType = {
  NORMAL: 1,
  UNKNOWN: 2,
  CONTROL: 3,
  USER_DEFINED: 4,
  UNUSED: 5,
  BYTE: 6,
} as const;

const TYPES: ReadonlySet<number> = new Set(Object.values(TokenType));

/** The roles that files give tokens, with the names of their keys. */
const ROLE_KEYS = {
  bos: 'bos_token_id',
  eos: 'eos_token_id',
  eot: 'eot_token_id',
  eom: 'eom_token_id',
  unk: 'unknown_token_id',
  sep: 'seperator_token_id',
  pad: 'padding_token_id',
  mask: 'mask_token_id',
  fimPad: 'fim_pad_token_id',
  fimRepo: 'fim_rep_token_id',
  fimSeparator: 'fim_sep_token_id',
} as const;

export type Role = keyof typeof ROLE_KEYS;

/** Spellings that no text has by accident: whatever a file's types say, they control the model. */
const CONTROL_SPELLINGS: ReadonlySet<string> = new Set([
  '<|eot_id|>',
  '<|eom_id|>',
  '<|im_end|>',
  '<|end|>',
  '<|return|>',
  '<|call|>',
  '<end_of_turn>',
  '<|endoftext|>',
  '<|end_of_text|>',
  '<end_of_utterance>',
  '<｜end▁of▁sentence｜>',
]);

/** The tokens of a GGUF file: `tokenizer.ggml.*`. The lists have one entry per id. */
export interface GgufVocabulary {
  readonly tokens: readonly string[];
  /** See {@link TokenType}. */
  readonly types: Uint8Array;
  /** Undefined where the file has none. */
  readonly scores: Float32Array | undefined;
  /** Ids by their tokens' spelling. */
  readonly ids: ReadonlyMap<string, number>;
  /** Ids of tokens with a role; a role that the file gives to none is missing. */
  readonly roles: ReadonlyMap<Role, number>;
}

/**
 * Reads the tokens of a file.
 *
 * @param defaults the ids of roles where the file does not give them, as llama.cpp has them; those that the
 * vocabulary is too small for are left out.
 * @throws KvasirError `invalid_model` where lists are missing or of other lengths, a token is there twice, or a
 * role's id is none
 */
export function readVocabulary(
  metadata: GgufMetadata,
  defaults: Readonly<Partial<Record<Role, number>>>,
): GgufVocabulary {
  const tokens = metadata
    .strings('tokenizer.ggml.tokens')
    .map((token, id) => (token === '' ? `[EMPTY_${id}]` : token));
  if (tokens.length === 0) throw metadata.invalid('tokenizer.ggml.tokens is empty');
  const ids = new Map<string, number>();
  for (const [id, token] of tokens.entries()) {
    const other = ids.get(token);
    if (other !== undefined)
      throw metadata.invalid(`the tokens ${other} and ${id} are both ${JSON.stringify(token)}`);
    ids.set(token, id);
  }
  const roles = readRoles(metadata, tokens.length, defaults);
  return {
    tokens,
    ids,
    roles,
    types: readTypes(metadata, tokens),
    scores: readScores(metadata, tokens.length),
  };
}

/** The spelling of a role's token; undefined where no token has it. */
export function spellingOf({ tokens, roles }: GgufVocabulary, role: Role): string | undefined {
  const id = roles.get(role);
  return id === undefined ? undefined : tokens[id];
}

/** Whether a type's tokens stand for themselves wherever a text has them. */
export function isAdded(type: number | undefined): boolean {
  return type === TokenType.CONTROL || type === TokenType.USER_DEFINED || type === TokenType.UNKNOWN;
}

function readTypes(metadata: GgufMetadata, tokens: readonly string[]): Uint8Array {
  const key = 'tokenizer.ggml.token_type';
  const given = metadata.has(key) ? metadata.numbers(key) : tokens.map(() => TokenType.NORMAL);
  requireLength(metadata, key, given.length, tokens.length);
  return Uint8Array.from(tokens, (token, id) => {
    const type = given[id]!;
    if (CONTROL_SPELLINGS.has(token)) return TokenType.CONTROL;
    // llama.cpp takes what it does not know for nothing in particular.
    return TYPES.has(type) ? type : TokenType.NORMAL;
  });
}

function readScores(metadata: GgufMetadata, length: number): Float32Array | undefined {
  const key = 'tokenizer.ggml.scores';
  if (!metadata.has(key)) return undefined;
  const scores = Float32Array.from(metadata.numbers(key));
  requireLength(metadata, key, scores.length, length);
  if (!scores.every(Number.isFinite)) throw metadata.invalid(`${key} has scores that are not finite`);
  return scores;
}

/** Longer lists than that of the tokens are cut by llama.cpp, shorter ones refused. */
function requireLength(metadata: GgufMetadata, key: string, length: number, expected: number): void {
  if (length < expected)
    throw metadata.invalid(`${key} has ${length} entries, but there are ${expected} tokens`);
}

function readRoles(
  metadata: GgufMetadata,
  size: number,
  defaults: Readonly<Partial<Record<Role, number>>>,
): Map<Role, number> {
  const roles = new Map<Role, number>();
  for (const [role, name] of Object.entries(ROLE_KEYS) as [Role, string][]) {
    const key = `tokenizer.ggml.${name}`;
    const fallback = defaults[role];
    if (metadata.has(key)) {
      const id = metadata.count(key);
      if (id >= size) throw metadata.invalid(`${key} is ${id}, but there are ${size} tokens`);
      roles.set(role, id);
    } else if (fallback !== undefined && fallback < size) roles.set(role, fallback);
  }
  return roles;
}
