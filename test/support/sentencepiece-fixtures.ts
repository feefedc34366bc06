import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('../../../test/fixtures/sentencepiece/', import.meta.url));

/** Ids of each of the texts, and what the ids become. */
interface Expected {
  readonly ids: readonly (readonly number[])[];
  readonly decoded: readonly string[];
}

interface ExpectedFolder extends Expected {
  /** The class of transformers that made it. */
  readonly tokenizer: string;
  /** Names of models by the names of their files. */
  readonly models: Readonly<Record<string, string>>;
  /** Other files, by name. */
  readonly files: Readonly<Record<string, unknown>>;
  readonly size: number;
  /** Ids of the pair "Hello world", "the fox". */
  readonly pair: readonly number[];
}

/** What sentencepiece and transformers make of odd texts: see `test/fixtures/make_sentencepiece.py`. */
export const SENTENCEPIECE = JSON.parse(readFileSync(`${FOLDER}expected.json`, 'utf8')) as {
  readonly texts: readonly string[];
  readonly models: Readonly<Record<string, Expected>>;
  readonly folders: Readonly<Record<string, ExpectedFolder>>;
  /** A map of characters, and what the `Precompiled` normalizer of tokenizers makes of the texts with it. */
  readonly precompiled: { readonly charsmap: string; readonly normalized: readonly string[] };
};

/** A model's file. */
export function sentencePieceModel(name: string): Buffer {
  return readFileSync(`${FOLDER}${name}.model`);
}

/** The files of one of the folders, with their contents. */
export function sentencePieceFolder(name: string): Record<string, Buffer | string> {
  const { tokenizer, models, files } = SENTENCEPIECE.folders[name]!;
  return {
    'config.json': JSON.stringify({ tokenizer_class: tokenizer }),
    ...Object.fromEntries(Object.entries(models).map(([file, model]) => [file, sentencePieceModel(model)])),
    ...Object.fromEntries(Object.entries(files).map(([file, value]) => [file, JSON.stringify(value)])),
  };
}
