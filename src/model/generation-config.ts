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

/**
 * Reads `generation_config.json`, and `config.json` for what it leaves out; onnxruntime-genai's folders have
 * both in `genai_config.json`.
 *
 * @throws KvasirError `invalid_model` where a file is broken or an id is no token id.
 */
export async function readGenerationConfig(folder: string): Promise<GenerationConfig> {
  const { model } = await readJson(join(folder, 'genai_config.json'));
  const file = await readJson(join(folder, 'config.json'));
  const config: Record<string, unknown> = {
    ...(model as object | undefined),
    ...(typeof file.model_type === 'string' ? GENERATION_CLASS_DEFAULTS[file.model_type] : undefined),
    ...file,
  };
  const merged = { ...config, ...(await readJson(join(folder, 'generation_config.json'))) };
  const ids = (field: string): number[] => {
    const value: unknown = merged[field] ?? config[field] ?? [];
    const list: unknown[] = Array.isArray(value) ? value : [value];
    for (const id of list) {
      if (!Number.isInteger(id) || (id as number) < 0) {
        throw new KvasirError(
          'invalid_model',
          `${folder}: ${field} is ${JSON.stringify(value)}, expected token ids`,
        );
      }
    }
    return list as number[];
  };
  return { bosId: ids('bos_token_id')[0], eosIds: new Set(ids('eos_token_id')) };
}

/**
 * An absent file is an empty object: both files are optional here, and whoever needs config.json says so
 * itself.
 */
async function readJson(file: string): Promise<Record<string, unknown>> {
  return (await ifThere(readJsonObject(file))) ?? {};
}
