import type { Caller } from '#caller.js';
import type { ChatInput, ChatTemplate, JinjaTemplate } from '#chat/template.js';
import type { ToolFormat } from '#chat/tool-format.js';
import { invalidRequest } from '#errors.js';
import { JobEnded, type WorkerPool } from './pool.js';
import type { RenderJob } from './worker.js';

/** Most characters that a template may make of a conversation. */
const LONGEST = 16 * 1024 * 1024;

/**
 * A chat template that is rendered on a thread with limits of time and memory: it is a program of the model's publisher, which may loop or
 * grow without end.
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
    const job: RenderJob = { source: this.#template.source, input, longest: LONGEST };
    return this.#pool.run<string>('render', job, caller).catch((error: unknown) => {
      if (!(error instanceof JobEnded)) throw error;
      throw invalidRequest('messages', `the model's chat template ${error.message} for these messages`);
    });
  }
}
