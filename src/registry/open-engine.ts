import { Engine } from '#engine/engine.js';
import type { EngineOptions } from '#engine/engine-options.js';
import { cacheBytesPerToken, sourceBytesPerToken } from '#model/cache/layer-cache.js';
import type { LoadedDecoder } from '#model/decoder/load-decoder.js';
import type { Tokenizer } from '#text/types.js';

export interface CacheOptions {
  /** How many bytes the KV cache may take; by default as many as all slots full need. */
  readonly cacheBytes?: number | undefined;
  /** The same where `cacheBytes` does not say it; one whole sequence fits nevertheless. */
  readonly cacheShare?: number | undefined;
}

/**
 * An engine over a decoder, which goes with it, or where there can be none.
 *
 * @throws KvasirError `invalid_configuration`
 */
export function openEngine(
  { decoder, path }: LoadedDecoder,
  tokenizer: Tokenizer,
  { cacheBytes, cacheShare = Infinity }: CacheOptions,
  options: Partial<EngineOptions> | undefined,
): Engine {
  try {
    const { shape, source } = decoder;
    // A past and the present that is made from it are in memory together.
    const copies = path.kind === 'growing' ? 2 : 1;
    const perToken = Math.max(cacheBytesPerToken(shape), sourceBytesPerToken(shape)) * copies;
    const longest = shape.contextLength + (source?.longest ?? 0);
    const cacheTokens =
      cacheBytes === undefined
        ? Math.max(longest, Math.floor(cacheShare / perToken))
        : Math.floor(cacheBytes / perToken);
    return new Engine(decoder, tokenizer, { cacheTokens, ...options });
  } catch (error) {
    decoder.dispose();
    throw error;
  }
}
