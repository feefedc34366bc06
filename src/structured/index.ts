/** Structured output: texts kept to a schema, a regular expression or a choice. README.md tells how. */

import type { Caller } from '#caller.js';
import type { Tokenizer } from '#text/types.js';
import { Budget } from './budget.js';
import { keyOf, StructureCache, type Compiled } from './cache.js';
import { GrammarConstraint, type StructureConstraint } from './constraint.js';
import { exactSchema } from './exact-schema.js';
import { Refusal } from './refusal.js';
import { grammarOf, type Structure } from './structure.js';
import { loadVocabulary, vocabularyOf, type Vocabulary } from './vocabulary.js';

export { LIMITS, Refusal, refusing } from './refusal.js';
export { Budget } from './budget.js';
export type { Compiled } from './cache.js';
export type { Steering, StructureConstraint } from './constraint.js';
export type { Grammar } from './grammar.js';
export { checkSize } from './size.js';
export type { Structure } from './structure.js';

/** Makes a constraint for one sequence. */
export type MakeConstraint = () => StructureConstraint;

/** Compiles a structure elsewhere than on the event loop. */
export type CompileElsewhere = (
  structure: Structure,
  spellable: ReadonlySet<number>,
  caller: Caller,
) => Promise<Compiled>;

/** Steps of a {@link Budget} that are tried at once: some milliseconds, enough for ordinary structures. */
const AT_ONCE = 250_000;

const caches = new WeakMap<Vocabulary, StructureCache>();

/**
 * Compiles a structure for a tokenizer, or finds it among those that were used last.
 *
 * @returns makes a constraint for one sequence.
 * @throws Refusal where the structure cannot be followed.
 */
export function compileStructure(structure: Structure, tokenizer: Tokenizer): MakeConstraint {
  structure = withDigits(structure);
  const vocabulary = vocabularyOf(tokenizer);
  const cache = cacheOf(vocabulary);
  const key = keyOf(structure);
  const masks = cache.get(key) ?? cache.add(key, compile(structure, vocabulary.spellable, new Budget()));
  return () => new GrammarConstraint(masks);
}

/**
 * The same without holding up the event loop: what is not done in a moment is done elsewhere, once for all
 * requests of a client.
 */
export async function compileStructureAside(
  structure: Structure,
  tokenizer: Tokenizer,
  elsewhere: CompileElsewhere,
  caller: Caller,
): Promise<MakeConstraint> {
  structure = withDigits(structure);
  const vocabulary = await loadVocabulary(tokenizer);
  const cache = cacheOf(vocabulary);
  const key = keyOf(structure);
  const turn = `${caller.client} ${key}`;
  // Whoever began it may go away before it is done.
  while (cache.pending.has(turn)) await cache.pending.get(turn)!.catch(() => undefined);
  let masks = cache.get(key);
  if (masks === undefined) {
    const budget = new Budget(AT_ONCE);
    let compiled = compile(structure, vocabulary.spellable, budget);
    if (budget.exhausted) {
      const work = elsewhere(structure, vocabulary.spellable, caller);
      cache.pending.set(turn, work);
      try {
        compiled = await work;
      } finally {
        cache.pending.delete(turn);
      }
    }
    masks = cache.add(key, compiled);
  }
  return () => new GrammarConstraint(masks);
}

/** A grammar, or why there is none. */
export function compile(structure: Structure, spellable: ReadonlySet<number>, budget: Budget): Compiled {
  try {
    return grammarOf(structure, spellable, budget);
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

/** @throws Refusal where a schema is too large, or has a number whose digits would be lost */
function withDigits(structure: Structure): Structure {
  return structure.kind === 'schema' ? { ...structure, schema: exactSchema(structure.schema) } : structure;
}

function cacheOf(vocabulary: Vocabulary): StructureCache {
  let cache = caches.get(vocabulary);
  if (cache === undefined) caches.set(vocabulary, (cache = new StructureCache(vocabulary)));
  return cache;
}
