import type { SourceTraits } from '#model/decoder/contract.js';
import type { GenerationRequest } from './types.js';

/** Sound as the cache knows it: without its features, so that what idle slots remember takes no memory. */
export interface CachedSound {
  /** See {@link SoundSource.key}. */
  readonly key: string;
  /** Positions that it takes in a slot. */
  readonly length: number;
}

/** What a sequence attends to beside its own tokens, as the cache knows it: the ids of a text, or sound. */
export type CachedSource = readonly number[] | CachedSound;

/**
 * The source of a request.
 *
 * @param traits those of its decoder.
 */
export function sourceOf(
  { sourceIds, sound }: Pick<GenerationRequest, 'sourceIds' | 'sound'>,
  traits: SourceTraits | undefined,
): CachedSource | undefined {
  if (sound === undefined) return sourceIds;
  const { longest = 0, sound: shape } = traits ?? {};
  // Windows are always whole.
  const isWindow = shape === undefined || 'bins' in shape;
  return { key: sound.key, length: isWindow ? longest : shape.positions(sound.features.length) };
}

/** Whether two sources are the same. */
export function isSameSource(a: CachedSource, b: CachedSource): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  if (isSound(a) || isSound(b)) return isSound(a) && isSound(b) && a.key === b.key;
  return a.every((id, i) => id === b[i]);
}

/** Whether a source is sound. */
export function isSound(source: CachedSource): source is CachedSound {
  return 'key' in source;
}
