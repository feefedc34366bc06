import type { Caller } from '#caller.js';
import { invalidRequest } from '#errors.js';
import type { GenerationModel } from '#registry/types.js';

/**
 * The tokens of words that a text must not have: each as it stands at the beginning of a text, and behind a
 * space, as vLLM has it; and those that the model's folder bans.
 *
 * @throws KvasirError `invalid_request` for a word that has no tokens.
 */
export async function bannedSequences(
  words: readonly string[],
  { texts, contextLength, sourced }: GenerationModel,
  caller: Caller,
): Promise<readonly (readonly number[])[]> {
  const own = sourced?.defaults.sampling.bannedSequences ?? [];
  if (words.length === 0) return own;
  const prompts = words.flatMap(word => {
    const bare = word.trimStart() || word;
    return [bare, ` ${bare}`].map(text => ({ text, addSpecialTokens: false }));
  });
  const limit = { maxTokens: contextLength };
  const encoded = await texts.map('encodePrompt', prompts, limit, caller, 'bad_words');
  const sequences = new Map<string, readonly number[]>();
  encoded.forEach(({ ids }, index) => {
    if (ids.length > 0) sequences.set(ids.join(), ids);
    else if (index % 2 === 0) throw empty(index / 2);
  });
  return [...own, ...sequences.values()];
}

function empty(index: number): Error {
  const param = `bad_words[${index}]`;
  return invalidRequest(param, `${param} has no tokens`);
}
