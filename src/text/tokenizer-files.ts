import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { KvasirError } from '#errors.js';
import { ifThere, readJsonObject, readTextFile } from '#files.js';
import { readSentenceSettings } from '#sentence-settings.js';
import { wordPieceDefinition } from './wordpiece-vocabulary.js';

/** What a folder says of its tokenizer. */
export interface TokenizerFiles {
  /** The pipeline and the vocabulary, in the format of `tokenizer.json`. */
  readonly definition: object;
  /** `tokenizer_config.json`; empty where there is none. */
  readonly config: object;
  /** The file that the definition comes from. */
  readonly file: string;
}

/** Files of tokenizers in formats that are not read. */
const OTHER = /^(vocab\.(txt|json)|merges\.txt|bpe\.codes|tekken\.json|.*\.(model|spm|tiktoken))$/;

/**
 * Reads `tokenizer.json`, or what can be converted to it: the `vocab.txt` of a BERT. Where the settings of
 * sentence-transformers have `do_lower_case`, texts are lowered first.
 *
 * @returns undefined where there is neither.
 * @throws KvasirError `invalid_model`, naming the file, where it is broken; `unsupported_model` where a
 * `vocab.txt` is another tokenizer's, or texts are to be lowered for a tokenizer of another format
 */
export async function readTokenizerFiles(folder: string): Promise<TokenizerFiles | undefined> {
  const files = await readDefinition(folder);
  const settings = await readSentenceSettings(folder);
  if (settings?.fields.do_lower_case !== true) return files;
  if (files === undefined)
    throw new KvasirError(
      'unsupported_model',
      `${settings.file}: do_lower_case is true, which is obeyed with a tokenizer.json only`,
    );
  return { ...files, definition: lowered(files.definition) };
}

async function readDefinition(folder: string): Promise<TokenizerFiles | undefined> {
  const config = (await ifThere(readJsonObject(path.join(folder, 'tokenizer_config.json')))) ?? {};
  const file = path.join(folder, 'tokenizer.json');
  const definition = await ifThere(readJsonObject(file));
  if (definition !== undefined) return { definition, config, file };
  const words = path.join(folder, 'vocab.txt');
  const vocabulary = await ifThere(readTextFile(words));
  if (vocabulary === undefined) return undefined;
  try {
    return { definition: wordPieceDefinition(vocabulary, config), config, file: words };
  } catch (cause) {
    const { message } = cause as Error;
    return withAdvice(folder, Promise.reject(new Error(`${file} is missing, and ${message}`)));
  }
}

/**
 * A tokenizer, or the error that there is none with what there is instead, and what to do with it.
 *
 * @throws KvasirError `unsupported_model`; the error itself where the folder has nothing of a tokenizer
 */
export async function withAdvice<T>(folder: string, tokenizer: Promise<T>): Promise<T> {
  try {
    return await tokenizer;
  } catch (cause) {
    const found = (await readdir(folder).catch(() => [])).filter(name => OTHER.test(name));
    const { message } = cause as Error;
    if (found.length === 0 || !message.includes('tokenizer.json is missing')) throw cause;
    throw new KvasirError(
      'unsupported_model',
      `${message}; there is ${found.sort().join(', ')}. Hugging Face's transformers makes a tokenizer.json of it: AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)`,
      { cause },
    );
  }
}

type Part = Readonly<Record<string, unknown>> | null | undefined;

/** A definition whose normalizer begins by lowering, if no part of it does so already. */
function lowered(definition: object): object {
  const { normalizer } = definition as { readonly normalizer?: Part };
  if (lowers(normalizer)) return definition;
  const normalizers = [{ type: 'Lowercase' }, ...(normalizer ? [normalizer] : [])];
  return { ...definition, normalizer: { type: 'Sequence', normalizers } };
}

function lowers(normalizer: Part): boolean {
  if (!normalizer) return false;
  if (normalizer.type === 'BertNormalizer') return normalizer.lowercase !== false;
  const { normalizers } = normalizer;
  return (
    normalizer.type === 'Lowercase' || (Array.isArray(normalizers) && (normalizers as Part[]).some(lowers))
  );
}
