import type { Caller } from '#caller.js';
import { KvasirError } from '#errors.js';
import type { Tokenizer } from '#text/types.js';
import { continueFinalMessage } from './final-message.js';
import {
  JinjaProgram,
  TemplateError,
  TemplateTooLarge,
  UNBOUNDED,
  valueOf,
  type TemplateBounds,
  type Value,
} from './jinja/index.js';
import type { ChatMessage } from './messages.js';
import { namedTemplates, readTemplates, templateSource, type TemplateSource } from './template-files.js';
import { takesTools, toolFormat, type ToolFormat } from './tool-format.js';
import type { FunctionTool } from './tools.js';

export type { TemplateSource } from './template-files.js';

/** What a prompt is made from. */
export interface ChatInput {
  readonly messages: readonly ChatMessage[];
  /** Functions that the model may call; undefined and empty mean none. */
  readonly tools?: readonly FunctionTool[] | undefined;
  /** End the prompt where the assistant begins to speak; default true. */
  readonly addGenerationPrompt?: boolean | undefined;
  /** End the prompt within the last message, which the model continues. */
  readonly continueFinalMessage?: boolean | undefined;
  /** Further variables of the template, such as `enable_thinking` and `documents`. */
  readonly variables?: Readonly<Record<string, unknown>> | undefined;
}

/** Renders a conversation as one text in a model's own format. */
export interface ChatTemplate {
  /** The model's format of calls; undefined if its template knows of none. */
  readonly toolFormat: ToolFormat | undefined;
  /**
   * @returns the prompt, special tokens included: it is encoded without adding any.
   * @throws KvasirError `invalid_request` where the template refuses the messages.
   */
  render(input: ChatInput, caller: Caller): string | Promise<string>;
}

/**
 * Loads the chat template of a model folder, see {@link readTemplates}.
 *
 * @returns undefined where there is none.
 * @throws KvasirError `invalid_model` where a file is broken.
 */
export async function loadChatTemplate(
  folder: string,
  tokenizer: Tokenizer,
): Promise<JinjaTemplate | undefined> {
  return inFolder(folder, async () => {
    const source = await readTemplates(folder);
    return source && new JinjaTemplate(source, toolFormat(source.withTools, tokenizer));
  });
}

/**
 * Tells of a folder's chat template, without the tokenizer, whether it knows of tools.
 *
 * @returns undefined where there is no template.
 * @throws KvasirError `invalid_model` where a file is broken.
 */
export async function describeChatTemplate(folder: string): Promise<{ readonly tools: boolean } | undefined> {
  return inFolder(folder, async () => {
    const source = await readTemplates(folder);
    if (source === undefined) return undefined;
    new JinjaTemplate(source);
    return { tools: takesTools(source.withTools) };
  });
}

/** Names the folder in errors about its template. */
async function inFolder<T>(folder: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (!(cause instanceof KvasirError) || cause.message.includes(folder)) throw cause;
    throw new KvasirError(cause.code, `${folder}: ${cause.message}`, { cause });
  }
}

/**
 * @param source a Jinja template, or a list of `{ name, template }`.
 * @param config `tokenizer_config.json`: the template may use its special tokens.
 * @throws KvasirError `invalid_model`
 */
export function createChatTemplate(
  source: unknown,
  config: Readonly<Record<string, unknown>>,
  tokenizer: Tokenizer,
): JinjaTemplate {
  const templates = templateSource(namedTemplates(source), config);
  return new JinjaTemplate(templates, toolFormat(templates.withTools, tokenizer));
}

/** A chat template that is rendered where it is asked for. */
export class JinjaTemplate implements ChatTemplate {
  readonly source: TemplateSource;
  readonly toolFormat: ToolFormat | undefined;
  readonly #standard: JinjaProgram;
  readonly #withTools: JinjaProgram;
  readonly #knowsDeveloper: boolean;

  /** @throws KvasirError `invalid_model` where it is no Jinja template. */
  constructor(source: TemplateSource, format?: ToolFormat) {
    const { standard, withTools } = source;
    this.source = source;
    this.toolFormat = format;
    this.#standard = parse(standard);
    this.#withTools = withTools === standard ? this.#standard : parse(withTools);
    this.#knowsDeveloper = /\bdeveloper\b/.test(standard);
  }

  render(input: ChatInput): string {
    return this.renderWithin(input, UNBOUNDED);
  }

  /** @throws TemplateTooLarge; KvasirError `invalid_request` where the template refuses the messages. */
  renderWithin(input: ChatInput, bounds: TemplateBounds): string {
    if (!input.continueFinalMessage) return this.#render(input, input.messages, bounds);
    return continueFinalMessage(input.messages, messages => this.#render(input, messages, bounds));
  }

  #render(
    { tools = [], addGenerationPrompt = true, continueFinalMessage = false, variables = {} }: ChatInput,
    messages: readonly ChatMessage[],
    bounds: TemplateBounds,
  ): string {
    const program = tools.length > 0 ? this.#withTools : this.#standard;
    const given = {
      documents: null,
      ...this.source.specialTokens,
      ...variables,
      messages: messages.map(message =>
        message.role === 'developer' && !this.#knowsDeveloper ? { ...message, role: 'system' } : message,
      ),
      // Templates ask whether there are tools, not whether the list is empty.
      tools: tools.length > 0 ? tools.map(({ source, ...tool }) => source ?? tool) : null,
      add_generation_prompt: addGenerationPrompt && !continueFinalMessage,
    };
    try {
      return program.render(
        Object.entries(given).map(([name, value]): [string, Value] => [name, valueOf(value)]),
        bounds,
      );
    } catch (cause) {
      if (cause instanceof TemplateTooLarge || !(cause instanceof Error)) throw cause;
      throw new KvasirError(
        'invalid_request',
        `the model's chat template does not take these messages: ${cause.message}`,
        { param: 'messages', cause },
      );
    }
  }
}

function parse(source: string): JinjaProgram {
  try {
    return new JinjaProgram(source);
  } catch (cause) {
    if (!(cause instanceof TemplateError)) throw cause;
    throw new KvasirError('invalid_model', `the chat template cannot be read: ${cause.message}`, { cause });
  }
}
