import { decoderArchitecture } from '#graph/families/index.js';
import { paddedHeadSize } from '#graph/blocks/attention-projections.js';
import type { ModelConfig } from '#graph/config.js';
import type { DecoderPlan } from './decoder-plan.js';
import type { DecoderShape } from './decoder.js';

/** The sizes of a decoder that has not been loaded. */
export interface DescribedDecoder {
  readonly shape: DecoderShape;
  /** Query heads; undefined where a graph does not tell. */
  readonly heads: number | undefined;
  /** Undefined where nothing says it. */
  readonly contextLength: number | undefined;
}

/** The sizes of a decoder, from config.json or from the graph that is run. */
export function decoderSizes(plan: DecoderPlan, config: ModelConfig | undefined): DescribedDecoder {
  if (plan.source === 'weights') {
    const { layers, heads, kvHeads, headSize, vocabularySize, contextLength } = decoderArchitecture(
      config!,
    ).sizes(config!);
    const shape = { layers, kvHeads, headSize: paddedHeadSize(headSize), vocabularySize, contextLength };
    return { shape, heads, contextLength };
  }
  const { graphs, vocabularySize, contextLength } = plan.found;
  const { ports, file } = graphs.at(-1)!;
  const { heads: kvHeads, headSize } = ports.caches[0]!;
  const attention = file.nodes.find(({ opType }) => opType === 'GroupQueryAttention');
  const named = attention?.attribute.find(({ name }) => name === 'num_heads');
  const heads = named === undefined ? undefined : Number(named.i);
  const configured = config?.has('num_attention_heads') ? config.size('num_attention_heads') : undefined;
  const { layers, cacheType } = ports;
  const shape = { layers, kvHeads, headSize, vocabularySize, contextLength: contextLength ?? 0, cacheType };
  return { shape, heads: heads ?? configured, contextLength };
}
