import { existsSync } from 'node:fs';
import path from 'node:path';
import { ModelConfig } from '#graph/config.js';

/** What sentence-transformers does to texts before a model reads them, and to its vectors afterwards. */
export interface SentenceConfig {
  /** Texts to put in front of others, such as `query: `, by name. */
  readonly prompts: ReadonlyMap<string, string>;
  /** The prompt of requests that name none; empty where there is none. */
  readonly defaultPrompt: string;
  /** Components of a vector that are kept; undefined: all. */
  readonly truncateDim: number | undefined;
}

/** Of a model that says nothing of it. */
export const PLAIN_SENTENCES: SentenceConfig = {
  prompts: new Map(),
  defaultPrompt: '',
  truncateDim: undefined,
};

const FILE = 'config_sentence_transformers.json';

/**
 * Reads `config_sentence_transformers.json`, where there is one.
 *
 * @throws KvasirError `invalid_model` where it is broken, or its default prompt is none of its prompts
 */
export async function readSentenceConfig(folder: string): Promise<SentenceConfig> {
  if (!existsSync(path.join(folder, FILE))) return PLAIN_SENTENCES;
  const config = await ModelConfig.read(folder, FILE);
  const texts = config.section('prompts');
  const prompts = new Map(texts?.names.map(name => [name, texts.string(name, '')]));
  const name = config.has('default_prompt_name') ? config.string('default_prompt_name') : undefined;
  const defaultPrompt = name === undefined ? '' : prompts.get(name);
  if (defaultPrompt === undefined)
    return config.invalid(`default_prompt_name is '${name}', which is none of its prompts`);
  return {
    prompts,
    defaultPrompt,
    truncateDim: config.has('truncate_dim') ? config.size('truncate_dim') : undefined,
  };
}
