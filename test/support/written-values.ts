/** Draws a number from [0, 1). */
export type Random = () => number;

/** One of the entries. */
export function pick<T>(random: Random, entries: readonly T[]): T {
  return entries[Math.floor(random() * entries.length)]!;
}

/** A whole number from `low` to `high`, both inclusive. */
export function between(random: Random, low: number, high: number): number {
  return low + Math.floor(random() * (high - low + 1));
}

/** A list of `low` to `high` entries. */
export function several<T>(random: Random, low: number, high: number, entry: () => T): T[] {
  return Array.from({ length: between(random, low, high) }, entry);
}

/** White space that structured output admits after `{`, `[` and a comma, and before `}` and `]`. */
export function gap(random: Random): string {
  if (random() < 0.6) return '';
  return pick(random, [
    ' ',
    '\n',
    `\n${' '.repeat(between(random, 1, 16))}`,
    `\n${'\t'.repeat(between(random, 1, 8))}`,
  ]);
}

const SHORT: Readonly<Record<string, string>> = {
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\f': '\\f',
  '\r': '\\r',
  '"': '\\"',
  '\\': '\\\\',
};

function anyCase(random: Random, hex: string): string {
  return Array.from(hex, digit => (random() < 0.5 ? digit.toUpperCase() : digit)).join('');
}

/** A text as a JSON string in its shortest spelling: characters that need no escape are themselves. */
export function writeShortly(text: string, random: Random): string {
  const characters = Array.from(text, character => {
    if (character >= ' ' && character !== '"' && character !== '\\') return character;
    const hex = character.charCodeAt(0).toString(16).padStart(4, '0');
    return SHORT[character] ?? `\\u${anyCase(random, hex)}`;
  });
  return `"${characters.join('')}"`;
}

/** A text as a JSON string, each character in any of its spellings. */
export function writeFreely(text: string, random: Random): string {
  const characters = Array.from(text, character => {
    if (character === '/' && random() < 0.5) return '\\/';
    if (random() < 0.7) return writeShortly(character, random).slice(1, -1);
    return Array.from({ length: character.length }, (_, i) => {
      const hex = character.charCodeAt(i).toString(16).padStart(4, '0');
      return `\\u${anyCase(random, hex)}`;
    }).join('');
  });
  return `"${characters.join('')}"`;
}

/** A text of characters of all kinds; no halves of surrogate pairs. */
export function anyText(random: Random): string {
  const character = (): string =>
    pick(random, [
      () => pick(random, Array.from('ab z09"\\/{}[],:')),
      () => String.fromCharCode(between(random, 0, 0x7f)),
      () => String.fromCharCode(between(random, 0x80, 0xd7ff)),
      () => String.fromCodePoint(between(random, 0x10000, 0x10ffff)),
    ])();
  return several(random, 0, 6, character).join('');
}

/** Digits of a whole number, without zeros in front. */
function wholeDigits(random: Random): string {
  const digits = several(random, 1, 15, () => between(random, 0, 9)).join('');
  return digits.replace(/^0+(?=\d)/, '');
}

/** A JSON number in any spelling of up to 15 digits before and after the point. */
export function writeNumber(random: Random): string {
  const fraction = random() < 0.5 ? '' : `.${several(random, 1, 15, () => between(random, 0, 9)).join('')}`;
  const exponent =
    random() < 0.7
      ? ''
      : `${pick(random, ['e', 'E'])}${pick(random, ['', '+', '-'])}${between(random, 0, 20)}`;
  return `${pick(random, ['', '-'])}${wholeDigits(random)}${fraction}${exponent}`;
}

/** Any JSON value in any spelling. */
export function writeAny(random: Random, depth = 2): string {
  const kinds: (() => string)[] = [
    () => pick(random, ['null', 'true', 'false']),
    () => writeNumber(random),
    () => writeFreely(anyText(random), random),
  ];
  if (depth > 0)
    kinds.push(
      () =>
        writeList(
          '[',
          several(random, 0, 3, () => writeAny(random, depth - 1)),
          ']',
          random,
        ),
      () =>
        writeList(
          '{',
          several(random, 0, 3, () =>
            writeMember(writeFreely(anyText(random), random), writeAny(random, depth - 1), random),
          ),
          '}',
          random,
        ),
    );
  return pick(random, kinds)();
}

/** Entries between brackets. */
export function writeList(open: string, entries: readonly string[], close: string, random: Random): string {
  if (entries.length === 0) return open + close;
  const separated = entries.reduce((left, right) => `${left},${gap(random)}${right}`);
  return open + gap(random) + separated + gap(random) + close;
}

/** A key, a colon and a value. */
export function writeMember(key: string, value: string, random: Random): string {
  return `${key}:${pick(random, ['', ' '])}${value}`;
}

/**
 * A constant as `const` and `enum` admit it: strings in their shortest spelling, numbers as JavaScript writes
 * them.
 */
export function writeConstant(value: unknown, random: Random): string {
  if (typeof value === 'string') return writeShortly(value, random);
  if (Array.isArray(value))
    return writeList(
      '[',
      value.map(item => writeConstant(item, random)),
      ']',
      random,
    );
  if (typeof value === 'object' && value !== null)
    return writeList(
      '{',
      Object.entries(value).map(([key, entry]) =>
        writeMember(writeShortly(key, random), writeConstant(entry, random), random),
      ),
      '}',
      random,
    );
  return JSON.stringify(value);
}
