import type { Caller } from '#caller.js';
import type { StopConditions } from '#engine/types.js';
import { invalidRequest } from '#errors.js';
import type { GenerationModel } from '#registry/types.js';
import { checkSize, refusing, type Structure, type StructureConstraint } from '#structured/index.js';
import { loadVocabulary } from '#structured/vocabulary.js';

export { LIMITS as STRUCTURE_LIMITS } from '#structured/index.js';

/** A structure, and the field that asks for it. */
export interface AskedStructure {
  readonly param: string;
  readonly structure: Structure;
  /**
   * Names what a JSON pointer into the structure's schema means in the request, where that is not `param`
   * itself.
   */
  readonly locate?: (pointer: string) => { readonly param: string; readonly pointer: string };
}

/**
 * Compiles a structure for a model.
 *
 * @param stop of the sequences: nothing may end a text before it is whole.
 * @returns makes a constraint for each sequence.
 * @throws KvasirError `cancelled`; `invalid_request` with the JSON pointer of what cannot be followed.
 */
export async function constraints(
  { param, structure, locate }: AskedStructure,
  stop: StopConditions,
  { tokenizer, eosIds, structures }: GenerationModel,
  caller: Caller,
): Promise<() => StructureConstraint> {
  if (stop.stopStrings.length > 0)
    throw invalidRequest(
      'stop',
      `stop is allowed only without ${param}: it would end the text before it is whole`,
    );
  const { tokenBytes } = await loadVocabulary(tokenizer);
  const text = [...stop.stopTokenIds].find(id => !eosIds.has(id) && tokenBytes[id] !== undefined);
  if (text !== undefined)
    throw invalidRequest(
      'stop_token_ids',
      `stop_token_ids has ${text}, which is text: with ${param} only special tokens may end it`,
    );
  return refusing(param, () => structures.compile(structure, caller), locate);
}

/**
 * Refuses what is too large to be made part of a structure.
 *
 * @param locate see {@link AskedStructure}
 * @throws KvasirError `invalid_request`
 */
export async function checkParts(
  param: string,
  parts: unknown,
  locate: NonNullable<AskedStructure['locate']>,
): Promise<void> {
  await refusing(param, () => checkSize(parts), locate);
}
