import { contextLengthExceeded, type KvasirError } from '#errors.js';
import type { Encoding } from './types.js';

/** The side of a text at which tokens are removed. */
export type TruncationSide = 'left' | 'right';

/**
 * Removes tokens until the whole fits; special tokens stay. Of a pair the longer text is shortened first,
 * down to the length of the other, then both alike ("longest first").
 *
 * @throws KvasirError `context_length_exceeded` where the special tokens alone are too many.
 */
export function truncate(encoding: Encoding, maxTokens: number, side: TruncationSide = 'right'): Encoding {
  if (encoding.ids.length <= maxTokens) return encoding;
  const lengths = textLengths(encoding);
  const room = maxTokens - (encoding.ids.length - lengths[0] - lengths[1]);
  if (room < 0) throw tooLong(maxTokens);
  const shorter = Math.min(...lengths);
  const keptOfShorter = Math.min(shorter, Math.floor(room / 2));
  const kept: Lengths =
    lengths[0] === shorter ? [keptOfShorter, room - keptOfShorter] : [room - keptOfShorter, keptOfShorter];
  return select(encoding, (text, position) =>
    side === 'right' ? position < kept[text] : position >= lengths[text] - kept[text],
  );
}

/**
 * Cuts an encoding into several that fit, for a text of any length: each holds a part of the last text (of a
 * pair: the second) and everything else.
 *
 * @param overlap how many tokens of that text two neighbours share.
 * @returns the encoding itself where it fits.
 * @throws KvasirError `context_length_exceeded` where what all have in common leaves no room for more than
 * the overlap.
 */
export function windows(encoding: Encoding, maxTokens: number, overlap: number): Encoding[] {
  if (encoding.ids.length <= maxTokens) return [encoding];
  const lengths = textLengths(encoding);
  const last = lengths[1] > 0 ? 1 : 0;
  const room = maxTokens - (encoding.ids.length - lengths[last]);
  if (room <= overlap) throw tooLong(maxTokens);
  const { origins } = encoding;
  // The text's own tokens follow one another: special tokens stand around them.
  const first = origins.findIndex(origin => origin?.text === last);
  const end = origins.findLastIndex(origin => origin?.text === last) + 1;
  const part = <T>(of: readonly T[], start: number): T[] => [
    ...of.slice(0, first),
    ...of.slice(first + start, Math.min(first + start + room, end)),
    ...of.slice(end),
  ];
  const cut: Encoding[] = [];
  for (let start = 0; start === 0 || start + overlap < lengths[last]; start += room - overlap)
    cut.push({
      ids: part(encoding.ids, start),
      typeIds: part(encoding.typeIds, start),
      origins: part(origins, start),
    });
  return cut;
}

/** Tokens of the first text and of the second. */
type Lengths = readonly [number, number];

function textLengths({ origins }: Encoding): Lengths {
  const second = origins.filter(origin => origin?.text === 1).length;
  return [origins.filter(origin => origin?.text === 0).length, second];
}

/** Keeps special tokens, and the tokens of the texts that `keep` selects by their position in their text. */
function select(encoding: Encoding, keep: (text: 0 | 1, position: number) => boolean): Encoding {
  const positions: [number, number] = [0, 0];
  const kept = encoding.origins.map(
    origin => origin === undefined || keep(origin.text, positions[origin.text]++),
  );
  return {
    ids: encoding.ids.filter((_, i) => kept[i]),
    typeIds: encoding.typeIds.filter((_, i) => kept[i]),
    origins: encoding.origins.filter((_, i) => kept[i]),
  };
}

function tooLong(maxTokens: number): KvasirError {
  const message = `the input does not fit ${maxTokens} tokens, however it is cut`;
  return contextLengthExceeded(undefined, message, undefined, maxTokens);
}
