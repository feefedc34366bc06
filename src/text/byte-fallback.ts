import { Unigram, type HuggingFaceTokenizer } from './huggingface.js';

const encoder = new TextEncoder();

/**
 * Has a Unigram model with `byte_fallback` spell unknown characters as their bytes, as Hugging Face's tokenizers
 * do: `@huggingface/tokenizers` passes over the flag.
 *
 * @param definition the contents of `tokenizer.json`.
 */
export function spellUnknownAsBytes(tokenizer: HuggingFaceTokenizer, definition: object): void {
  const { model } = tokenizer;
  const { byte_fallback: isWanted } = Object((definition as { model?: unknown }).model) as {
    byte_fallback?: unknown;
  };
  if (!(model instanceof Unigram) || isWanted !== true) return;
  const tokenize = model.tokenize.bind(model);
  const isKnown = (token: string): boolean => model.tokens_to_ids.has(token);
  model.tokenize = text => {
    const tokens: string[] = [];
    for (const token of tokenize(text)) {
      const bytes = isKnown(token) ? [] : Array.from(encoder.encode(token), spell);
      if (bytes.length > 0 && bytes.every(isKnown)) tokens.push(...bytes);
      else tokens.push(token);
    }
    return tokens;
  };
}

function spell(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
}
