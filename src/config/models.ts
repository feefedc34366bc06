import { existsSync } from 'node:fs';
import { basename, isAbsolute, resolve } from 'node:path';
import { looksLikeReference, parseReference } from '#hub/reference.js';
import { parseModel } from './file.js';
import type { ModelSettings, Settings } from './settings.js';

/** A model to serve, with all its settings. */
export type ModelPlan = Omit<Settings & ModelSettings, 'models' | 'name' | 'folder' | 'aliases'> & {
  readonly id: string;
  readonly aliases: readonly string[];
  /** An absolute path, or a reference to a model on a hub if there is no such folder. */
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
    const pulled = !existsSync(folder!) && looksLikeReference(folder!);
    const path = pulled ? folder! : resolve(folder!);
    const id = name ?? (pulled ? parseReference(folder!).repo : basename(path));
    return { ...server, ...own, id, aliases: aliases ?? [], folder: path };
  });
}

/** True if the folder is a reference to a model on a hub. */
export function isPulled({ folder }: ModelPlan): boolean {
  return !isAbsolute(folder);
}

function fromText(text: string): ModelSettings {
  const { id, folder } = parseModel(text);
  return { folder, ...(id !== undefined && { name: id }) };
}
