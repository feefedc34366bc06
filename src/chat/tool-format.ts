import type { Tokenizer } from '#text/types.js';
import { FORMATS, type FormatName } from './calls/format.js';

/** The name of the format in which a model writes calls of functions, see {@link FORMATS}. */
export type ToolFormat = FormatName;

/** What templates of each format say that others do not; the first that fits counts. */
const SIGNS: readonly (readonly [ToolFormat, RegExp])[] = [
  ['qwen3-coder', /<function=/],
  ['gemma', /<start_function_call>|<\|tool_call>/],
  ['phi4', /<\|\/tool_call\|>|functools/],
  ['granite', /<\|tool_call\|>/],
  ['hermes', /<tool_call>/],
  ['mistral', /\[TOOL_CALLS\]/],
  ['pythonic', /<\|python_start\|>|\[\w+\(\w+=/],
  ['llama3', /<\|python_tag\|>|["']parameters["']/],
];

/** Whether a template writes the functions that a model may call. */
export function takesTools(template: string): boolean {
  return /\btools\b/.test(template);
}

/** The format that a template speaks of, or else the vocabulary. */
export function toolFormat(template: string, tokenizer: Tokenizer): ToolFormat | undefined {
  if (!takesTools(template)) return undefined;
  const names = Object.keys(FORMATS) as ToolFormat[];
  return (
    SIGNS.find(([, sign]) => sign.test(template))?.[0] ??
    names.find(name => FORMATS[name].markers.some(marker => tokenizer.id(marker) !== undefined)) ??
    'hermes'
  );
}
