import type { Budget } from './budget.js';
import { toDfa } from './dfa.js';
import { literal, oneOf, type Expression } from './expression.js';
import { compileGrammar, type Grammar } from './grammar.js';
import { JsonRules, type Rule } from './json-rules.js';
import { union, type Ranges } from './ranges.js';
import { Refusal, tooComplex } from './refusal.js';
import { wholeMatch } from './regex.js';
import { SchemaDocument } from './schema-document.js';
import { SchemaShapes } from './schema-shapes.js';
import { utf8 } from './symbols.js';

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

/**
 * The grammar of a structure, whose size was checked (see `checkSize`).
 *
 * @param spellable bytes that the vocabulary has a token for.
 * @throws Refusal where the structure cannot be followed, or takes more than the budget.
 */
export function grammarOf(structure: Structure, spellable: ReadonlySet<number>, budget: Budget): Grammar {
  try {
    return compileGrammar(rulesOf(structure, budget), spellable, budget);
  } catch (error) {
    // Depths have limits, so that this should not happen.
    if (error instanceof RangeError) throw tooComplex();
    throw error;
  }
}

function rulesOf(structure: Structure, budget: Budget): readonly Rule[] {
  const document = (schema: unknown): SchemaShapes => new SchemaShapes(new SchemaDocument(schema, budget));
  switch (structure.kind) {
    case 'object':
      return new JsonRules(document(true), [], 'object').rules;
    case 'schema':
      return new JsonRules(document(structure.schema), ['']).rules;
    case 'regex':
      return text(wholeMatch(structure.pattern, budget), budget);
    case 'choice':
      if (structure.choices.length === 0) throw new Refusal('', 'must have at least one text');
      return text(oneOf(structure.choices.map(literal)), budget);
  }
}

/** A rule for a text of characters, in bytes. */
function text(characters: Expression, budget: Budget): readonly Rule[] {
  const spell = (of: Ranges): Expression => utf8(union(of));
  return [{ expression: { kind: 'automaton', dfa: toDfa(characters, budget), spell }, counter: undefined }];
}
