/** An added token of `tokenizer.json`, or of the `added_tokens_decoder` of `tokenizer_config.json`. */
interface AddedEntry {
  readonly id: number;
  readonly content: string;
  readonly [flag: string]: unknown;
}

/**
 * Adds to `tokenizer.json` what `added_tokens_decoder` of `tokenizer_config.json` says of tokens: flags of those that
 * it has, and further ones. As in Hugging Face's library, a further token keeps the id that the vocabulary has for it,
 * or takes the next that is free, whatever id the configuration has.
 *
 * @param definition the contents of `tokenizer.json`.
 * @param config those of `tokenizer_config.json`.
 */
export function withConfiguredTokens(definition: object, config: object): object {
  const { added_tokens_decoder: configured } = config as { readonly added_tokens_decoder?: unknown };
  if (typeof configured !== 'object' || configured === null) return definition;
  const { added_tokens: listed, model } = definition as {
    readonly added_tokens?: unknown;
    readonly model?: { readonly vocab?: unknown };
  };
  const tokens: AddedEntry[] = Array.isArray(listed) ? [...(listed as AddedEntry[])] : [];
  const entries = Object.entries(configured)
    .map(([id, entry]) => [Number(id), Object(entry) as AddedEntry] as const)
    .sort(([a], [b]) => a - b);
  let isChanged = false;
  for (const [, { id: _, ...entry }] of entries) {
    const { content } = entry;
    if (typeof content !== 'string' || content === '') continue;
    const at = tokens.findIndex(token => token.content === content);
    if (at >= 0 && Object.entries(entry).every(([flag, value]) => tokens[at]![flag] === value)) continue;
    if (at >= 0) tokens[at] = { ...tokens[at]!, ...entry };
    else tokens.push({ ...entry, content, id: idOf(model?.vocab, content) ?? nextId(model?.vocab, tokens) });
    isChanged = true;
  }
  return isChanged ? { ...definition, added_tokens: tokens } : definition;
}

/** The id that a vocabulary has for a token: an object of ids, or a list of `[token, score]`. */
function idOf(vocab: unknown, content: string): number | undefined {
  if (!Array.isArray(vocab)) return (vocab as Readonly<Record<string, number>> | undefined)?.[content];
  const at = (vocab as readonly (readonly unknown[])[]).findIndex(([token]) => token === content);
  return at < 0 ? undefined : at;
}

function nextId(vocab: unknown, tokens: readonly AddedEntry[]): number {
  const size = Array.isArray(vocab) ? vocab.length : Object.keys(Object(vocab) as object).length;
  return tokens.reduce((next, { id }) => Math.max(next, id + 1), size);
}
