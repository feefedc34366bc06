import { choice, literal, NEVER, one, sequence, type Expression } from './expression.js';
import { CHARACTERS, difference, intersection, rangesOf, union, type Ranges } from './ranges.js';

/**
 * The symbols of a grammar's rules: bytes `0` to `255`; the same bytes with {@link COUNT} or {@link EXIT}
 * added, where a rule counts; and from {@link CALLS} on the rules that stand for a value.
 */
export const BYTES = 256;
/** A byte that begins one more of what the rule counts. */
export const COUNT = BYTES;
/** A byte that ends the counting. */
export const EXIT = 2 * BYTES;
/** The first rule. */
export const CALLS = 3 * BYTES;

/** The bytes of an expression over ASCII characters, marked: `COUNT` or `EXIT`. */
export function marked(bytes: Ranges, mark: number): Expression {
  return one(bytes.map(([low, high]) => [low + mark, high + mark] as const));
}

export function call(rule: number): Expression {
  return one(rangesOf(CALLS + rule));
}

/** Lengths of UTF-8 by code point, and the bits of the first byte. */
const LENGTHS = [
  { from: 0, to: 0x7f, lead: 0 },
  { from: 0x80, to: 0x7ff, lead: 0xc0 },
  { from: 0x800, to: 0xffff, lead: 0xe0 },
  { from: 0x10000, to: 0x10ffff, lead: 0xf0 },
] as const;

/**
 * Characters as their bytes in UTF-8.
 *
 * @param mark for the first byte of each
 */
export function utf8(characters: Ranges, mark = 0): Expression {
  const items = LENGTHS.map(({ from, to, lead }, continuations) =>
    bytes(intersection(characters, [[from, to]]), lead + mark, continuations),
  );
  return choice(...items.filter(item => item !== NEVER));
}

/**
 * Numbers as a first byte, whose bits `lead` go before, and continuation bytes of six bits. First bytes with
 * the same continuations are one alternative: no two alternatives begin alike.
 */
function bytes(numbers: Ranges, lead: number, continuations: number): Expression {
  if (continuations === 0) return one(numbers.map(([low, high]) => [lead + low, lead + high] as const));
  const size = 64 ** continuations;
  const rests = new Map<number, [number, number][]>();
  for (const [low, high] of numbers) {
    for (let first = Math.floor(low / size); first * size <= high; first++) {
      const rest = rests.get(first) ?? [];
      rest.push([Math.max(low - first * size, 0), Math.min(high - first * size, size - 1)]);
      rests.set(first, rest);
    }
  }
  const groups = new Map<string, { firsts: number[]; rest: Ranges }>();
  for (const [first, rest] of rests) {
    const group = groups.get(rest.join());
    if (group === undefined) groups.set(rest.join(), { firsts: [lead + first], rest });
    else group.firsts.push(lead + first);
  }
  return choice(
    ...Array.from(groups.values(), ({ firsts, rest }) =>
      sequence(one(rangesOf(...firsts)), bytes(rest, 0x80, continuations - 1)),
    ),
  );
}

const HEX: Ranges = [
  [0x30, 0x39],
  [0x41, 0x46],
  [0x61, 0x66],
];
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const CONTROL: Ranges = [[0, 0x1f]];
/** Escapes of one letter, by code point. */
const SHORT: Readonly<Record<number, string>> = {
  8: 'b',
  9: 't',
  10: 'n',
  12: 'f',
  13: 'r',
  34: '"',
  92: '\\',
};
/** Characters that stand for themselves in a JSON string. */
const ESCAPED = union(CONTROL, rangesOf(QUOTE, BACKSLASH));
const PLAIN = difference(CHARACTERS, ESCAPED);

/** Characters as a JSON string spells them: unescaped if possible, else the shortest escape. */
export function jsonCharacters(characters: Ranges): Expression {
  const escaped = intersection(characters, ESCAPED);
  if (escaped.length === 0) return utf8(characters);
  const plain = utf8(intersection(characters, PLAIN));
  const codes = escaped.flatMap(([low, high]) => Array.from({ length: high - low + 1 }, (_, i) => low + i));
  const letters = codes.flatMap(code => SHORT[code]?.charCodeAt(0) ?? []);
  const others = codes.filter(code => SHORT[code] === undefined);
  const long = [0, 1].map(high => {
    const lows = others.filter(code => code >> 4 === high).map(code => (code & 15).toString(16));
    const digits = lows.flatMap(digit => [digit.charCodeAt(0), digit.toUpperCase().charCodeAt(0)]);
    return lows.length === 0 ? NEVER : sequence(literal(`u00${high}`), one(rangesOf(...digits)));
  });
  return choice(plain, sequence(one(rangesOf(BACKSLASH)), choice(one(rangesOf(...letters)), ...long)));
}

/**
 * Any character of a JSON string in any spelling; surrogates only in pairs.
 *
 * @param mark for the first byte
 */
export function anyJsonCharacter(mark = 0): Expression {
  const hex = one(HEX);
  const digits = (text: string): Expression =>
    one(rangesOf(...Array.from(text, digit => digit.charCodeAt(0))));
  const u = literal('u');
  return choice(
    utf8(PLAIN, mark),
    sequence(
      one(rangesOf(BACKSLASH + mark)),
      choice(
        digits('"\\/bfnrt'),
        sequence(u, digits('0123456789abcefABCEF'), hex, hex, hex),
        sequence(u, digits('dD'), digits('01234567'), hex, hex),
        sequence(
          u,
          digits('dD'),
          digits('89abAB'),
          hex,
          hex,
          literal('\\u'),
          digits('dD'),
          digits('cdefCDEF'),
          hex,
          hex,
        ),
      ),
    ),
  );
}
