import { invalidRequest, type KvasirError } from '#errors.js';

/** Characters that are looked through for ends of sentences at once: the time for that grows by their square. */
const WINDOW = 4096;

/** Characters before and behind the middle of a text among which a place to cut it is looked for. */
const NEAR = 64;

const LINE_BREAKS = /([\n\r\u2028\u2029]+)/;

/**
 * The end of what is no sentence though a sentence may begin behind it: `Mr.`, `Dr.`, `z. B.`, `J. S.` Where it is
 * one, two sentences stay together, which does no harm.
 */
const ABBREVIATION = /(?<!\p{L})(\p{L}|\p{Lu}\p{L}{1,2})\.\s*$/u;

/** Longest match of {@link ABBREVIATION}, and white space behind it. */
const ABBREVIATION_REACH = 16;

const LETTER = /\p{L}/u;

/** A text taken apart: `between[0]`, `pieces[0]`, `between[1]`, ..., `between[n]` is the text again. */
export interface TextPieces {
  /** What has words in it; without white space at its ends. */
  readonly pieces: readonly string[];
  /** White space, line breaks, and what has no words; one more than there are pieces. */
  readonly between: readonly string[];
}

/** Most pieces of all texts of a request; more would keep others waiting for too long. */
export const MAX_PIECES = 1024;

/**
 * Takes a text apart into sentences (Unicode Standard Annex 29). None goes over a line break.
 *
 * @param locale of the text, a BCP 47 tag.
 * @throws KvasirError `invalid_request` where there are more than {@link MAX_PIECES}.
 */
export function sentencesOf(text: string, locale: string): TextPieces {
  const segmenter = new Intl.Segmenter(locale, { granularity: 'sentence' });
  return collect(lineSentences(text, segmenter));
}

/** The text whose pieces have become others, as many. */
export function joinPieces({ between }: TextPieces, pieces: readonly string[]): string {
  return between.map((text, index) => text + (pieces[index] ?? '')).join('');
}

/**
 * Takes a piece apart near its middle, where that hurts least: behind a comma or the like, or else between
 * words, or else between characters.
 *
 * @param locale of the text, a BCP 47 tag.
 * @returns undefined where it is one character.
 */
export function halvesOf(text: string, locale: string): TextPieces | undefined {
  const place =
    nearestTo(text, /[,;:،؛、，；：)\]」』】—–]\s*/gu) ??
    nearestTo(text, /\s+/gu) ??
    nearestBoundary(text, locale);
  return place === undefined ? undefined : collect([text.slice(0, place), text.slice(place)]);
}

function collect(parts: Iterable<string>): TextPieces {
  const pieces: string[] = [];
  const between = [''];
  const keep = (text: string): void => void (between[between.length - 1] += text);
  for (const part of parts) {
    const begun = part.trimStart();
    const piece = begun.trimEnd();
    keep(part.slice(0, part.length - begun.length));
    if (LETTER.test(piece)) {
      if (pieces.length === MAX_PIECES) throw tooManyPieces();
      pieces.push(piece);
      between.push('');
    } else keep(piece);
    keep(begun.slice(piece.length));
  }
  return { pieces, between };
}

/** The error for texts that have more pieces than {@link MAX_PIECES}. */
export function tooManyPieces(): KvasirError {
  return invalidRequest(
    'q',
    `q has more than the ${MAX_PIECES} sentences that one request may have translated`,
  );
}

/** Sentences, white space behind each included, and line breaks. */
function* lineSentences(text: string, segmenter: Intl.Segmenter): Generator<string> {
  for (const [index, part] of text.split(LINE_BREAKS).entries())
    if (index % 2 === 1) yield part;
    else yield* sentences(part, segmenter);
}

/** The sentences of a line, white space behind each included. */
function* sentences(line: string, segmenter: Intl.Segmenter): Generator<string> {
  let open = '';
  for (let begin = 0; begin < line.length;) {
    const end = windowEnd(line, begin);
    const segments = Array.from(segmenter.segment(line.slice(begin, end)), ({ segment }) => segment);
    // The last one may go on behind the window.
    if (end < line.length && segments.length > 1) segments.pop();
    for (const segment of segments) {
      begin += segment.length;
      open += segment;
      if (ABBREVIATION.test(open.slice(-ABBREVIATION_REACH)) && open.length < WINDOW) continue;
      yield open;
      open = '';
    }
  }
  if (open !== '') yield open;
}

/** Where to stop looking: behind a word, if there is one. */
function windowEnd(line: string, begin: number): number {
  const end = begin + WINDOW;
  if (end >= line.length) return line.length;
  const space = line.lastIndexOf(' ', end);
  return space > begin ? space + 1 : wholeCharacters(line, end);
}

/** A place that is not between the two halves of a character. */
function wholeCharacters(text: string, place: number): number {
  return /[\udc00-\udfff]/.test(text[place] ?? '') ? place - 1 : place;
}

/** The end of the match nearest to the middle of a text; undefined: none is in the middle half of it. */
function nearestTo(text: string, pattern: RegExp): number | undefined {
  const ends = Array.from(text.matchAll(pattern), match => match.index + match[0].length);
  return nearest(
    text,
    ends.filter(end => end >= text.length / 4 && end <= (text.length * 3) / 4),
  );
}

/** Between words of a script that writes them without spaces, or else between characters. */
function nearestBoundary(text: string, locale: string): number | undefined {
  const half = Math.floor(text.length / 2);
  const begin = wholeCharacters(text, Math.max(0, half - NEAR));
  const around = text.slice(begin, wholeCharacters(text, half + NEAR));
  for (const granularity of ['word', 'grapheme'] as const) {
    const segmenter = new Intl.Segmenter(locale, { granularity });
    const places = Array.from(segmenter.segment(around), ({ index }) => begin + index);
    const place = nearest(
      text,
      places.filter(index => index > 0),
    );
    if (place !== undefined) return place;
  }
  return undefined;
}

function nearest(text: string, places: readonly number[]): number | undefined {
  const distance = (place: number): number => Math.abs(place - text.length / 2);
  return places.reduce<number | undefined>(
    (best, place) => (best === undefined || distance(place) < distance(best) ? place : best),
    undefined,
  );
}
