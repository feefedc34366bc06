import { basename, resolve } from 'node:path';
import { Engine } from '#engine/engine.js';
import type { EngineOptions } from '#engine/engine-options.js';
import { cacheBytesPerToken, sourceBytesPerToken } from '#model/cache/layer-cache.js';
import type { DecoderOptions, LoadedDecoder } from '#model/decoder/load-decoder.js';
import type { GenerationConfigUse } from '#model/sampling-config.js';
import { STRUCTURES } from '#offload/pools.js';
import { StructureService } from '#offload/structure-service.js';
import type { Tokenizer } from '#text/types.js';
import { textService } from './text-service.js';

export interface GenerationOptions extends DecoderOptions {
  /** The name that requests use; by default the folder's. */
  readonly id?: string | undefined;
  readonly engine?: Partial<EngineOptions>;
  /**
   * How many bytes the KV cache may take where `cacheBytes` does not say it; one whole sequence fits
   * nevertheless. By default as many as all slots full need.
   */
  readonly cacheShare?: number | undefined;
  /** Whether generation_config.json says how tokens are drawn where a request does not; default `auto`. */
  readonly generationConfig?: GenerationConfigUse | undefined;
  /** Told in a sentence of what may make the model's results other than meant. */
  readonly onWarning?: ((warning: string) => void) | undefined;
  /** Most tokens to generate for one sequence, whatever a request asks for. */
  readonly maxTokens?: number | undefined;
}

/**
 * The parts of a generator that come of its folder's tokenizer and its decoder, which goes with the engine, or
 * where there can be none.
 *
 * @throws KvasirError `invalid_configuration`
 */
export function loadedGenerator(
  folder: string,
  tokenizer: Tokenizer,
  loaded: LoadedDecoder,
  options: GenerationOptions,
) {
  return {
    id: options.id ?? basename(resolve(folder)),
    tokenizer,
    texts: textService(tokenizer, folder),
    structures: new StructureService(tokenizer, STRUCTURES),
    engine: openEngine(loaded, tokenizer, options),
    path: loaded.path,
    device: options.session?.device?.name ?? 'cpu',
    maxTokens: options.maxTokens,
  };
}

function openEngine(
  { decoder, path }: LoadedDecoder,
  tokenizer: Tokenizer,
  { cacheBytes, cacheShare = Infinity, engine }: GenerationOptions,
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
    return new Engine(decoder, tokenizer, { cacheTokens, ...engine });
  } catch (error) {
    decoder.dispose();
    throw error;
  }
}
