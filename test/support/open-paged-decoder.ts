import { buildDecoder } from '#graph/build.js';
import { layersOf } from '#model/cache/layer-cache.js';
import { blocksOfFullSlots } from '#model/cache/paged-capacity.js';
import { PagedDecoder } from '#model/decoder/paged/paged-decoder.js';
import { Session, type Environment, type SessionSettings } from '#runtime/index.js';
import { expandPagedAttention } from './paged-attention.js';

export interface PagedTestSizes {
  readonly slots: number;
  readonly blockSize: number;
  /** Default: as many as all slots full need. */
  readonly blocks?: number;
}

/**
 * Builds and loads a model folder with a paged cache, in f32 and on the processor, where a test's operators
 * stand for CUDA's kernel.
 */
export async function openPagedDecoder(
  environment: Environment,
  folder: string,
  { slots, blockSize, blocks }: PagedTestSizes,
  settings: SessionSettings = {},
): Promise<PagedDecoder> {
  const { graphPath, sizes, cacheType } = await buildDecoder(folder, { cache: 'paged' });
  await expandPagedAttention(graphPath);
  const { vocabularySize, contextLength } = sizes;
  const session = await Session.load(environment, graphPath, settings);
  const layers = layersOf(sizes);
  const shape = { layers, vocabularySize, contextLength, cacheType };
  const enough = blocksOfFullSlots({ slots, blockSize, contextLength });
  return new PagedDecoder(session, shape, { slots, blockSize, blocks: blocks ?? enough });
}
