import { Engine } from '#engine/engine.js';
import type { EngineOptions } from '#engine/engine-options.js';
import type { Device, Environment } from '#runtime/index.js';
import { loadTokenizer } from '#text/tokenizer.js';
import { openPagedDecoder, type PagedTestSizes } from './open-paged-decoder.js';

/** An engine over a model with a paged cache. The caller closes it. */
export async function openPagedGeneration(
  environment: Environment,
  folder: string,
  sizes: PagedTestSizes,
  engine: Partial<EngineOptions>,
  device?: Device,
): Promise<Engine> {
  const decoder = await openPagedDecoder(environment, folder, sizes, { intraOpThreads: 1, device });
  try {
    return new Engine(decoder, await loadTokenizer(folder), engine);
  } catch (error) {
    decoder.dispose();
    throw error;
  }
}
