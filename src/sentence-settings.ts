import path from 'node:path';
import { ifThere, readJsonObject } from './files.js';

/** The names that the settings of sentence-transformers' Transformer module have had. */
const NAMES = ['bert', 'roberta', 'distilbert', 'camembert', 'albert', 'xlm-roberta', 'xlnet'].map(
  name => `sentence_${name}_config.json`,
);

/** A JSON file of a model folder. */
export interface SettingsFile {
  readonly file: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/**
 * `sentence_bert_config.json` or the first of its namesakes that is there: how sentence-transformers reads
 * texts, which both the tokenizer and the model of a folder have to know.
 *
 * @param folder of the encoder.
 * @throws KvasirError `invalid_model` where it is broken
 */
export async function readSentenceSettings(folder: string): Promise<SettingsFile | undefined> {
  for (const name of NAMES) {
    const file = path.join(folder, name);
    const fields = await ifThere(readJsonObject(file));
    if (fields !== undefined) return { file, fields };
  }
  return undefined;
}
