import { paddedHeadSize } from '#graph/blocks/attention-projections.js';
import type { Seq2SeqSizes } from '#graph/assembly/seq2seq/architecture.js';
import { attentionLayers, type LayerCache } from '../../cache/layer-cache.js';
import { contextOf } from '../context-of.js';
import type { ReadyMadeSeq2Seq } from '../ready-made/seq2seq/find-seq2seq.js';

/**
 * What an encoder-decoder's decoder keeps of its own text and of the source.
 *
 * @param found the sizes of graphs that are there; undefined: Kvasir writes them, and pads heads.
 */
export function seq2seqLayers(
  { decoderLayers, heads, headSize }: Seq2SeqSizes,
  found?: ReadyMadeSeq2Seq,
): LayerCache[] {
  if (found !== undefined) return keptLayers(found.layers, found.heads, found.headSize);
  return keptLayers(decoderLayers, heads, paddedHeadSize(headSize));
}

function keptLayers(decoderLayers: number, kvHeads: number, headSize: number): LayerCache[] {
  const kept = { kvHeads, headSize };
  const own = attentionLayers(decoderLayers, kept);
  return [...own, ...own.map((): LayerCache => ({ kind: 'cross', ...kept }))];
}

/**
 * The longest text and source that are served.
 *
 * @param asked at most so many tokens of each, no more than the model's context; undefined: the model's own.
 * @throws KvasirError `invalid_configuration`
 */
export function servedLengths(
  folder: string,
  sizes: Pick<Seq2SeqSizes, 'contextLength' | 'sourceLength'>,
  asked: number | undefined,
): { readonly contextLength: number; readonly sourceLength: number } {
  const contextLength = contextOf(folder, sizes.contextLength, asked);
  return { contextLength, sourceLength: Math.min(sizes.sourceLength, asked ?? Infinity) };
}
