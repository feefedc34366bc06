import { paddedHeadSize } from '#graph/blocks/attention-projections.js';
import type { Seq2SeqSizes } from '#graph/assembly/seq2seq/architecture.js';
import { attentionLayers, type LayerCache } from '../../cache/layer-cache.js';
import { contextOf } from '../context-of.js';

/**
 * What an encoder-decoder's decoder keeps of its own text and of the source.
 *
 * @param cacheHeadSize features of a head in the caches; default: as graphs that Kvasir writes pad them.
 */
export function seq2seqLayers(
  { decoderLayers, heads, headSize }: Seq2SeqSizes,
  cacheHeadSize = paddedHeadSize(headSize),
): LayerCache[] {
  const kept = { kvHeads: heads, headSize: cacheHeadSize };
  const own = attentionLayers(decoderLayers, kept);
  return [...own, ...own.map((): LayerCache => ({ kind: 'cross', ...kept }))];
}

/**
 * The longest text and source that are served.
 *
 * @param asked at most so many tokens of each, no more than the model's context; undefined: the model's own. Sounds
 * are as long as they are.
 * @throws KvasirError `invalid_configuration`
 */
export function servedLengths(
  folder: string,
  sizes: Pick<Seq2SeqSizes, 'contextLength' | 'sourceLength' | 'sound'>,
  asked: number | undefined,
): { readonly contextLength: number; readonly sourceLength: number } {
  const contextLength = contextOf(folder, sizes.contextLength, asked);
  const most = sizes.sound === undefined ? (asked ?? Infinity) : Infinity;
  return { contextLength, sourceLength: Math.min(sizes.sourceLength, most) };
}
