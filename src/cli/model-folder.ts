import { join } from 'node:path';
import { findGguf } from '#gguf/find.js';
import { unfoldGguf } from '#gguf/unfold.js';
import { isOllama, ollamaModel } from '#hub/ollama.js';

/**
 * The folder that a model is read from: a GGUF file, whether it is named itself, is the only one in a folder, or
 * is Ollama's, is unfolded to one.
 *
 * @param place a path, or `ollama:NAME:TAG`.
 * @throws KvasirError as `findGguf`, `ollamaModel` and `unfoldGguf`
 */
export async function modelFolder(
  place: string,
  { subfolder, gguf }: { subfolder?: string | undefined; gguf?: string | undefined } = {},
): Promise<string> {
  if (isOllama(place)) return unfoldGguf(await ollamaModel(place));
  const folder = subfolder === undefined ? place : join(place, subfolder);
  const file = await findGguf(folder, gguf);
  return file === undefined ? folder : unfoldGguf(file);
}
