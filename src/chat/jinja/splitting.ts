import { fail } from './errors.js';
import { isSpace, SPACES } from './space.js';
import { characters } from './text.js';

/**
 * `str.strip` and its kin.
 *
 * @param chars all characters that may go; undefined: white space.
 */
export function strip(text: string, ends: 'both' | 'left' | 'right', chars?: string): string {
  if (chars !== undefined && /[\ud800-\udfff]/.test(chars + text)) {
    const all = characters(text);
    const wanted = new Set(characters(chars));
    const [start, end] = bounds(all, ends, character => wanted.has(character));
    return all.slice(start, end).join('');
  }
  const goes = chars === undefined ? isSpace : (character: string): boolean => chars.includes(character);
  const [start, end] = bounds(text, ends, goes);
  return start === 0 && end === text.length ? text : text.slice(start, end);
}

function bounds(
  text: string | readonly string[],
  ends: 'both' | 'left' | 'right',
  goes: (character: string) => boolean,
): [start: number, end: number] {
  let start = 0;
  let end = text.length;
  if (ends !== 'right') while (start < end && goes(text[start]!)) start++;
  if (ends !== 'left') while (end > start && goes(text[end - 1]!)) end--;
  return [start, end];
}

const WORDS = new RegExp(`${SPACES.replace('[', '[^')}+`, 'g');

/**
 * `str.split` and `str.rsplit`.
 *
 * @param separator undefined: any white space, and no empty parts.
 * @param most cuts; negative: all.
 * @throws TemplateError where the separator is empty.
 */
export function splitText(
  text: string,
  separator: string | undefined,
  most: number,
  fromRight: boolean,
): string[] {
  if (separator === '') fail('empty separator');
  if (separator === undefined) return splitWords(text, most, fromRight);
  const parts = text.split(separator);
  if (most < 0 || parts.length - 1 <= most) return parts;
  if (fromRight) {
    const kept = parts.length - most;
    return [parts.slice(0, kept).join(separator), ...parts.slice(kept)];
  }
  return [...parts.slice(0, most), parts.slice(most).join(separator)];
}

function splitWords(text: string, most: number, fromRight: boolean): string[] {
  const words = [...text.matchAll(WORDS)];
  if (most < 0 || words.length <= most) return words.map(([word]) => word);
  if (fromRight) {
    const kept = words.length - most;
    const last = words[kept - 1]!;
    return [text.slice(0, last.index + last[0].length), ...words.slice(kept).map(([word]) => word)];
  }
  const rest = words[most]!;
  return [...words.slice(0, most).map(([word]) => word), text.slice(rest.index)];
}

const BREAKS = '[\\n\\r\\v\\f\\x1c-\\x1e\\x85\\u2028\\u2029]';
const LINE_END = new RegExp(`\\r\\n|${BREAKS}`, 'g');

/** `str.splitlines`. @param keep whether the line breaks stay at the ends of their lines. */
export function splitLines(text: string, keep = false): string[] {
  const lines: string[] = [];
  let start = 0;
  for (const { 0: mark, index } of text.matchAll(LINE_END)) {
    const end = index + mark.length;
    lines.push(text.slice(start, keep ? end : index));
    start = end;
  }
  if (start < text.length) lines.push(text.slice(start));
  return lines;
}
