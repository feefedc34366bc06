import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { KvasirError } from '#errors.js';

/** Files of tokenizers in formats that are not read by themselves. */
const FORMATS = /^(vocab\.(txt|json)|merges\.txt|bpe\.codes|tekken\.json|.*\.(model|spm|tiktoken))$/;

/**
 * The error for a folder without a tokenizer that can be read: it names what there is instead, and what to do
 * with it.
 *
 * @param reason why nothing else stands in for `tokenizer.json`, as the end of a sentence.
 */
export async function unreadTokenizer(folder: string, reason: string, cause?: unknown): Promise<KvasirError> {
  const message = `${path.join(folder, 'tokenizer.json')} is missing, and ${reason}`;
  const found = (await readdir(folder).catch(() => [])).filter(name => FORMATS.test(name)).sort();
  if (found.length === 0) return new KvasirError('invalid_model', message, { cause });
  return new KvasirError(
    'unsupported_model',
    `${message}; there is ${found.join(', ')}. Hugging Face's transformers makes a tokenizer.json of it: AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)`,
    { cause },
  );
}
