import type { CacheType } from '#graph/build.js';
import { elementSize } from '#runtime/index.js';

/** What one layer of a decoder keeps of each sequence; head sizes are the graph's, padding included. */
export type LayerCache =
  /** Keys and values of all positions. */
  | { readonly kind: 'attention'; readonly kvHeads: number; readonly headSize: number }
  /** Keys and values of which a token sees no more than the latest `window` positions, its own included. */
  | { readonly kind: 'window'; readonly kvHeads: number; readonly headSize: number; readonly window: number }
  /** Keys and values of a source, which its encoder writes at once. */
  | { readonly kind: 'cross'; readonly kvHeads: number; readonly headSize: number }
  /** One state of everything so far, which cannot be cut back. No decoder has such layers yet. */
  | { readonly kind: 'state'; readonly bytes: number };

/** Keys or values of one layer. */
export interface CachePart {
  /** Names in the graph. */
  readonly past: string;
  readonly present: string;
  readonly heads: number;
  /** As the graph has it, padding included. */
  readonly headSize: number;
  /** Whether no more than the latest positions are seen; default: all are. */
  readonly isWindowed?: boolean;
}

/**
 * Layers of equal heads.
 *
 * @param windows by layer, how many positions a token sees; undefined: all. Absent: all in all layers.
 */
export function attentionLayers(
  count: number,
  heads: { readonly kvHeads: number; readonly headSize: number },
  windows: readonly (number | undefined)[] = [],
): LayerCache[] {
  const { kvHeads, headSize } = heads;
  return Array.from({ length: count }, (_, layer) => {
    const window = windows[layer];
    return window === undefined
      ? { kind: 'attention', kvHeads, headSize }
      : { kind: 'window', kvHeads, headSize, window };
  });
}

/** Keys and values of the layers that have them of each position, as the graph writer names them. */
export function cacheParts(layers: readonly LayerCache[]): CachePart[] {
  return layers.flatMap((layer, index) =>
    layer.kind === 'attention' || layer.kind === 'window'
      ? bothSides(layer, index, 'past', 'present', layer.kind === 'window')
      : [],
  );
}

/** Keys and values that layers have of a source, as the graph writer names them. */
export function sourceParts(layers: readonly LayerCache[]): CachePart[] {
  return layers
    .filter(layer => layer.kind === 'cross')
    .flatMap((layer, index) => bothSides(layer, index, 'cross', 'kept'));
}

function bothSides(
  { kvHeads: heads, headSize }: { readonly kvHeads: number; readonly headSize: number },
  index: number,
  past: string,
  present: string,
  isWindowed = false,
): CachePart[] {
  return ['key', 'value'].map(side => ({
    past: `${past}.${index}.${side}`,
    present: `${present}.${index}.${side}`,
    heads,
    headSize,
    isWindowed,
  }));
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
