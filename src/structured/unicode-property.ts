import type { Budget } from './budget.js';
import { CHARACTERS, type Ranges } from './ranges.js';
import { quote, Refusal } from './refusal.js';

/**
 * Steps to find the characters of a property for the first time in a structure, whether they are kept or not.
 */
const COST = 500_000;
/** Properties that are kept. */
const KEPT = 64;
/** Code points that are tested at once. */
const BLOCK = 4096;

const kept = new Map<string, Ranges>();

/**
 * The characters with a Unicode property, such as `p{L}`: this runtime knows them, so it is asked for all.
 *
 * @param source of the property without its backslash.
 * @throws Refusal where there is no such property.
 */
export function unicodeProperty(source: string, budget: Budget): Ranges {
  budget.chargeOnce(source, COST);
  const known = kept.get(source) ?? find(source);
  // The last one used stands last.
  kept.delete(source);
  kept.set(source, known);
  if (kept.size > KEPT) kept.delete(kept.keys().next().value!);
  return known;
}

function find(source: string): Ranges {
  let runs: RegExp;
  try {
    runs = new RegExp(`\\${source}+`, 'gu');
  } catch {
    throw new Refusal('', `${quote(`\\${source}`)} is not a Unicode property`);
  }
  const result: [number, number][] = [];
  for (const [low, high] of CHARACTERS) {
    for (let first = low; first <= high; first += BLOCK) {
      const codes = Array.from({ length: Math.min(BLOCK, high - first + 1) }, (_, i) => first + i);
      const width = first > 0xffff ? 2 : 1;
      for (const { 0: run, index } of String.fromCodePoint(...codes).matchAll(runs)) {
        const from = first + index / width;
        const to = from + run.length / width - 1;
        const last = result.at(-1);
        if (last?.[1] === from - 1) last[1] = to;
        else result.push([from, to]);
      }
    }
  }
  return result;
}
