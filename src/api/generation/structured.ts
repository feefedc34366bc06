import type { StopConditions, TokenConstraint } from '#engine/types.js';
import { KvasirError } from '#errors.js';
import type { GenerationModel } from '#registry/types.js';
import { compileStructure, refusing, type Structure } from '#structured/index.js';
import { vocabularyOf } from '#structured/vocabulary.js';

/** A structure, and the field that asks for it. */
export interface AskedStructure {
  readonly param: string;
  readonly structure: Structure;
  /** Names what a JSON pointer into the structure's schema means in the request, where that is not `param` itself. */
  readonly locate?: (pointer: string) => { readonly param: string; readonly pointer: string };
}

/**
 * Compiles a structure for a model.
 *
 * @param stop of the sequences: nothing may end a text before it is whole.
 * @returns makes a constraint for each sequence.
 * @throws KvasirError `invalid_request` with the JSON pointer of what cannot be followed.
 */
export function constraints(
  { param, structure, locate }: AskedStructure,
  stop: StopConditions,
  { tokenizer, eosIds }: GenerationModel,
): () => TokenConstraint {
  if (stop.stopStrings.length > 0)
    throw new KvasirError(
      'invalid_request',
      `stop is allowed only without ${param}: it would end the text before it is whole`,
      {
        param: 'stop',
      },
    );
  const { tokenBytes } = vocabularyOf(tokenizer);
  const text = [...stop.stopTokenIds].find(id => !eosIds.has(id) && tokenBytes[id] !== undefined);
  if (text !== undefined)
    throw new KvasirError(
      'invalid_request',
      `stop_token_ids has ${text}, which is text: with ${param} only special tokens may end it`,
      {
        param: 'stop_token_ids',
      },
    );
  return refusing(param, () => compileStructure(structure, tokenizer), locate);
}
