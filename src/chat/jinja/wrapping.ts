import { strip } from './splitting.js';
import type { Run } from './run.js';
import { lengthOf, sliceText } from './text.js';
import { fail } from './errors.js';

/** How Python's `textwrap` breaks lines. */
export interface WrapOptions {
  /** Most characters of a line. */
  readonly width: number;
  readonly breakLongWords: boolean;
  readonly breakOnHyphens: boolean;
}

/** White space that `textwrap` knows. */
const SPACE = /[\t\n\v\f\r ]+/;
const HYPHENATED =
  /([\t\n\v\f\r ]+|(?<=[\p{L}\p{N}_!"'&.,?])-{2,}(?=[\p{L}\p{N}_])|[^\t\n\v\f\r ]+?(?:-(?:(?<=[^\d\W]{2}-)|(?<=[^\d\W]-[^\d\W]-))(?=[^\d\W]-?[^\d\W])|(?=[\t\n\v\f\r ]|$)|(?<=[\p{L}\p{N}_!"'&.,?])(?=-{2,}[\p{L}\p{N}_])))/u;
const PLAIN = /([\t\n\v\f\r ]+)/;

/** `textwrap.wrap` of one line, with `expand_tabs` and `replace_whitespace` off. */
export function wrapWords(
  text: string,
  { width, breakLongWords, breakOnHyphens }: WrapOptions,
  run: Run,
): string[] {
  if (width <= 0) fail(`invalid width ${width} (must be > 0)`);
  const chunks = text.split(breakOnHyphens ? HYPHENATED : PLAIN).filter(chunk => chunk !== '');
  chunks.reverse();
  const lines: string[] = [];
  while (chunks.length > 0) {
    run.pass(chunks.at(-1)!);
    if (lines.length > 0 && isBlank(chunks.at(-1)!)) chunks.pop();
    const line: string[] = [];
    let used = 0;
    while (chunks.length > 0 && used + lengthOf(chunks.at(-1)!) <= width) {
      used += lengthOf(chunks.at(-1)!);
      line.push(chunks.pop()!);
    }
    if (chunks.length > 0 && lengthOf(chunks.at(-1)!) > width) {
      const room = width - used;
      if (breakLongWords) {
        const chunk = chunks.pop()!;
        const end = breakPlace(chunk, room, breakOnHyphens);
        line.push(sliceText(chunk, 0, end));
        chunks.push(sliceText(chunk, end, Infinity));
      } else if (line.length === 0) line.push(chunks.pop()!);
    }
    if (line.length > 0 && isBlank(line.at(-1)!)) line.pop();
    if (line.length > 0) lines.push(line.join(''));
  }
  return lines;
}

function breakPlace(chunk: string, room: number, breakOnHyphens: boolean): number {
  const end = Math.max(1, room);
  if (!breakOnHyphens || lengthOf(chunk) <= room) return end;
  const hyphen = chunk.lastIndexOf('-', room - 1);
  return hyphen > 0 && /[^-]/.test(chunk.slice(0, hyphen)) ? hyphen + 1 : end;
}

function isBlank(chunk: string): boolean {
  return strip(chunk.replace(SPACE, ''), 'both') === '';
}
