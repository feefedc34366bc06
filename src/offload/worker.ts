import { TemplateTooLarge, type TemplateBounds } from '#chat/jinja/index.js';
import { JinjaTemplate, type ChatInput, type TemplateSource } from '#chat/template.js';
import { invalidRequest, KvasirError, type ErrorCode, type ErrorNumbers } from '#errors.js';
import { restoreJsonForms, type PortableForms } from '#json-forms.js';
import { isEncoding, packEncoding } from './packed-encoding.js';
import { Budget, compile, Refusal, type Grammar, type Structure } from '#structured/index.js';
import { TEXT_FUNCTIONS, type TextFunction } from '#text/functions.js';
import { loadTokenizer } from '#text/tokenizer.js';
import type { Tokenizer } from '#text/types.js';

/** What comes back from a worker: errors lose their class on the way between threads. */
export type JobResult<T> =
  | { readonly value: T }
  | {
      readonly error: {
        readonly code: ErrorCode;
        readonly message: string;
        readonly param: string | undefined;
        readonly numbers: ErrorNumbers | undefined;
      };
    };

/** Tokenizers and templates that a thread keeps for the next job. */
const KEPT = 4;

const tokenizers = new Map<string, Promise<Tokenizer>>();
const templates = new Map<string, JinjaTemplate>();

export interface TextJob {
  /** The folder of the tokenizer. */
  readonly folder: string;
  readonly name: TextFunction;
  readonly items: readonly unknown[];
  readonly options: unknown;
}

export async function text({ folder, name, items, options }: TextJob): Promise<JobResult<unknown[]>> {
  return answer(async () => {
    const tokenizer = await keep(tokenizers, folder, () => loadTokenizer(folder));
    const work = TEXT_FUNCTIONS[name] as (tokenizer: Tokenizer, item: unknown, options: unknown) => unknown;
    return items.map(item => {
      const result = work(tokenizer, item, options);
      return isEncoding(result) ? packEncoding(result) : result;
    });
  });
}

export interface RenderJob {
  readonly source: TemplateSource;
  readonly input: ChatInput;
  /** Of the input: see `json-forms.ts`. */
  readonly forms: PortableForms;
  readonly bounds: TemplateBounds;
}

export async function render({ source, input, forms, bounds }: RenderJob): Promise<JobResult<string>> {
  return answer(async () => {
    const template = keep(templates, JSON.stringify(source), () => new JinjaTemplate(source));
    restoreJsonForms(input, forms);
    try {
      return template.renderWithin(input, bounds);
    } catch (error) {
      if (!(error instanceof TemplateTooLarge)) throw error;
      throw invalidRequest('messages', `the model's chat template ${error.message} for these messages`);
    }
  });
}

export interface StructureJob {
  readonly structure: Structure;
  readonly spellable: ReadonlySet<number>;
}

/** The grammar, or where and why the structure is refused. */
export type StructureResult =
  { readonly grammar: Grammar } | { readonly pointer: string; readonly message: string };

export async function structure({ structure, spellable }: StructureJob): Promise<JobResult<StructureResult>> {
  return answer(async () => {
    const compiled = compile(structure, spellable, new Budget());
    if (!(compiled instanceof Refusal)) return { grammar: compiled };
    const { pointer, message } = compiled;
    return { pointer, message };
  });
}

async function answer<T>(work: () => Promise<T>): Promise<JobResult<T>> {
  try {
    return { value: await work() };
  } catch (error) {
    if (!(error instanceof KvasirError)) throw error;
    const { code, message, param, numbers } = error;
    return { error: { code, message, param, numbers } };
  }
}

/** The value of a key; the last ones used are kept. */
function keep<T>(kept: Map<string, T>, key: string, make: () => T): T {
  const value = kept.get(key) ?? make();
  kept.delete(key);
  kept.set(key, value);
  if (kept.size > KEPT) kept.delete(kept.keys().next().value!);
  return value;
}
