import type { GenerationModel } from '#registry/types.js';

/** One prompt or several, each a text or the token ids of one. */
export type PromptField = string | string[] | number[] | number[][] | null | undefined;

export interface Prompt {
  readonly ids: readonly number[];
  /** For `echo`. */
  readonly text: string;
}

/** The prompts of a request, in any of the forms that OpenAI allows. */
export function readPrompts(prompt: PromptField, model: GenerationModel): Prompt[] {
  if (!Array.isArray(prompt)) return [textPrompt(prompt ?? '', model)];
  if (isTokenIds(prompt)) return [idsPrompt(prompt, model)];
  return prompt.map(one => (typeof one === 'string' ? textPrompt(one, model) : idsPrompt(one, model)));
}

function textPrompt(text: string, { tokenizer, bosId }: GenerationModel): Prompt {
  const ids = tokenizer.encode(text);
  return { ids: ids.length === 0 && bosId !== undefined ? [bosId] : ids, text };
}

function idsPrompt(ids: readonly number[], { tokenizer }: GenerationModel): Prompt {
  return { ids, text: tokenizer.decode(ids) };
}

function isTokenIds(prompt: readonly (string | number | number[])[]): prompt is number[] {
  return typeof prompt[0] === 'number';
}
