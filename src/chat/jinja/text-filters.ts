import { needIndex, needNumber, needText } from './arguments.js';
import { fail } from './errors.js';
import { filter, type Filter } from './filter.js';
import { fixed } from './decimal.js';
import { escapeHtml, escapeText } from './html.js';
import { formatPercent } from './percent-format.js';
import { pretty } from './pretty.js';
import { str } from './print.js';
import { itemsOf, iterate, sizeOf, textOf, truth, typeName } from './python.js';
import type { Run } from './run.js';
import { SPACES } from './space.js';
import { splitLines, splitText, strip } from './splitting.js';
import { lengthOf, sliceText } from './text.js';
import { capitalize, replace, TEXT_METHODS } from './text-methods.js';
import { toJson } from './json.js';
import { parseFloatText } from './parse-number.js';
import { Dict, Markup, Tuple, Undefined, type Value } from './values.js';
import { wrapWords } from './wrapping.js';

type Arguments = readonly (Value | undefined)[];

/** A text as `str` gives it; HTML stays HTML. */
function soft(value: Value, run: Run, change: (text: string) => string): Value {
  const before = str(value, run);
  run.pass(before);
  const text = run.text(change(before));
  return value instanceof Markup ? new Markup(text) : text;
}

const WORD_BEGINNING = new RegExp(`(${SPACES.replace('[', '[-({\\[<')}+)`);

function titleCase(text: string): string {
  return text
    .split(WORD_BEGINNING)
    .map(part => sliceText(part, 0, 1).toUpperCase() + sliceText(part, 1, Infinity).toLowerCase())
    .join('');
}

function indent(value: Value, [width = 4, first = false, blank = false]: Arguments, run: Run): Value {
  const text = textOf(value);
  if (text === undefined) return fail(value instanceof Undefined ? value.message : unsupported(value));
  const margin = textOf(width) ?? spaces(width, run);
  const lines = splitLines(`${text}\n`);
  run.room(text.length + lines.length * margin.length);
  const [start = '', ...others] = lines;
  const rest = others.map(line => (line === '' && !truth(blank) ? line : margin + line));
  const result = (truth(first) ? margin : '') + [start, ...rest].join('\n');
  return value instanceof Markup ? new Markup(result) : result;
}

function unsupported(value: Value): string {
  return `unsupported operand type(s) for +=: '${typeName(value)}' and 'str'`;
}

function spaces(width: Value, run: Run): string {
  const count = Math.max(0, needIndex(width));
  run.room(count);
  return ' '.repeat(count);
}

function truncate(
  value: Value,
  [length = 255, kill = false, end = '...', leeway = null]: Arguments,
  run: Run,
): Value {
  const [most, slack] = [needIndex(length), needIndex(leeway === null ? 5 : leeway)];
  const ending = needText(end, 'end');
  const room = most - lengthOf(ending);
  if (room < 0) fail(`expected length >= ${lengthOf(ending)}, got ${most}`);
  if (slack < 0) fail(`expected leeway >= 0, got ${slack}`);
  const size = sizeOf(value);
  if (size === undefined) return fail(`object of type '${typeName(value)}' has no len()`);
  if (size <= most + slack) return value;
  const text = needText(value, 'truncate() argument');
  const cut = sliceText(text, 0, room);
  return run.text((truth(kill) ? cut : splitText(cut, ' ', 1, true)[0]!) + ending);
}

function percentEncode(text: string, query: boolean): string {
  return encodeURIComponent(text.replace(/[\ud800-\udfff]/gu, '?'))
    .replace(/[!'()*]/g, mark => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`)
    .replace(query ? /%20/g : /%2F/g, query ? '+' : '/');
}

function urlencode(value: Value, run: Run): Value {
  const items = value instanceof Dict ? [...value.entries()] : undefined;
  const text = textOf(value);
  if (items === undefined && (text !== undefined || itemsOf(value) === undefined))
    return percentEncode(text ?? str(value, run), false);
  const pairs =
    items ??
    [...iterate(value)].map(pair => {
      const [key, content, ...others] = iterate(pair);
      if (content === undefined || others.length > 0) fail('not enough values to unpack (expected 2)');
      return [key!, content] as const;
    });
  return pairs.map(pair => pair.map(part => percentEncode(str(part, run), true)).join('=')).join('&');
}

function fileSize(value: Value, binary: boolean): string {
  const size = textOf(value) === undefined ? needNumber(value) : parseFloatText(textOf(value)!);
  if (size === undefined) return fail(`could not convert string to float: '${textOf(value)!}'`);
  const base = binary ? 1024 : 1000;
  if (size === 1) return '1 Byte';
  if (size < base) return `${Math.trunc(size)} Bytes`;
  const units = [...'KMGTPEZY'];
  const power = units.findIndex((_, i) => size < base ** (i + 2));
  const at = power < 0 ? units.length - 1 : power;
  const letter = units[at] === 'K' && !binary ? 'k' : units[at]!;
  return `${fixed((base * size) / base ** (at + 2), 1)} ${letter}${binary ? 'i' : ''}B`;
}

const ATTRIBUTE_KEY = /[ \t-\r/>=]/;

function xmlAttributes(value: Value, space: boolean, run: Run): string {
  if (!(value instanceof Dict)) return fail(`'${typeName(value)}' object has no attribute 'items'`);
  const parts: string[] = [];
  for (const [key, content] of value.entries()) {
    if (content === null || content instanceof Undefined) continue;
    const name = needText(key, 'key');
    if (ATTRIBUTE_KEY.test(name)) fail(`Invalid character in attribute name: '${name}'`);
    parts.push(`${escapeText(name)}="${escapeHtml(content, run)}"`);
  }
  const text = parts.join(' ');
  return space && text !== '' ? ` ${text}` : text;
}

function stripTags(value: Value, run: Run): Value {
  let text = str(value, run);
  for (const [open, close] of [
    ['<!--', '-->'],
    ['<', '>'],
  ] as const)
    for (let start = text.indexOf(open); start >= 0; start = text.indexOf(open, start)) {
      const end = text.indexOf(close, start);
      if (end < 0) break;
      run.step();
      text = text.slice(0, start) + text.slice(end + close.length);
    }
  const names: Readonly<Record<string, string>> = {
    lt: '<',
    gt: '>',
    amp: '&',
    quot: '"',
    apos: "'",
    nbsp: '\xa0',
  };
  return splitText(text, undefined, -1, false)
    .join(' ')
    .replace(
      /&(?:#(\d+)|#[xX]([\da-fA-F]+)|(\w+));/g,
      (all, decimal?: string, hex?: string, name?: string) =>
        name !== undefined
          ? (names[name] ?? all)
          : String.fromCodePoint(Number.parseInt(decimal ?? hex!, decimal === undefined ? 16 : 10)),
    );
}

/** Filters of texts. */
export const TEXT_FILTERS: readonly (readonly [string, Filter])[] = [
  filter('capitalize', '', 0, (value, _, run) => soft(value, run, capitalize)),
  filter('center', 'width', 0, (value, [width = 80], run) =>
    soft(value, run, text => TEXT_METHODS.get('center')!.apply(text, [width], run) as string),
  ),
  filter('e', '', 0, (value, _, run) => new Markup(escapeHtml(value, run))),
  filter('escape', '', 0, (value, _, run) => new Markup(escapeHtml(value, run))),
  filter('filesizeformat', 'binary', 0, (value, [binary]) => {
    if (value instanceof Undefined) fail(value.message);
    return fileSize(value, truth(binary ?? false));
  }),
  filter('forceescape', '', 0, (value, _, run) => new Markup(run.text(escapeText(str(value, run))))),
  [
    'format',
    (value, args, keywords, run) => {
      if (args.length > 0 && keywords.size > 0)
        fail("can't handle positional and keyword arguments at the same time");
      const values = keywords.size > 0 ? new Dict(keywords) : new Tuple(args);
      return soft(value, run, text => formatPercent(text, values, run));
    },
  ],
  filter('indent', 'width first blank', 0, indent),
  filter('lower', '', 0, (value, _, run) => soft(value, run, text => text.toLowerCase())),
  filter('pprint', '', 0, (value, _, run) => pretty(value, run)),
  filter('replace', 'old new count', 2, (value, [old, by, count], run) =>
    replace(
      str(value, run),
      str(old!, run),
      str(by!, run),
      count === undefined || count === null ? -1 : needIndex(count),
      run,
    ),
  ),
  filter('safe', '', 0, (value, _, run) => new Markup(str(value, run))),
  filter('string', '', 0, (value, _, run) => (value instanceof Markup ? value : str(value, run))),
  filter('striptags', '', 0, (value, _, run) => stripTags(value, run)),
  filter('title', '', 0, (value, _, run) => soft(value, run, titleCase)),
  filter(
    'tojson',
    'ensure_ascii indent separators sort_keys',
    0,
    (value, [ascii = false, indent = null, separators = null, sort = false], run) =>
      toJson(
        value,
        {
          ensureAscii: truth(ascii),
          indent,
          separators,
          sortKeys: truth(sort),
        },
        run,
      ),
  ),
  filter('trim', 'chars', 0, (value, [chars], run) =>
    soft(value, run, text =>
      strip(text, 'both', chars === undefined || chars === null ? undefined : needText(chars, 'strip arg')),
    ),
  ),
  filter('truncate', 'length killwords end leeway', 0, truncate),
  filter('upper', '', 0, (value, _, run) => soft(value, run, text => text.toUpperCase())),
  filter('urlencode', '', 0, (value, _, run) => urlencode(value, run)),
  filter('urlize', 'trim_url_limit nofollow target rel extra_schemes', 0, () =>
    fail('the filter urlize is not offered: prompts have no links'),
  ),
  filter('wordcount', '', 0, (value, _, run) => {
    const words = str(value, run).match(/[\p{L}\p{N}\p{M}_]+/gu) ?? [];
    return words.length;
  }),
  filter(
    'wordwrap',
    'width break_long_words wrapstring break_on_hyphens',
    0,
    (value, [width = 79, long = true, by = null, hyphens = true], run) => {
      if (value instanceof Undefined) fail(value.message);
      const mark = by === null ? '\n' : needText(by, 'wrapstring');
      const options = {
        width: needIndex(width),
        breakLongWords: truth(long),
        breakOnHyphens: truth(hyphens),
      };
      const lines = splitLines(needText(value, 'wordwrap() argument')).map(line => {
        run.step(line.length);
        return wrapWords(line, options, run).join(mark);
      });
      return run.text(lines.join(mark));
    },
  ),
  filter('xmlattr', 'autospace', 0, (value, [space], run) => xmlAttributes(value, truth(space ?? true), run)),
];
