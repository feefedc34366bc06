import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PACKAGE_ROOT } from './package-info.js';

/** Folders of the models that come with Kvasir, by name. */
export function shippedModels(): string[] {
  const models = fileURLToPath(new URL('models/', PACKAGE_ROOT));
  return readdirSync(models)
    .sort()
    .map(name => join(models, name))
    .filter(folder => existsSync(join(folder, 'config.json')));
}
