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
  const ascii = Array.from({ length: 128 }, (_, code) => replace(map, String.fromCharCode(code)));
  normalizer.normalize = text => (ASCII.test(text) ? applyToAscii(ascii, text) : applyMap(map, ascii, text));
}

/** Characters that are clusters for themselves. */
const ASCII = /^[\t\n -~]*$/;

/**
 * @param ascii what becomes of each of these characters; undefined: nothing else.
 * @param text with characters of {@link ASCII} only.
 */
function applyToAscii(ascii: readonly (string | undefined)[], text: string): string {
  let changed = '';
  let end = 0;
  for (let i = 0; i < text.length; i++) {
    const rule = ascii[text.charCodeAt(i)];
    if (rule === undefined) continue;
    changed += text.slice(end, i) + rule;
    end = i + 1;
  }
  return changed + text.slice(end);
}

/**
 * Applies a map as Hugging Face's tokenizers do, which is not quite SentencePiece's way: a short cluster of
 * characters is replaced as a whole where a rule fits its beginning, else each of its characters for itself.
 */
function applyMap(map: CharacterMap, ascii: readonly (string | undefined)[], text: string): string {
  let changed = '';
  for (const { segment: cluster } of graphemes.segment(text)) {
    const isOne = cluster.length === 1 && cluster.charCodeAt(0) < ascii.length;
    const isShort = !isOne && Buffer.byteLength(cluster) <= LONGEST_CLUSTER;
    const whole = isShort ? replace(map, cluster) : undefined;
    if (whole !== undefined) changed += whole;
    else
      for (const character of cluster) {
        const code = character.codePointAt(0)!;
        changed += (code < ascii.length ? ascii[code] : replace(map, character)) ?? character;
      }
  }
  return changed;
}

function replace(map: CharacterMap, text: string): string | undefined {
  const rule = map.match(encoder.encode(text), 0, 'shortest');
  return rule && decoder.decode(rule.bytes);
}
