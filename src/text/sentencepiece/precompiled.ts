import { PrecompiledNormalizer, SequenceNormalizer, type Normalizer } from '../huggingface.js';
import { CharacterMap } from './character-map.js';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** Longer clusters of characters are never looked up as a whole. */
const LONGEST_CLUSTER = 5;

/**
 * Has the `Precompiled` normalizers of a tokenizer.json obey their maps: `@huggingface/tokenizers` applies NFKC
 * in their place.
 *
 * @throws Error where a map is broken
 */
export function obeyPrecompiledMaps(normalizer: Normalizer | null): void {
  if (normalizer instanceof SequenceNormalizer) normalizer.normalizers.forEach(obeyPrecompiledMaps);
  if (!(normalizer instanceof PrecompiledNormalizer)) return;
  const { charsmap } = normalizer;
  if (typeof charsmap !== 'string') return;
  const map = new CharacterMap(Buffer.from(charsmap, 'base64'));
  normalizer.normalize = text => applyMap(map, text);
}

/**
 * Applies a map as Hugging Face's tokenizers do, which is not quite SentencePiece's way: a short cluster of
 * characters is replaced as a whole where a rule fits its beginning, else each of its characters for itself.
 */
function applyMap(map: CharacterMap, text: string): string {
  const clusters = ASCII.test(text) ? text : Array.from(graphemes.segment(text), ({ segment }) => segment);
  let changed = '';
  for (const cluster of clusters) {
    const whole = Buffer.byteLength(cluster) <= LONGEST_CLUSTER ? replace(map, cluster) : undefined;
    if (whole !== undefined) changed += whole;
    else for (const character of cluster) changed += replace(map, character) ?? character;
  }
  return changed;
}

/** Characters that are clusters for themselves. */
const ASCII = /^[\t\n -~]*$/;

function replace(map: CharacterMap, text: string): string | undefined {
  const rule = map.match(encoder.encode(text), 0, 'shortest');
  return rule && decoder.decode(rule.bytes);
}
