import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PACKAGE_ROOT } from './package-info.js';

/** Where a request names no model, the first that can do what it asks for answers: let that one continue any text. */
const FIRST = 'kvasir-stories-3m';

/** Folders of the models that come with Kvasir: the storyteller, then the others by name. */
export function shippedModels(): string[] {
  const models = fileURLToPath(new URL('models/', PACKAGE_ROOT));
  const others = readdirSync(models)
    .sort()
    .filter(name => name !== FIRST);
  return [FIRST, ...others]
    .map(name => join(models, name))
    .filter(folder => existsSync(join(folder, 'config.json')));
}
