import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Real weights and tokenizers that development machines have beside the repository; they are no part of it. */
const FOLDER = fileURLToPath(new URL('../../../../shared/models/', import.meta.url));

/** A folder of the shared models, such as `stories260k`. */
export function sharedModel(name: string): string {
  return FOLDER + name;
}

/** For `t.test(name, { skip: skipWithout('stories260k') }, ...)`: false where the folder is there, else why the test is skipped. */
export function skipWithout(name: string): string | false {
  return existsSync(sharedModel(name)) ? false : `${sharedModel(name)} is not on this machine`;
}
