import { existsSync } from 'node:fs';
import { basename, isAbsolute, resolve } from 'node:path';
import { ggufStem, isGgufFile } from '#gguf/choose.js';
import { isOllama, ollamaName } from '#hub/ollama.js';
import { looksLikeReference, parseReference } from '#hub/reference.js';
import { parseModel } from './file.js';
import type { ModelSettings, Settings } from './settings.js';

/** A model to serve, with all its settings. */
export type ModelPlan = Omit<Settings & ModelSettings, 'models' | 'name' | 'folder' | 'aliases'> & {
  readonly id: string;
  readonly aliases: readonly string[];
  /** An absolute path of a folder or a GGUF file, one of Ollama's models, or a reference to a model on a hub. */
  readonly folder: string;
};

/**
 * The models that the settings name, or else the shipped ones. A model takes each setting that it does not
 * have itself from the server's settings.
 *
 * @param shipped folders of models that come along.
 */
export function modelPlans({ models, ...server }: Settings, shipped: readonly string[]): ModelPlan[] {
  const named = models !== undefined && models.length > 0 ? models : shipped;
  return named.map(model => {
    const { name, folder, aliases, ...own } = typeof model === 'string' ? fromText(model) : model;
    const { id, folder: place } = placeOf(folder!);
    return { ...server, ...own, id: name ?? id, aliases: aliases ?? [], folder: place };
  });
}

/** True if the folder is a reference to a model on a hub. */
export function isPulled({ folder }: ModelPlan): boolean {
  return !isAbsolute(folder) && !isOllama(folder);
}

/** What a model is called if nobody says it, and where it is. */
function placeOf(named: string): { readonly id: string; readonly folder: string } {
  if (isOllama(named)) return { id: ollamaName(named), folder: named };
  if (isReference(named)) {
    const { repo, gguf } = parseReference(named);
    return { id: gguf === undefined ? repo : `${repo}:${gguf}`, folder: named };
  }
  const folder = resolve(named);
  return { id: isGgufFile(folder) ? ggufStem(folder) : basename(folder), folder };
}

/** A GGUF file that is not there is more likely than a repository of that name. */
function isReference(named: string): boolean {
  return !existsSync(named) && looksLikeReference(named) && !isGgufFile(parseReference(named).repo);
}

function fromText(text: string): ModelSettings {
  const { id, folder } = parseModel(text);
  return { folder, ...(id !== undefined && { name: id }) };
}
