import { leftoverWarnings } from '#graph/weights/leftovers.js';
import { hasSentenceModules } from '#graph/sentence-modules.js';
import { fileWarnings } from './file-fields/file-warnings.js';
import type { ModelFolder } from './folder.js';

/**
 * Sentences about what of a folder is not read and may change results: tensors, and fields of its files.
 *
 * @param read what the folder was found to hold.
 * @throws KvasirError `invalid_model` where a file is broken
 */
export async function folderWarnings(folder: string, read: ModelFolder): Promise<readonly string[]> {
  const ofWeights = read.leftovers === undefined ? [] : leftoverWarnings(read.leftovers);
  return [...ofWeights, ...(await fileWarningsOf(folder, read))];
}

/**
 * Sentences about fields of files beside config.json that nobody reads and that may change results.
 *
 * @throws KvasirError `invalid_model` where a file is broken
 */
export async function fileWarningsOf(folder: string, read: ModelFolder): Promise<readonly string[]> {
  switch (read.kind) {
    case 'raw':
    case 'vision':
      return [];
    case 'towers':
      return fileWarnings(folder, {});
    case 'encoder': {
      const { encoderFolder } = read.description.modules;
      return fileWarnings(folder, hasSentenceModules(folder) ? { encoderFolder } : {});
    }
    case 'decoder':
      return fileWarnings(folder, { generates: true });
    case 'seq2seq':
      return fileWarnings(folder, { generates: true, hears: read.sizes.sound !== undefined });
  }
}
