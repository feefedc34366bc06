import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { KvasirError } from '#errors.js';
import { ifThere, readJsonObject, readTextFile } from '#files.js';
import { readSentenceSettings } from '#sentence-settings.js';
import { namesSentencePiece } from './sentencepiece/folder.js';
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
 * @returns undefined where there is neither, and the folder names a tokenizer that SentencePiece models make.
 * @throws KvasirError `invalid_model`, naming the file, where there is none, or it is broken;
 * `unsupported_model` where there are only files of another format
 */
export async function readTokenizerFiles(folder: string): Promise<TokenizerFiles | undefined> {
  const files = await readDefinition(folder);
  const settings = await readSentenceSettings(folder);
  if (settings?.fields.do_lower_case !== true) return files;
  if (files === undefined)
    throw new KvasirError(
      'unsupported_model',
      `${folder}: do_lower_case is true, which SentencePiece models are not given`,
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
  if (vocabulary !== undefined) {
    try {
      return { definition: wordPieceDefinition(vocabulary, config), config, file: words };
    } catch (cause) {
      throw await noDefinition(folder, `: ${(cause as Error).message}`, cause);
    }
  }
  if (await namesSentencePiece(folder)) return undefined;
  throw await noDefinition(folder);
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

async function noDefinition(folder: string, reason = '', cause?: unknown): Promise<KvasirError> {
  const found = (await readdir(folder)).filter(name => OTHER.test(name));
  const file = path.join(folder, 'tokenizer.json');
  if (found.length === 0) return new KvasirError('invalid_model', `${file} is missing`);
  return new KvasirError(
    'unsupported_model',
    `${file} is missing; there is ${found.join(', ')}, which is not read${reason}. Hugging Face's transformers makes the file of it: AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)`,
    { cause },
  );
}
