import type { Caller } from '#caller.js';
import { TemplateTooLarge, type TemplateBounds } from '#chat/jinja/index.js';
import type { ChatInput, ChatTemplate, JinjaTemplate } from '#chat/template.js';
import type { ToolFormat } from '#chat/tool-format.js';
import { invalidRequest } from '#errors.js';
import { collectJsonForms } from '#json-forms.js';
import { JobEnded } from './executor.js';
import type { WorkerPool } from './pool.js';
import type { RenderJob } from './worker.js';

/** What a template may do here: enough for the conversations of an hour; some milliseconds of work. */
const SMALL: TemplateBounds = { steps: 20_000, time: 20, size: 200_000 };

/** What a template may do elsewhere. */
const BOUNDS: TemplateBounds = { steps: 20_000_000, time: Infinity, size: 16 * 1024 * 1024 };

/**
 * A chat template that is a program of the model's publisher, which may loop or grow without end: it may do a
 * little here, which is enough for ordinary conversations, and more in a process with limits of time and
 * memory.
 */
export class IsolatedTemplate implements ChatTemplate {
  readonly toolFormat: ToolFormat | undefined;
  readonly #template: JinjaTemplate;
  readonly #pool: WorkerPool;

  constructor(template: JinjaTemplate, pool: WorkerPool) {
    this.toolFormat = template.toolFormat;
    this.#template = template;
    this.#pool = pool;
  }

  async render(input: ChatInput, caller: Caller): Promise<string> {
    try {
      if (hasFewValues(input)) return this.#template.renderWithin(input, SMALL);
    } catch (error) {
      if (!(error instanceof TemplateTooLarge)) throw error;
    }
    const job: RenderJob = {
      source: this.#template.source,
      input,
      forms: collectJsonForms(input),
      bounds: BOUNDS,
    };
    return this.#pool.run<string>('render', job, caller).catch((error: unknown) => {
      if (!(error instanceof JobEnded)) throw error;
      throw invalidRequest('messages', `the model's chat template ${error.message} for these messages`);
    });
  }
}

/**
 * Most values of a conversation, its tools and its variables that are turned into those of the template here:
 * a few milliseconds.
 */
const FEW = 20_000;

function hasFewValues(input: ChatInput): boolean {
  const pending: unknown[] = [input];
  for (let count = 0; pending.length > 0; count++) {
    if (count + pending.length > FEW) return false;
    const value = pending.pop();
    if (typeof value !== 'object' || value === null) continue;
    const children: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
    if (children.length > FEW) return false;
    for (const child of children) pending.push(child);
  }
  return true;
}
