import path from 'node:path';
import { KvasirError } from '#errors.js';
import { ifThere, readJsonObject, readTextFile } from '#files.js';
import { readSentenceSettings } from '#sentence-settings.js';
import { unreadTokenizer } from './unread-tokenizer.js';
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
    throw await unreadTokenizer(folder, (cause as Error).message, cause);
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
