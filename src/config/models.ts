import { basename, resolve } from 'node:path';
import { parseModel } from './file.js';
import type { ModelSettings, Settings } from './settings.js';

/** A model to serve, with all its settings. */
export type ModelPlan = Omit<Settings & ModelSettings, 'models' | 'name' | 'folder' | 'aliases'> & {
  readonly id: string;
  readonly aliases: readonly string[];
  /** An absolute path. */
  readonly folder: string;
};

/**
 * The models that settings name, or else those that come along. What a model has no setting of its own for, it has from the server.
 *
 * @param shipped folders of models that come along.
 */
export function modelPlans({ models, ...server }: Settings, shipped: readonly string[]): ModelPlan[] {
  const named = models !== undefined && models.length > 0 ? models : shipped;
  return named.map(model => {
    const { name, folder, aliases, ...own } = typeof model === 'string' ? fromText(model) : model;
    const path = resolve(folder!);
    return { ...server, ...own, id: name ?? basename(path), aliases: aliases ?? [], folder: path };
  });
}

function fromText(text: string): ModelSettings {
  const { id, folder } = parseModel(text);
  return { folder, ...(id !== undefined && { name: id }) };
}
