import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { parseDocument } from 'yaml';
import { KvasirError } from '#errors.js';
import { isOllama } from '#hub/ollama.js';
import type { Setting } from './setting.js';
import { MODEL_SETTINGS, SETTINGS, type ModelSettings, type Settings } from './settings.js';
import { checkedValue } from './value.js';

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads settings from a YAML or JSON file. Paths in it are relative to the file's folder.
 *
 * @throws KvasirError `invalid_configuration` with the file, and the setting at fault
 */
export async function readSettingsFile(path: string): Promise<Partial<Settings>> {
  const name = basename(path);
  const fields = fieldsOf(parse(await read(path), name), name);
  const { models, ...others } = checkedFields(SETTINGS.properties, fields, key => `${name}: ${key}`);
  const locate = (place: string): string => (isOllama(place) ? place : resolve(dirname(path), place));
  const { api_key_file: keyFile } = others as Partial<Settings>;
  return {
    ...others,
    ...(models !== undefined && {
      models: (models as unknown[]).map((model, i) => readModel(model, `${name}: models[${i}]`, locate)),
    }),
    ...(keyFile !== undefined && { api_key_file: locate(keyFile) }),
  };
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw invalid(`--config: ${(cause as Error).message}`, cause);
  }
}

/** Parses YAML, and so JSON. */
function parse(source: string, name: string): unknown {
  const document = parseDocument(source);
  const [error] = document.errors;
  // The message goes on with a picture of the place.
  if (error !== undefined) throw invalid(`${name}: ${error.message.split('\n', 1)[0]!.replace(/:$/, '')}`);
  try {
    return document.toJS({ maxAliasCount: 100 }) as unknown;
  } catch (cause) {
    throw invalid(`${name}: ${(cause as Error).message}`, cause);
  }
}

function readModel(model: unknown, name: string, locate: (folder: string) => string): string | ModelSettings {
  if (typeof model === 'string') {
    const { id, folder } = parseModel(model, text => existsSync(locate(text)));
    return { folder: locate(folder), ...(id !== undefined && { name: id }) };
  }
  const fields = fieldsOf(model, name);
  const settings: ModelSettings = checkedFields(MODEL_SETTINGS.properties, fields, key => `${name}.${key}`);
  if (settings.folder === undefined) throw invalid(`${name}.folder is missing`);
  return { ...settings, folder: locate(settings.folder) };
}

/**
 * Reads `NAME=FOLDER`, or a folder alone. A name may have slashes, as `owner/name` has, but does not begin like
 * a path.
 *
 * @param exists whether there is a folder: one that has a `=` in its own path is meant as it is.
 */
export function parseModel(
  text: string,
  exists: (folder: string) => boolean = existsSync,
): { id: string | undefined; folder: string } {
  const [, id, folder] = /^([^=/\\.~][^=\\]*)=(.+)$/.exec(text) ?? [];
  return folder === undefined || exists(text) ? { id: undefined, folder: text } : { id, folder };
}

function fieldsOf(value: unknown, name: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid(`${name}: expected a mapping from setting names to values`);
  return value as Fields;
}

function checkedFields(
  settings: Readonly<Record<string, Setting>>,
  fields: Fields,
  nameOf: (key: string) => string,
): Fields {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => {
      if (!Object.hasOwn(settings, key)) throw invalid(`${nameOf(key)}: there is no such setting`);
      return [key, checkedValue(settings[key]!, value, nameOf(key))];
    }),
  );
}

function invalid(message: string, cause?: unknown): KvasirError {
  return new KvasirError('invalid_configuration', message, { cause });
}
