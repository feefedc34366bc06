/** A token as a tokenizer's files describe it, before it has an id. */
export interface NamedToken {
  readonly content: string;
  readonly special: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly singleWord: boolean;
}

/** The special tokens that have a role, in the order in which transformers adds them to a vocabulary. */
export const ROLES = ['bos', 'eos', 'unk', 'sep', 'pad', 'cls', 'mask'] as const;

export type Role = (typeof ROLES)[number];

type JsonObject = Readonly<Record<string, unknown>>;

/** The files of a tokenizer beside its vocabulary; each may be missing. */
export interface SettingsFiles {
  readonly 'tokenizer_config.json'?: JsonObject | undefined;
  readonly 'special_tokens_map.json'?: JsonObject | undefined;
  readonly 'added_tokens.json'?: JsonObject | undefined;
}

/** Fields whose other value would change what is tokenized. */
const REFUSED: readonly (readonly [name: string, value: unknown])[] = [
  ['separate_vocabs', true],
  ['split_special_tokens', true],
  ['do_lower_case', true],
];

/**
 * What the files say together, as transformers reads them: `added_tokens_decoder` of tokenizer_config.json has
 * all there is to know of tokens; where it is missing, special_tokens_map.json overrides special tokens, and
 * added_tokens.json numbers them.
 */
export class TokenizerSettings {
  readonly #fields: JsonObject;
  /** Tokens that have an id. */
  readonly numbered: ReadonlyMap<number, NamedToken>;
  /** The `additional_special_tokens`; undefined where nothing is said of them. */
  readonly additional: readonly NamedToken[] | undefined;

  /** @throws Error where a field has a value that it cannot have, or one that is not supported */
  constructor(files: SettingsFiles) {
    const config = files['tokenizer_config.json'] ?? {};
    const decoder = config.added_tokens_decoder ?? undefined;
    this.#fields = decoder === undefined ? { ...config, ...files['special_tokens_map.json'] } : config;
    for (const [name, value] of REFUSED)
      if (this.#fields[name] === value) throw new Error(`${name} ${JSON.stringify(value)} is not supported`);
    const { enable_sampling: samples } = Object(this.#fields.sp_model_kwargs) as JsonObject;
    if (samples === true) throw new Error('enable_sampling is not supported');
    const additional = this.#fields.additional_special_tokens ?? undefined;
    this.additional = additional === undefined ? undefined : this.#tokens(additional);
    this.numbered = this.#numbered(decoder, files['added_tokens.json'] ?? {});
  }

  /** A special token by its role; undefined where the files take the family's own away. */
  role(role: Role, fallback: string | undefined): NamedToken | undefined {
    const name = `${role}_token`;
    const value = this.#fields[name];
    if (value === undefined) return fallback === undefined ? undefined : specialToken(fallback);
    return value === null ? undefined : namedToken(value, name, true);
  }

  flag(name: string, fallback: boolean): boolean {
    const value = this.#fields[name] ?? fallback;
    if (typeof value !== 'boolean') throw new Error(`${name} is neither true nor false`);
    return value;
  }

  text(name: string): string | undefined {
    const value = this.#fields[name] ?? undefined;
    if (value !== undefined && typeof value !== 'string') throw new Error(`${name} is no text`);
    return value;
  }

  /** A small number of things. */
  count(name: string, fallback: number): number {
    const value = this.#fields[name] ?? fallback;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > 2 ** 16)
      throw new Error(`${name} is no number from 0 to ${2 ** 16}`);
    return value;
  }

  #tokens(value: unknown): NamedToken[] {
    const name = 'additional_special_tokens';
    if (!Array.isArray(value)) throw new Error(`${name} is no list`);
    return value.map(entry => namedToken(entry, name, true));
  }

  #numbered(decoder: unknown, added: JsonObject): Map<number, NamedToken> {
    if (decoder !== undefined) {
      const entries = Object.entries(Object(decoder) as object);
      return new Map(
        entries.map(([id, token]) => [tokenId(Number(id)), namedToken(token, 'added_tokens_decoder', false)]),
      );
    }
    const roles = ROLES.map(role => this.role(role, undefined)?.content);
    const special = new Set([...roles, ...(this.additional ?? []).map(({ content }) => content)]);
    return new Map(
      Object.entries(added).map(([content, id]) => [
        tokenId(id),
        { ...specialToken(content), special: special.has(content) },
      ]),
    );
  }
}

/** A special token that takes no white space. */
export function specialToken(content: string): NamedToken {
  return { content, special: true, lstrip: false, rstrip: false, singleWord: false };
}

function namedToken(value: unknown, name: string, special: boolean): NamedToken {
  if (typeof value === 'string' && value !== '') return { ...specialToken(value), special };
  const token = Object(value) as JsonObject;
  const { content } = token;
  if (typeof content !== 'string' || content === '') throw new Error(`${name} has a token without a content`);
  return {
    content,
    special: special || token.special === true,
    lstrip: token.lstrip === true,
    rstrip: token.rstrip === true,
    singleWord: token.single_word === true,
  };
}

function tokenId(id: unknown): number {
  if (typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id >= 2 ** 24)
    throw new Error(`${JSON.stringify(id)} is no id of a token`);
  return id;
}
