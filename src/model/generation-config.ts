import { join } from 'node:path';
import { KvasirError } from '#errors.js';
import { ifThere, readJsonObject } from '#files.js';
import { GENERATION_CLASS_DEFAULTS } from './generation-class-defaults.js';

/** What a model folder says about how its text begins and ends. */
export interface GenerationConfig {
  readonly bosId: number | undefined;
  /** Any of them ends a sequence; empty where the folder names none. */
  readonly eosIds: ReadonlySet<number>;
}

/** Tells the id of a token by its text. */
interface Vocabulary {
  id(token: string): number | undefined;
}

/**
 * Reads where a text begins and ends: `generation_config.json`, and `config.json` for what it leaves out;
 * onnxruntime-genai's folders have both in `genai_config.json`.
 *
 * @param generator the vocabulary of a generator, whose texts end at all that is named anywhere, as a tuned model's
 * files may each name another token: at `eos_token` of `tokenizer_config.json` or `special_tokens_map.json`, too.
 * @throws KvasirError `invalid_model` where a file is broken or an id is no token id; -1 stands for none.
 */
export async function readGenerationConfig(
  folder: string,
  generator?: Vocabulary,
): Promise<GenerationConfig> {
  const { model } = await readJson(join(folder, 'genai_config.json'));
  const file = await readJson(join(folder, 'config.json'));
  const config: Record<string, unknown> = {
    ...(model as object | undefined),
    ...(typeof file.model_type === 'string' ? GENERATION_CLASS_DEFAULTS[file.model_type] : undefined),
    ...file,
  };
  const own = await readJson(join(folder, 'generation_config.json'));
  const ids = (from: Readonly<Record<string, unknown>>, field: string): readonly number[] =>
    tokenIds(folder, field, from[field] ?? []);
  const bosIds = [...ids(own, 'bos_token_id'), ...ids(config, 'bos_token_id')];
  if (generator === undefined) {
    const from = own.eos_token_id === undefined || own.eos_token_id === null ? config : own;
    return { bosId: bosIds[0], eosIds: new Set(ids(from, 'eos_token_id')) };
  }
  const named = async (field: string): Promise<readonly number[]> => {
    const token = await namedToken(folder, field);
    return (token === undefined ? undefined : [generator.id(token) ?? []].flat()) ?? [];
  };
  return {
    bosId: bosIds[0] ?? (await named('bos_token'))[0],
    eosIds: new Set([
      ...ids(own, 'eos_token_id'),
      ...ids(config, 'eos_token_id'),
      ...(await named('eos_token')),
    ]),
  };
}

/** A special token of the tokenizer's files, as a text or as an object with its `content`. */
async function namedToken(folder: string, field: string): Promise<string | undefined> {
  for (const file of ['tokenizer_config.json', 'special_tokens_map.json']) {
    const entry = (await readJson(join(folder, file)))[field];
    const content = typeof entry === 'object' && entry !== null && 'content' in entry ? entry.content : entry;
    if (typeof content === 'string') return content;
  }
  return undefined;
}

function tokenIds(folder: string, field: string, value: unknown): readonly number[] {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  for (const id of list)
    if (!Number.isInteger(id) || (id as number) < -1)
      throw new KvasirError(
        'invalid_model',
        `${folder}: ${field} is ${JSON.stringify(value)}, expected token ids`,
      );
  return (list as number[]).filter(id => id >= 0);
}

/**
 * An absent file is an empty object: all files are optional here, and whoever needs config.json says so
 * itself.
 */
async function readJson(file: string): Promise<Record<string, unknown>> {
  return (await ifThere(readJsonObject(file))) ?? {};
}
