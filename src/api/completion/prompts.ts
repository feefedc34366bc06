import type { Caller } from '#caller.js';
import { contextLengthExceeded, type KvasirError } from '#errors.js';
import type { GenerationModel } from '#registry/types.js';
import { cutIds, type PromptCut } from '../generation/prompt-cut.js';
import { isTokenIds } from '../encoding/inputs.js';

/** One prompt or several, each a text or the token ids of one. */
export type PromptField =
  string | readonly string[] | readonly number[] | readonly (readonly number[])[] | null | undefined;

export interface Prompt {
  readonly ids: readonly number[];
  /** For `echo`; empty where it is not asked for. */
  readonly text: string;
  /** What the model writes on from, where it reads the prompt as a source. */
  readonly startIds?: readonly number[];
}

/** The prompts of a request one by one, in any of the forms that OpenAI allows. */
export function listPrompts(prompt: PromptField): readonly (string | readonly number[])[] {
  if (prompt === null || prompt === undefined || typeof prompt === 'string') return [prompt ?? ''];
  return isTokenIds(prompt) ? [prompt] : prompt;
}

/** How prompts are read. */
export interface PromptOptions {
  /** Write those that are ids, or were cut, as text. */
  readonly echo: boolean;
  /** Whether the tokenizer may add its own tokens to texts. */
  readonly addSpecialTokens: boolean;
  /** Whether special tokens are left out of the text for `echo`. */
  readonly skipSpecialTokens: boolean;
  readonly cut: PromptCut | undefined;
}

/**
 * Tokenizes prompts, and writes those that are ids as text where that is wanted.
 *
 * @throws KvasirError `context_length_exceeded`, before the whole of a text is read that is far too long; as `TextService.map`
 */
export async function readPrompts(
  prompts: readonly (string | readonly number[])[],
  { texts, contextLength, bosId }: GenerationModel,
  { echo, addSpecialTokens, skipSpecialTokens, cut }: PromptOptions,
  caller: Caller,
): Promise<Prompt[]> {
  const given = prompts.map(prompt =>
    typeof prompt === 'string' || cut === undefined ? prompt : cutIds(prompt, cut),
  );
  for (const prompt of given)
    if (typeof prompt !== 'string' && prompt.length >= contextLength)
      throw tooLong(prompt.length, true, contextLength);
  const limit = cut ?? { maxTokens: contextLength };
  const written = given.filter(prompt => typeof prompt === 'string');
  const encoded = await texts.map(
    'encodePrompt',
    written.map(text => ({ text, addSpecialTokens })),
    limit,
    caller,
    'prompt',
  );
  const read = given.map(prompt => {
    if (typeof prompt !== 'string') return { ids: prompt, text: undefined };
    const { ids, whole } = encoded.shift()!;
    if (ids.length >= contextLength) throw tooLong(ids.length, whole || cut !== undefined, contextLength);
    const text = cut !== undefined && !whole ? undefined : prompt;
    return { ids: ids.length === 0 && bosId !== undefined ? [bosId] : ids, text };
  });
  const untold = echo ? read.filter(({ text }) => text === undefined).map(({ ids }) => ids) : [];
  const decoded = await texts.map('decodeIds', untold, { skipSpecialTokens }, caller, 'prompt');
  return read.map(({ ids, text }) => ({ ids, text: text ?? (echo ? decoded.shift()! : '') }));
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
