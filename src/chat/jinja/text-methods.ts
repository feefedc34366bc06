import { needIndex, needText } from './arguments.js';
import { fail } from './errors.js';
import { splitLines, splitText, strip } from './splitting.js';
import { format } from './format.js';
import { isInt, toIndex } from './numbers.js';
import { iterate, textOf, truth, typeName } from './python.js';
import type { Run } from './run.js';
import { clamp } from './sequences.js';
import { isSpace } from './space.js';
import { characterIndex, characters, countOf, lengthOf, sliceText } from './text.js';
import { Dict, Tuple, type Keywords, type Value } from './values.js';

type Arguments = readonly (Value | undefined)[];

/** A method of a built-in type. */
export interface Method<Self> {
  readonly parameters: readonly string[];
  /** How many of them must be given. */
  readonly required: number;
  /** Whether they may be given by name. */
  readonly named?: boolean;
  apply(self: Self, args: Arguments, run: Run): Value;
}

/** `str.format` and `format_map`, which take any arguments. */
export function formatText(text: string, args: readonly Value[], keywords: Keywords, run: Run): string {
  return format(text, args, name => keywords.get(name), run);
}

function method(
  parameters: string,
  required: number,
  apply: Method<string>['apply'],
  named = false,
): Method<string> {
  return { parameters: parameters === '' ? [] : parameters.split(' '), required, named, apply };
}

const test = (pattern: RegExp): Method<string> => method('', 0, text => pattern.test(text));

/** `find` and its kin, which look within a part of the text. */
function search(last: boolean, strict: boolean): Method<string> {
  return method('sub start end', 1, (text, [sub, start, end]) => {
    const part = needText(sub!, 'sub');
    const [within, offset] = cut(text, start, end);
    const unit = within === undefined ? -1 : last ? within.lastIndexOf(part) : within.indexOf(part);
    if (unit >= 0) return offset + characterIndex(within!, unit);
    return strict ? fail('substring not found') : -1;
  });
}

/** A part of a text, and how many characters are before it. Undefined where it begins behind the end. */
function cut(text: string, start: Value | undefined, end: Value | undefined): [string | undefined, number] {
  if (start === undefined || start === null) {
    if (end === undefined || end === null) return [text, 0];
  }
  const length = lengthOf(text);
  const from = typeof start === 'number' && start > length ? undefined : clamp(start, length, 0);
  const to = clamp(end, length, length);
  if (from === undefined || from > to) return [undefined, 0];
  return [sliceText(text, from, to), from];
}

/** `startswith` and `endswith`, of one text or of any of a tuple. */
function affix(name: string, has: (text: string, part: string) => boolean): Method<string> {
  return method('affix start end', 1, (text, [wanted, start, end]) => {
    const parts = wanted instanceof Tuple ? wanted.items : [wanted!];
    const [within] = cut(text, start, end);
    return parts.some(part => {
      const affix =
        textOf(part) ?? fail(`${name} first arg must be str or a tuple of str, not ${typeName(part)}`);
      return within !== undefined && has(within, affix);
    });
  });
}

function pad(place: (missing: number, width: number) => number): Method<string> {
  return method('width fillchar', 1, (text, [width, fill], run) => {
    const filler = fill === undefined ? ' ' : needText(fill, 'The fill character');
    if (lengthOf(filler) !== 1) fail('The fill character must be exactly one character long');
    const total = needIndex(width!);
    run.room(total);
    const missing = total - lengthOf(text);
    if (missing <= 0) return text;
    const left = place(missing, total);
    return filler.repeat(left) + text + filler.repeat(missing - left);
  });
}

function stripping(ends: 'both' | 'left' | 'right'): Method<string> {
  return method('chars', 0, (text, [chars]) =>
    strip(text, ends, chars === undefined || chars === null ? undefined : needText(chars, 'strip arg')),
  );
}

function splitting(fromRight: boolean): Method<string> {
  return method(
    'sep maxsplit',
    0,
    (text, [separator, most], run) => {
      const parts = splitText(
        text,
        separator === undefined || separator === null ? undefined : needText(separator, 'sep'),
        most === undefined ? -1 : needIndex(most),
        fromRight,
      );
      run.step(parts.length);
      return parts;
    },
    true,
  );
}

function partition(last: boolean): Method<string> {
  return method('sep', 1, (text, [sep]) => {
    const separator = needText(sep!, 'sep');
    if (separator === '') fail('empty separator');
    const at = last ? text.lastIndexOf(separator) : text.indexOf(separator);
    if (at < 0) return new Tuple(last ? ['', '', text] : [text, '', '']);
    return new Tuple([text.slice(0, at), separator, text.slice(at + separator.length)]);
  });
}

/** `str.replace`. @param most negative: all. */
export function replace(text: string, old: string, by: string, most: number, run: Run): string {
  const places = old === '' ? lengthOf(text) + 1 : countOf(text, old);
  const count = most < 0 ? places : Math.min(most, places);
  run.room(text.length + count * (by.length - old.length));
  if (count === places)
    return old === '' ? by + characters(text).join(by) + (text === '' ? '' : by) : text.split(old).join(by);
  if (count === 0) return text;
  if (old === '') {
    const all = characters(text);
    return (
      by +
      all
        .slice(0, count - 1)
        .map(character => character + by)
        .join('') +
      all.slice(count - 1).join('')
    );
  }
  const parts = text.split(old);
  return [parts.slice(0, count + 1).join(by), ...parts.slice(count + 1)].join(old);
}

/** The first letter in upper case, the others in lower case. */
export function capitalize(text: string): string {
  const [first = '', ...rest] = characters(text);
  return titled(first) + rest.join('').toLowerCase();
}

/** A character as the first one of a title. */
function titled(character: string): string {
  const [first = '', ...rest] = Array.from(character.toUpperCase());
  return first + rest.join('').toLowerCase();
}

function title(text: string): string {
  let result = '';
  let inWord = false;
  for (const character of text) {
    result += inWord ? character.toLowerCase() : titled(character);
    inWord = /\p{Cased}/u.test(character);
  }
  return result;
}

function isTitle(text: string): boolean {
  let inWord = false;
  let cased = false;
  for (const character of text) {
    if (/[\p{Uppercase}\p{Lt}]/u.test(character)) {
      if (inWord) return false;
      inWord = cased = true;
    } else if (/\p{Lowercase}/u.test(character)) {
      if (!inWord) return false;
      cased = true;
    } else inWord = false;
  }
  return cased;
}

function expandTabs(text: string, size: number): string {
  let column = 0;
  let result = '';
  for (const character of text) {
    if (character === '\t') {
      const width = size > 0 ? size - (column % size) : 0;
      result += ' '.repeat(width);
      column += width;
    } else {
      result += character;
      column = character === '\n' || character === '\r' ? 0 : column + 1;
    }
  }
  return result;
}

function makeTranslation([from, to, gone]: Arguments, run: Run): Value {
  if (to === undefined) {
    if (!(from instanceof Dict)) return fail('if you give only one argument to maketrans it must be a dict');
    return new Dict([...from.entries()].map(([key, value]) => [codeOf(key), value] as const));
  }
  run.step(needText(from!, 'x').length);
  const [a, b] = [characters(needText(from!, 'x')), characters(needText(to, 'y'))];
  if (a.length !== b.length) fail('the first two maketrans arguments must have equal length');
  const codes = a.map((key, i) => [codeOf(key), codeOf(b[i]!)] as const);
  const removed = gone === undefined ? [] : characters(needText(gone, 'z'));
  return new Dict([...codes, ...removed.map(key => [codeOf(key), null] as const)]);
}

function codeOf(key: Value): Value {
  return typeof key === 'string' ? key.codePointAt(0)! : key;
}

function translate(text: string, table: Value): string {
  if (!(table instanceof Dict)) return fail(`'${typeName(table)}' object is not subscriptable`);
  return characters(text)
    .map(character => {
      const found = table.get(character.codePointAt(0)!);
      if (found === undefined) return character;
      if (found === null) return '';
      return isInt(found) ? String.fromCodePoint(toIndex(found)!) : needText(found, 'character mapping');
    })
    .join('');
}

/** Methods of str but for `format`, `format_map` and `encode`. */
export const TEXT_METHODS: ReadonlyMap<string, Method<string>> = new Map(
  Object.entries({
    capitalize: method('', 0, capitalize),
    casefold: method('', 0, text => text.toUpperCase().toLowerCase().replaceAll('ς', 'σ')),
    center: pad((missing, width) => Math.floor(missing / 2) + (missing & width & 1)),
    count: method('sub start end', 1, (text, [sub, start, end]) => {
      const part = needText(sub!, 'sub');
      const [within] = cut(text, start, end);
      if (within === undefined) return 0;
      return part === '' ? lengthOf(within) + 1 : countOf(within, part);
    }),
    endswith: affix('endswith', (text, part) => text.endsWith(part)),
    expandtabs: method(
      'tabsize',
      0,
      (text, [size], run) => {
        const width = size === undefined ? 8 : needIndex(size);
        run.room(text.length + countOf(text, '\t') * width);
        return expandTabs(text, width);
      },
      true,
    ),
    find: search(false, false),
    index: search(false, true),
    isalnum: test(/^[\p{L}\p{N}]+$/u),
    isalpha: test(/^\p{L}+$/u),
    isascii: method('', 0, text => /^[^\u0080-\uffff]*$/.test(text)),
    isdecimal: test(/^\p{Nd}+$/u),
    isdigit: test(/^[\p{Nd}²³¹⁰⁴-⁹₀-₉①-⑨]+$/u),
    isidentifier: test(/^[\p{ID_Start}_]\p{ID_Continue}*$/u),
    islower: method('', 0, isLower),
    isnumeric: test(/^\p{N}+$/u),
    isprintable: test(/^(?:[^\p{C}\p{Z}]| )*$/u),
    isspace: method('', 0, text => text !== '' && characters(text).every(isSpace)),
    istitle: method('', 0, isTitle),
    isupper: method('', 0, isUpper),
    join: method('iterable', 1, (text, [iterable], run) => {
      const parts: string[] = [];
      let size = 0;
      for (const item of iterate(iterable!)) {
        const part =
          textOf(item) ??
          fail(`sequence item ${parts.length}: expected str instance, ${typeName(item)} found`);
        run.step();
        run.room((size += part.length + text.length));
        parts.push(part);
      }
      return parts.join(text);
    }),
    ljust: pad(() => 0),
    lower: method('', 0, text => text.toLowerCase()),
    lstrip: stripping('left'),
    maketrans: method('x y z', 1, (_, args, run) => makeTranslation(args, run)),
    partition: partition(false),
    removeprefix: method('prefix', 1, (text, [prefix]) => {
      const part = needText(prefix!, 'removeprefix() argument');
      return text.startsWith(part) ? text.slice(part.length) : text;
    }),
    removesuffix: method('suffix', 1, (text, [suffix]) => {
      const part = needText(suffix!, 'removesuffix() argument');
      return part !== '' && text.endsWith(part) ? text.slice(0, -part.length) : text;
    }),
    replace: method('old new count', 2, (text, [old, by, count], run) =>
      replace(
        text,
        needText(old!, 'replace() argument 1'),
        needText(by!, 'replace() argument 2'),
        count === undefined ? -1 : needIndex(count),
        run,
      ),
    ),
    rfind: search(true, false),
    rindex: search(true, true),
    rjust: pad(missing => missing),
    rpartition: partition(true),
    rsplit: splitting(true),
    rstrip: stripping('right'),
    split: splitting(false),
    splitlines: method(
      'keepends',
      0,
      (text, [keep], run) => {
        const lines = splitLines(text, keep !== undefined && truth(keep));
        run.step(lines.length);
        return lines;
      },
      true,
    ),
    startswith: affix('startswith', (text, part) => text.startsWith(part)),
    strip: stripping('both'),
    swapcase: method('', 0, text =>
      characters(text)
        .map(c => (/\p{Uppercase}/u.test(c) ? c.toLowerCase() : c.toUpperCase()))
        .join(''),
    ),
    title: method('', 0, title),
    translate: method('table', 1, (text, [table]) => translate(text, table!)),
    upper: method('', 0, text => text.toUpperCase()),
    zfill: method('width', 1, (text, [width], run) => {
      const total = needIndex(width!);
      run.room(total);
      const sign = /^[+-]/.test(text) ? text[0]! : '';
      return sign + text.slice(sign.length).padStart(total - sign.length, '0');
    }),
  }),
);

/** Whether all letters that have a case are lower ones, and there is one. */
export function isLower(text: string): boolean {
  return /\p{Lowercase}/u.test(text) && !/[\p{Uppercase}\p{Lt}]/u.test(text);
}

/** Whether all letters that have a case are upper ones, and there is one. */
export function isUpper(text: string): boolean {
  return /\p{Uppercase}/u.test(text) && !/[\p{Lowercase}\p{Lt}]/u.test(text);
}
