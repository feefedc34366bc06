/** Structured output: texts kept to a schema, a regular expression or a choice. README.md tells how. */

import type { TokenConstraint } from '#engine/types.js';
import type { Tokenizer } from '#text/types.js';
import { GrammarConstraint } from './constraint.js';
import { choice, literal, type Expression } from './expression.js';
import { compileGrammar } from './grammar.js';
import { JsonRules, type Rule } from './json-rules.js';
import { union, type Ranges } from './ranges.js';
import { Refusal } from './refusal.js';
import { wholeMatch } from './regex.js';
import { SchemaDocument } from './schema-document.js';
import { SchemaShapes } from './schema-shapes.js';
import { utf8 } from './symbols.js';
import { toDfa } from './dfa.js';
import { TokenMasks } from './token-masks.js';
import { vocabularyOf, type Vocabulary } from './vocabulary.js';

export { Refusal, refusing } from './refusal.js';

/** The form that a text is kept to. */
export type Structure =
  /** A JSON object. */
  | { readonly kind: 'object' }
  /** A JSON value that is valid for a schema. */
  | { readonly kind: 'schema'; readonly schema: unknown }
  /** A text that the regular expression matches as a whole. */
  | { readonly kind: 'regex'; readonly pattern: string }
  /** One of the texts. */
  | { readonly kind: 'choice'; readonly choices: readonly string[] };

/** Bytes of compiled grammars that are kept for each tokenizer. */
const KEPT = 64 * 1024 * 1024;

const kept = new WeakMap<Vocabulary, Map<string, TokenMasks>>();

/**
 * Compiles a structure for a tokenizer, or finds it among those that were used last.
 *
 * @returns makes a constraint for one sequence.
 * @throws Refusal where the structure cannot be followed.
 */
export function compileStructure(structure: Structure, tokenizer: Tokenizer): () => TokenConstraint {
  const vocabulary = vocabularyOf(tokenizer);
  let cache = kept.get(vocabulary);
  if (cache === undefined) kept.set(vocabulary, (cache = new Map<string, TokenMasks>()));
  const key = JSON.stringify(structure);
  const masks =
    cache.get(key) ?? new TokenMasks(compileGrammar(rulesOf(structure), vocabulary.spellable), vocabulary);
  // The last one used stands last.
  cache.delete(key);
  cache.set(key, masks);
  let bytes = [...cache.values()].reduce((sum, { grammar }) => sum + grammar.bytes, 0);
  for (const [oldest, { grammar }] of cache) {
    if (bytes <= KEPT && cache.size <= 64) break;
    if (oldest === key) break;
    cache.delete(oldest);
    bytes -= grammar.bytes;
  }
  return () => new GrammarConstraint(masks);
}

function rulesOf(structure: Structure): readonly Rule[] {
  switch (structure.kind) {
    case 'object':
      return new JsonRules(new SchemaShapes(new SchemaDocument(true)), [], 'object').rules;
    case 'schema':
      return new JsonRules(new SchemaShapes(new SchemaDocument(structure.schema)), ['']).rules;
    case 'regex':
      return text(wholeMatch(structure.pattern));
    case 'choice':
      if (structure.choices.length === 0) throw new Refusal('', 'must have at least one text');
      return text(choice(...structure.choices.map(literal)));
  }
}

/** A rule for a text of characters, in bytes. */
function text(characters: Expression): readonly Rule[] {
  const spell = (of: Ranges): Expression => utf8(union(of));
  return [{ expression: { kind: 'automaton', dfa: toDfa(characters), spell }, counter: undefined }];
}
