import { keyHeads, type DecoderSizes, type KeyHeads } from '#graph/assembly/decoder-source.js';
import { paddedHeadSize } from '#graph/blocks/attention-projections.js';
import type { CacheType } from '#graph/build.js';
import { elementSize } from '#runtime/index.js';

/** What one layer of a decoder keeps of each sequence; head sizes are the graph's, padding included. */
export type LayerCache =
  /** Keys and values of all positions. */
  | { readonly kind: 'attention'; readonly kvHeads: number; readonly headSize: number }
  /** Keys and values of which a token sees no more than the latest `window` positions, its own included. */
  | { readonly kind: 'window'; readonly kvHeads: number; readonly headSize: number; readonly window: number }
  /** Nothing of its own: keys and values of an earlier layer. */
  | { readonly kind: 'shared'; readonly layer: number }
  /** Keys and values of a source, which its encoder writes at once. */
  | { readonly kind: 'cross'; readonly kvHeads: number; readonly headSize: number }
  /** One state of everything so far, which cannot be cut back. No decoder has such layers yet. */
  | { readonly kind: 'state'; readonly bytes: number };

/** What a layer's keys or values are called in the graph. */
export interface CacheNames {
  readonly past: string;
  readonly present: string;
}

/** Keys or values of one layer. */
export interface CachePart extends CacheNames {
  /** Names in the graph of the same memory, of the layers that share it. */
  readonly shared?: readonly CacheNames[];
  readonly heads: number;
  /** As the graph has it, padding included. */
  readonly headSize: number;
  /** Whether no more than the latest positions are seen; default: all are. */
  readonly isWindowed?: boolean;
}

/** Layers of equal heads that see all positions. */
export function attentionLayers(count: number, { kvHeads, headSize }: KeyHeads): LayerCache[] {
  return Array.from({ length: count }, () => ({ kind: 'attention', kvHeads, headSize }));
}

/** The caches of a decoder's layers, as the graph writer pads their heads. */
export function layersOf(sizes: DecoderSizes): LayerCache[] {
  return Array.from({ length: sizes.layers }, (_, index) => {
    const layer = sizes.keysOf?.[index];
    if (layer !== undefined) return { kind: 'shared', layer };
    const { kvHeads, headSize } = keyHeads(sizes, index);
    const heads = { kvHeads, headSize: paddedHeadSize(headSize) };
    const window = sizes.windows?.[index];
    return window === undefined ? { kind: 'attention', ...heads } : { kind: 'window', ...heads, window };
  });
}

/** Keys and values of the layers that have them of each position, as the graph writer names them. */
export function cacheParts(layers: readonly LayerCache[]): CachePart[] {
  return layers.flatMap((layer, index) => {
    if (layer.kind !== 'attention' && layer.kind !== 'window') return [];
    const sharing = layers.flatMap((other, i) =>
      other.kind === 'shared' && other.layer === index ? [i] : [],
    );
    return SIDES.map(side => ({
      ...partOf(layer, index, side, 'past', 'present'),
      isWindowed: layer.kind === 'window',
      ...(sharing.length > 0 && { shared: sharing.map(i => namesOf(i, side, 'past', 'present')) }),
    }));
  });
}

/** Keys and values that layers have of a source, as the graph writer names them. */
export function sourceParts(layers: readonly LayerCache[]): CachePart[] {
  return layers
    .filter(layer => layer.kind === 'cross')
    .flatMap((layer, index) => SIDES.map(side => partOf(layer, index, side, 'cross', 'kept')));
}

const SIDES = ['key', 'value'] as const;

function partOf({ kvHeads: heads, headSize }: KeyHeads, ...names: Parameters<typeof namesOf>): CachePart {
  return { ...namesOf(...names), heads, headSize };
}

function namesOf(layer: number, side: string, past: string, present: string): CacheNames {
  return { past: `${past}.${layer}.${side}`, present: `${present}.${layer}.${side}` };
}

/** Layers of a cache, and the type of what is in it. */
interface CachedLayers {
  readonly layers: readonly LayerCache[];
  /** Of keys and values; default `float32`. */
  readonly cacheType?: CacheType | undefined;
}

/** Bytes that keys and values of one more token take in the cache. */
export function cacheBytesPerToken({ layers, cacheType }: CachedLayers): number {
  return bytesPerPosition(cacheParts(layers), cacheType);
}

/** Bytes that keys and values of one more token of a source take in the cache; 0 where there are no sources. */
export function sourceBytesPerToken({ layers, cacheType }: CachedLayers): number {
  return bytesPerPosition(sourceParts(layers), cacheType);
}

function bytesPerPosition(parts: readonly CachePart[], type: CacheType = 'float32'): number {
  return parts.reduce((sum, { heads, headSize }) => sum + heads * headSize, 0) * elementSize(type);
}

/** The widest window of those layers that have one; undefined where all layers see all positions. */
export function widestWindow(layers: readonly LayerCache[]): number | undefined {
  const windows = layers.flatMap(layer => (layer.kind === 'window' ? [layer.window] : []));
  return windows.length > 0 ? Math.max(...windows) : undefined;
}
