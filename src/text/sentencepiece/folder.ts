import path from 'node:path';
import { KvasirError } from '#errors.js';
import { ifThere, openRegularFile, readBinaryFile, readJsonObject } from '#files.js';
import type { Tokenizer } from '../types.js';
import { unreadTokenizer } from '../unread-tokenizer.js';
import { findFamily, tokenizerClass, type TokenizerFamily } from './families.js';
import { readModel } from './model-file.js';
import { SentencePieceProcessor } from './processor.js';
import { TokenizerSettings } from './settings.js';
import { SentencePieceTokenizer } from './tokenizer.js';

/** The largest published models have some 20 MB. */
const LONGEST_MODEL = 2 ** 26;

/**
 * Finds out how a folder without a tokenizer.json becomes a tokenizer, and that its files are there.
 *
 * @throws KvasirError `invalid_model`, naming what is there and what is missing; `unsupported_model` where
 * there are only files of other formats
 */
export async function findTokenizerFamily(folder: string): Promise<TokenizerFamily> {
  const config = await ifThere(readJsonObject(path.join(folder, 'config.json')));
  const tokenizerConfig = await ifThere(readJsonObject(path.join(folder, 'tokenizer_config.json')));
  const named = [tokenizerConfig, config].map(fields => textOf(fields?.tokenizer_class));
  const name = tokenizerClass(named.find(Boolean), textOf(config?.model_type));
  const family = name === undefined ? undefined : findFamily(name);
  if (family === undefined) {
    const reason = name === undefined ? 'no tokenizer_class is named' : `a ${name} needs it`;
    throw await unreadTokenizer(folder, reason);
  }
  const missing = `${path.join(folder, 'tokenizer.json')} is missing`;
  const { source, target, listed } = family.files;
  const files = [source, target, listed].filter(file => file !== undefined);
  const found = await Promise.all(files.map(async file => isThere(path.join(folder, file))));
  if (found.includes(false)) {
    const absent = files.filter((_, i) => !found[i]).join(', ');
    const present = files.filter((_, i) => found[i]).join(', ');
    const whole =
      present === '' ? `${absent}, of which a ${name} can be made` : `${absent} beside ${present}`;
    throw new KvasirError('invalid_model', `${missing}, and so is ${whole}`);
  }
  return family;
}

/**
 * The tokenizer of a folder that has SentencePiece models in place of a tokenizer.json.
 *
 * @throws KvasirError `invalid_model`, naming the file that is missing or broken
 */
export async function loadSentencePieceTokenizer(folder: string): Promise<Tokenizer> {
  const family = await findTokenizerFamily(folder);
  const { source, target = source, listed } = family.files;
  const sourceModel = await loadProcessor(path.join(folder, source));
  const contents = {
    source: sourceModel,
    target: target === source ? sourceModel : await loadProcessor(path.join(folder, target)),
    listed: listed === undefined ? {} : await readJsonObject(path.join(folder, listed)),
  };
  const files = Object.fromEntries(
    await Promise.all(
      ['tokenizer_config.json', 'special_tokens_map.json', 'added_tokens.json'].map(async name => [
        name,
        await ifThere(readJsonObject(path.join(folder, name))),
      ]),
    ),
  ) as ConstructorParameters<typeof TokenizerSettings>[0];
  try {
    return new SentencePieceTokenizer(family, contents, new TokenizerSettings(files));
  } catch (cause) {
    throw invalid(`the tokenizer of ${folder} cannot be used`, cause);
  }
}

async function loadProcessor(file: string): Promise<SentencePieceProcessor> {
  const bytes = await readBinaryFile(file, LONGEST_MODEL);
  try {
    return new SentencePieceProcessor(readModel(bytes));
  } catch (cause) {
    throw invalid(`${file} is not a usable SentencePiece model`, cause);
  }
}

async function isThere(file: string): Promise<boolean> {
  const handle = await ifThere(openRegularFile(file));
  await handle?.close();
  return handle !== undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function invalid(message: string, cause: unknown): KvasirError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new KvasirError('invalid_model', `${message}: ${reason}`, { cause });
}
