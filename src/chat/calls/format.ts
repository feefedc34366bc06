import type { FunctionTool } from '../tools.js';
import { LiteralBody, NamedBody, GEMMA_HEAD, MISTRAL_HEAD, type CallBody, type Head } from './bodies.js';
import { QWEN_TAGS, TaggedBody, type TagNotation } from './tagged.js';

/** How the call itself is written. */
export type BodyForm =
  /** `{"name": ..., "arguments": ...}`, or a list of them */
  | { readonly type: 'json' }
  /** `[name(key=value)]` */
  | { readonly type: 'python' }
  | { readonly type: 'named'; readonly head: Head }
  | { readonly type: 'tags'; readonly tags: TagNotation };

/** How a model writes calls. */
export interface CallFormat {
  /** What announces a call. Special tokens among them have their text here as well. */
  readonly markers: readonly string[];
  /** Beginnings of calls that need no marker, wherever they stand. */
  readonly openings?: readonly string[];
  /** What may stand after a call. */
  readonly closers: readonly string[];
  /** Whether calls may stand without a marker at the beginning of a message. */
  readonly bare?: boolean;
  readonly forms: readonly BodyForm[];
}

const JSON_FORM: BodyForm = { type: 'json' };
const PYTHON_FORM: BodyForm = { type: 'python' };
const QWEN_FORM: BodyForm = { type: 'tags', tags: QWEN_TAGS };

/**
 * Formats that families of models use.
 *
 * - `hermes` (Nous Hermes, Qwen 2.5 and 3, SmolLM3, Granite 4):
 *   `<tool_call>{"name": ..., "arguments": ...}</tool_call>`
 * - `qwen3-coder`: `<tool_call><function=name><parameter=key>value</parameter></function></tool_call>`
 * - `mistral`: `[TOOL_CALLS] [{"name": ..., "arguments": ...}]`, and `[TOOL_CALLS]name[ARGS]{...}`
 * - `llama3`: `{"name": ..., "parameters": ...}`, also several of them or a list, with or without
 *   `<|python_tag|>` before it, and `[name(key=value)]`
 * - `pythonic` (Llama 3.2 and 4, Gemma 3): `[name(key=value)]`
 * - `granite` (Granite 3): `<|tool_call|>[{"name": ..., "arguments": ...}]`
 * - `phi4`: the same with `<|/tool_call|>` at its end, or after `functools`
 * - `gemma` (FunctionGemma, Gemma 4):
 *   `<start_function_call>call:name{key:<escape>value<escape>}<end_function_call>`
 */
export const FORMATS = {
  'qwen3-coder': {
    markers: ['<tool_call>'],
    openings: ['<function='],
    closers: ['</tool_call>'],
    forms: [QWEN_FORM, JSON_FORM],
  },
  gemma: {
    markers: ['<start_function_call>', '<|tool_call>'],
    closers: ['<end_function_call>', '<tool_call|>'],
    forms: [{ type: 'named', head: GEMMA_HEAD }],
  },
  phi4: { markers: ['<|tool_call|>', 'functools'], closers: ['<|/tool_call|>'], forms: [JSON_FORM] },
  granite: {
    markers: ['<|tool_call|>', '<tool_call>'],
    closers: ['</tool_call>', '<|/tool_call|>'],
    forms: [JSON_FORM],
  },
  hermes: { markers: ['<tool_call>'], closers: ['</tool_call>'], forms: [JSON_FORM, QWEN_FORM] },
  mistral: {
    markers: ['[TOOL_CALLS]'],
    closers: [],
    forms: [JSON_FORM, { type: 'named', head: MISTRAL_HEAD }],
  },
  pythonic: {
    markers: ['<|python_start|>'],
    closers: ['<|python_end|>'],
    bare: true,
    forms: [PYTHON_FORM, JSON_FORM],
  },
  llama3: { markers: ['<|python_tag|>'], closers: [], bare: true, forms: [JSON_FORM, PYTHON_FORM] },
} as const satisfies Readonly<Record<string, CallFormat>>;

export type FormatName = keyof typeof FORMATS;

/**
 * The reader of a call that begins at the beginning of a text.
 *
 * @param named whether a name without arguments is a call.
 * @returns `open` while more text is needed to tell; `none` where no call begins.
 */
export function bodyOf(
  text: string,
  forms: readonly BodyForm[],
  named: boolean,
  tools: readonly FunctionTool[],
): CallBody | 'open' | 'none' {
  if (text === '') return 'open';
  let open = false;
  for (const form of forms) {
    switch (form.type) {
      case 'json':
        if (text.startsWith('{')) return new LiteralBody(named);
        break;
      case 'python':
        if (/^[\p{L}_]/u.test(text)) return new LiteralBody(named);
        break;
      case 'named':
        if (!/^[{[]/.test(text)) return new NamedBody(form.head);
        break;
      case 'tags':
        if (text.startsWith(form.tags.open)) return new TaggedBody(form.tags, tools);
        open ||= form.tags.open.startsWith(text);
    }
  }
  return open ? 'open' : 'none';
}
