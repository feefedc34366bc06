import type { Caller } from '#caller.js';
import { contextLengthExceeded, type KvasirError } from '#errors.js';
import type { GenerationModel } from '#registry/types.js';
import { isTokenIds } from '../encoding/inputs.js';

/** One prompt or several, each a text or the token ids of one. */
export type PromptField =
  string | readonly string[] | readonly number[] | readonly (readonly number[])[] | null | undefined;

export interface Prompt {
  readonly ids: readonly number[];
  /** For `echo`; empty where it is not asked for. */
  readonly text: string;
}

/** The prompts of a request one by one, in any of the forms that OpenAI allows. */
export function listPrompts(prompt: PromptField): readonly (string | readonly number[])[] {
  if (prompt === null || prompt === undefined || typeof prompt === 'string') return [prompt ?? ''];
  return isTokenIds(prompt) ? [prompt] : prompt;
}

/**
 * Tokenizes prompts, and writes those that are ids as text where that is wanted.
 *
 * @throws KvasirError `context_length_exceeded`, before the whole of a text is read that is far too long; as `TextService.map`
 */
export async function readPrompts(
  prompts: readonly (string | readonly number[])[],
  { texts, contextLength, bosId }: GenerationModel,
  echo: boolean,
  caller: Caller,
): Promise<Prompt[]> {
  const written = prompts.filter(prompt => typeof prompt === 'string');
  const given = prompts.filter(prompt => typeof prompt !== 'string');
  for (const { length } of given) if (length >= contextLength) throw tooLong(length, true, contextLength);
  const limit = { maxTokens: contextLength };
  const encoded = await texts.map(
    'encodePrompt',
    written.map(text => ({ text })),
    limit,
    caller,
    'prompt',
  );
  const decoded = echo
    ? await texts.map('decodeIds', given, { skipSpecialTokens: true }, caller, 'prompt')
    : [];
  return prompts.map(prompt => {
    if (typeof prompt !== 'string') return { ids: prompt, text: decoded.shift() ?? '' };
    const { ids, whole } = encoded.shift()!;
    if (ids.length >= contextLength) throw tooLong(ids.length, whole, contextLength);
    return { ids: ids.length === 0 && bosId !== undefined ? [bosId] : ids, text: prompt };
  });
}

/** @param whole whether those are all of its tokens. */
function tooLong(tokens: number, whole: boolean, contextLength: number): KvasirError {
  return contextLengthExceeded(
    'prompt',
    `the prompt has ${whole ? '' : 'more than '}${tokens} tokens; the model's context of ${contextLength} tokens must hold it and at least one more`,
    whole ? tokens : undefined,
    contextLength,
  );
}
