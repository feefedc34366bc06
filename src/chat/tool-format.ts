import type { Tokenizer } from '#text/types.js';

/**
 * The format in which a model writes calls of functions.
 *
 * - `hermes` (Nous Hermes, Qwen): `<tool_call>{"name": ..., "arguments": ...}</tool_call>`
 * - `mistral`: `[TOOL_CALLS] [{"name": ..., "arguments": ...}]`
 * - `llama3`: `{"name": ..., "parameters": ...}`, with or without `<|python_tag|>` before it
 */
export type ToolFormat = 'hermes' | 'mistral' | 'llama3';

/** The marker before a call. It may be a special token, which has no text. */
export const MARKERS: Readonly<Record<ToolFormat, string>> = {
  hermes: '<tool_call>',
  mistral: '[TOOL_CALLS]',
  llama3: '<|python_tag|>',
};

/** Whether a template writes the functions that a model may call. */
export function takesTools(template: string): boolean {
  return /\btools\b/.test(template);
}

/** The format that a template speaks of, or else the vocabulary. */
export function toolFormat(template: string, tokenizer: Tokenizer): ToolFormat | undefined {
  if (!takesTools(template)) return undefined;
  const formats = Object.keys(MARKERS) as ToolFormat[];
  return (
    formats.find(format => template.includes(MARKERS[format])) ??
    (/["']parameters["']/.test(template) ? 'llama3' : undefined) ??
    formats.find(format => tokenizer.id(MARKERS[format]) !== undefined) ??
    'hermes'
  );
}
