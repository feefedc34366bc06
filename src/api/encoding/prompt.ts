import { invalidRequest } from '#errors.js';
import type { TextModel } from '#registry/types.js';
import { isPictureSource, type InputSource } from '../pictures/picture-source.js';

/** Most characters of a prompt that a request brings along: it is put in front of each of its texts. */
export const MAX_PROMPT = 4096;

/** What requests say about the text in front of their texts, as `encode` of sentence-transformers takes it. */
export interface PromptFields {
  /** The prompt itself; empty: none. It comes before `prompt_name`. */
  readonly prompt?: string | null | undefined;
  /** One of the model's prompts; empty: none. By default the model's own choice. */
  readonly prompt_name?: string | null | undefined;
  /** One of the model's adapters, whose instruction is the prompt where none is asked for; empty: none. */
  readonly task?: string | null | undefined;
}

/**
 * Puts the prompt that a request asks for, or else the model's default one, in front of each text. Token ids
 * are what the model reads, and so are pictures: a default prompt leaves them as they are.
 *
 * @throws KvasirError `invalid_request` for a name that the model does not have, and for a prompt that is asked
 * for in front of token ids or a picture
 */
export function withPrompt<S extends InputSource>(
  model: Pick<TextModel, 'sentences'>,
  sources: readonly S[],
  fields: PromptFields = {},
): readonly S[] {
  const asked = askedPrompt(model.sentences, fields);
  const prompt = promptOf(model, fields);
  if (prompt === '') return sources;
  return sources.map(source => {
    if ('text' in source) return { ...source, text: prompt + source.text };
    if (asked === undefined) return source;
    const what = isPictureSource(source) ? 'a picture' : 'token ids';
    throw invalidRequest(asked.param, `${asked.param}: no prompt can be put in front of ${what}`);
  });
}

/**
 * The prompt that goes in front of a request's texts; empty where there is none.
 *
 * @throws KvasirError `invalid_request` for a name that the model does not have
 */
export function promptOf(model: Pick<TextModel, 'sentences'>, fields: PromptFields = {}): string {
  const { sentences } = model;
  const asked = askedPrompt(sentences, fields)?.text;
  const task = taskOf(model, fields);
  return asked ?? (task > 0 ? sentences!.tasks[task - 1]!.instruction : (sentences?.defaultPrompt ?? ''));
}

/**
 * The adapter that a request asks for, counted from 1; 0: none.
 *
 * @throws KvasirError `invalid_request` for a task that the model has no adapter for
 */
export function taskOf({ sentences }: Pick<TextModel, 'sentences'>, { task }: PromptFields = {}): number {
  if (typeof task !== 'string' || task === '') return 0;
  const tasks = sentences?.tasks.map(adapter => adapter.task) ?? [];
  if (tasks.length === 0)
    throw invalidRequest(
      'task',
      'task is not supported by this model: it has no adapters for tasks; a prompt is chosen by prompt_name',
    );
  const index = tasks.indexOf(task);
  if (index >= 0) return index + 1;
  throw invalidRequest(
    'task',
    `task must be one of the model's: ${tasks.map(name => JSON.stringify(name)).join(', ')}`,
  );
}

function askedPrompt(
  sentences: TextModel['sentences'],
  { prompt, prompt_name: name }: PromptFields,
): { readonly param: string; readonly text: string } | undefined {
  const prompts = sentences?.prompts ?? new Map<string, string>();
  if (typeof prompt === 'string') return { param: 'prompt', text: prompt };
  if (typeof name !== 'string') return undefined;
  const text = prompts.get(name) ?? (name === '' ? '' : undefined);
  if (text !== undefined) return { param: 'prompt_name', text };
  if (prompts.size === 0)
    throw invalidRequest('prompt_name', 'prompt_name is not supported by this model: it has no prompts');
  const known = [...prompts.keys()].map(key => JSON.stringify(key)).join(', ');
  throw invalidRequest('prompt_name', `prompt_name must be one of the model's prompts: ${known}`);
}
