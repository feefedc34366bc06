import { openGguf } from './reader.js';

/**
 * Turns a GGUF file into a folder as Hugging Face has them.
 *
 * @throws KvasirError `unsupported_model`, since architectures are not read
 */
export async function unfoldGguf(file: string): Promise<string> {
  const gguf = await openGguf(file);
  await gguf.close();
  const architecture = gguf.metadata.string('general.architecture');
  throw gguf.metadata.unsupported(`its architecture ${JSON.stringify(architecture)} is not read`);
}
