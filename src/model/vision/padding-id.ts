import path from 'node:path';
import type { ModelConfig } from '#graph/config.js';
import { ifThere, readJsonObject } from '#files.js';

/**
 * Id of the token that a folder's tokenizer pads with: `pad_token` of tokenizer_config.json, looked up there and in
 * tokenizer.json, since a text tower's own `pad_token_id` may be that of another family; that where nothing says more.
 *
 * @param config `text_config`
 * @throws KvasirError `invalid_model` where a file is broken, or nothing names the token
 */
export async function paddingId(folder: string, config: ModelConfig): Promise<number> {
  const settings = (await ifThere(readJsonObject(path.join(folder, 'tokenizer_config.json')))) ?? {};
  const named = contentOf(settings.pad_token);
  if (named !== undefined) {
    const listed = Object.entries(Object(settings.added_tokens_decoder) as Record<string, unknown>);
    const found = listed.find(([, token]) => contentOf(token) === named)?.[0];
    if (found !== undefined) return Number(found);
    const tokenizer = await ifThere(readJsonObject(path.join(folder, 'tokenizer.json')));
    const added = Array.isArray(tokenizer?.added_tokens) ? (tokenizer.added_tokens as unknown[]) : [];
    const token = added.find(entry => contentOf(entry) === named) as { id?: unknown } | undefined;
    if (typeof token?.id === 'number') return token.id;
  }
  return config.count('pad_token_id');
}

/** A token's text, which is written as such or with its properties. */
function contentOf(token: unknown): string | undefined {
  const content =
    typeof token === 'object' && token !== null ? (token as { content?: unknown }).content : token;
  return typeof content === 'string' ? content : undefined;
}
