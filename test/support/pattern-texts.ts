import fc from 'fast-check';
import { between, pick, several, type Random } from './written-values.js';

/** A regular expression, and what writes a text that it matches as a whole. */
export interface PatternText {
  readonly source: string;
  readonly write: (random: Random) => string;
}

const atoms: readonly PatternText[] = [
  { source: 'a', write: () => 'a' },
  { source: 'é', write: () => 'é' },
  { source: '\\.', write: () => '.' },
  { source: '"', write: () => '"' },
  { source: '\\\\', write: () => '\\' },
  { source: '\\n', write: () => '\n' },
  { source: '\\u00e9', write: () => 'é' },
  { source: '\\x41', write: () => 'A' },
  { source: '\\cA', write: () => '\x01' },
  { source: '😀', write: () => '😀' },
  { source: '.', write: random => pick(random, ['x', ' ', '日', '😀', '\u0000']) },
  { source: '\\d', write: random => String(between(random, 0, 9)) },
  { source: '\\D', write: random => pick(random, ['x', '٣', '\n']) },
  { source: '\\w', write: random => pick(random, ['Z', '_', '7']) },
  { source: '\\W', write: random => pick(random, ['-', 'é', ' ']) },
  { source: '\\s', write: random => pick(random, [' ', '\t', '\u00a0', '\u2028']) },
  { source: '\\S', write: random => pick(random, ['x', '\u200b']) },
  { source: '\\p{Lu}', write: random => pick(random, ['A', 'Ä', 'Σ', '𝐀']) },
  { source: '\\P{L}', write: random => pick(random, ['1', ' ', '😀']) },
  { source: '[a-cα-ω]', write: random => pick(random, ['a', 'b', 'c', 'λ', 'ω']) },
  { source: '[^a-c"]', write: random => pick(random, ['d', 'A', '\n', '日', '😀']) },
  { source: '[\\d\\-_]', write: random => pick(random, ['3', '-', '_']) },
  { source: '[\\]x-]', write: random => pick(random, [']', 'x', '-']) },
];

/** How often, as a quantifier says. */
const quantifiers: readonly (readonly [source: string, low: number, high: number])[] = [
  ['?', 0, 1],
  ['*', 0, 4],
  ['+', 1, 4],
  ['+?', 1, 3],
  ['{2}', 2, 2],
  ['{0,3}', 0, 3],
  ['{1,2}?', 1, 2],
  ['{2,}', 2, 5],
];

/** Random regular expressions of the kinds that structured output follows. */
export const patterns: fc.Arbitrary<PatternText> = fc.letrec<{ pattern: PatternText }>(tie => {
  const inner = tie('pattern');
  const repeated = fc
    .tuple(inner, fc.constantFrom(...quantifiers))
    .map(([{ source, write }, [quantifier, low, high]]): PatternText => ({
      source: `(?:${source})${quantifier}`,
      write: random => several(random, low, high, () => write(random)).join(''),
    }));
  const sequence = fc.array(inner, { minLength: 1, maxLength: 3 }).map((parts): PatternText => ({
    source: parts.map(({ source }) => source).join(''),
    write: random => parts.map(({ write }) => write(random)).join(''),
  }));
  const choice = fc.array(inner, { minLength: 2, maxLength: 3 }).map((parts): PatternText => ({
    source: `(${parts.map(({ source }) => source).join('|')})`,
    write: random => pick(random, parts).write(random),
  }));
  return {
    pattern: fc.oneof(
      { depthSize: 'small', maxDepth: 3, withCrossShrink: true },
      fc.constantFrom(...atoms),
      sequence,
      repeated,
      choice,
    ),
  };
}).pattern;
