import { paddedHeadSize } from '#graph/blocks/attention-projections.js';
import type { CacheType } from '#graph/build.js';
import type { ModelConfig } from '#graph/config.js';
import { decoderArchitecture } from '#graph/families/index.js';
import { attentionLayers, layersOf, type LayerCache } from '../cache/layer-cache.js';
import type { DecoderPlan } from './decoder-plan.js';

/** The sizes of a decoder that has not been loaded. */
export interface DescribedDecoder {
  readonly layers: number;
  /** Query heads; undefined where a graph does not tell. */
  readonly heads: number | undefined;
  /** What its layers keep. */
  readonly caches: readonly LayerCache[];
  readonly kvHeads: number;
  /** As the cache has it, padding included. */
  readonly headSize: number;
  readonly vocabularySize: number;
  /** Undefined where nothing says it. */
  readonly contextLength: number | undefined;
  readonly cacheType?: CacheType | undefined;
}

/** The sizes of a decoder, from config.json or from the graph that is run. */
export function decoderSizes(plan: DecoderPlan, config: ModelConfig | undefined): DescribedDecoder {
  if (plan.source === 'weights') {
    const sizes = decoderArchitecture(config!).sizes(config!);
    const { layers, heads, kvHeads, vocabularySize, contextLength } = sizes;
    return {
      layers,
      caches: layersOf(sizes),
      heads,
      kvHeads,
      headSize: paddedHeadSize(sizes.headSize),
      vocabularySize,
      contextLength,
    };
  }
  const { graphs, vocabularySize, contextLength } = plan.found;
  const { ports, file } = graphs.at(-1)!;
  const { layers, cacheType } = ports;
  const { heads: kvHeads, headSize } = ports.caches[0]!;
  const attention = file.nodes.find(({ opType }) => opType === 'GroupQueryAttention');
  const named = attention?.attribute.find(({ name }) => name === 'num_heads');
  const configured = config?.has('num_attention_heads') ? config.size('num_attention_heads') : undefined;
  const heads = named === undefined ? configured : Number(named.i);
  const caches = attentionLayers(layers, { kvHeads, headSize });
  return { layers, caches, heads, kvHeads, headSize, vocabularySize, contextLength, cacheType };
}
