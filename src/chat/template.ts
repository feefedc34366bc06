import { join } from 'node:path';
import type { Caller } from '#caller.js';
import { KvasirError } from '#errors.js';
import { ifThere, readJsonObject, readTextFile } from '#files.js';
import { renderWithin, TemplateTooLarge, type TemplateBounds } from './bounded-interpreter.js';
import type { Tokenizer } from '#text/types.js';
import type { ChatMessage } from './messages.js';
import { Template } from './jinja.js';
import type { FunctionTool } from './tools.js';
import { takesTools, toolFormat, type ToolFormat } from './tool-format.js';

/** What a prompt is made from. */
export interface ChatInput {
  readonly messages: readonly ChatMessage[];
  /** Functions that the model may call; undefined and empty mean none. */
  readonly tools?: readonly FunctionTool[] | undefined;
  /** End the prompt where the assistant begins to speak; default true. */
  readonly addGenerationPrompt?: boolean | undefined;
  /** End the prompt within the last message, which the model continues. */
  readonly continueFinalMessage?: boolean | undefined;
  /** Further variables of the template, such as `enable_thinking`. */
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
 * Loads the chat template of a model folder in the Hugging Face layout: `chat_template.jinja`, or
 * `chat_template` in `chat_template.json` or `tokenizer_config.json`, where it may be a list of templates
 * with names.
 *
 * @returns undefined where there is none.
 * @throws KvasirError `invalid_model` where a file is broken.
 */
export async function loadChatTemplate(
  folder: string,
  tokenizer: Tokenizer,
): Promise<JinjaTemplate | undefined> {
  const { source, config } = await readSource(folder);
  if (source === undefined) return undefined;
  return inFolder(folder, () => createChatTemplate(source, config, tokenizer));
}

/**
 * Tells of a folder's chat template, without the tokenizer, whether it knows of tools.
 *
 * @returns undefined where there is no template.
 * @throws KvasirError `invalid_model` where a file is broken.
 */
export async function describeChatTemplate(folder: string): Promise<{ readonly tools: boolean } | undefined> {
  const { source } = await readSource(folder);
  if (source === undefined) return undefined;
  return inFolder(folder, () => {
    const { standard, withTools } = variantsOf(source);
    parse(standard);
    if (withTools !== standard) parse(withTools);
    return { tools: takesTools(withTools) };
  });
}

/** Names the folder in errors about its template. */
function inFolder<T>(folder: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof KvasirError)) throw cause;
    throw new KvasirError(cause.code, `${folder}: ${cause.message}`, { cause });
  }
}

async function readSource(
  folder: string,
): Promise<{ readonly source: unknown; readonly config: Readonly<Record<string, unknown>> }> {
  const config = (await ifThere(readJsonObject(join(folder, 'tokenizer_config.json')))) ?? {};
  const source =
    (await ifThere(readTextFile(join(folder, 'chat_template.jinja')))) ??
    (await ifThere(readJsonObject(join(folder, 'chat_template.json'))))?.chat_template ??
    config.chat_template ??
    undefined;
  return { source, config };
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
  const { standard, withTools } = variantsOf(source);
  const format = toolFormat(withTools, tokenizer);
  return new JinjaTemplate({ standard, withTools, specialTokens: specialTokens(config) }, format);
}

/** What a template is made of. */
export interface TemplateSource {
  readonly standard: string;
  /** For conversations with tools; it may be the same. */
  readonly withTools: string;
  /** Variables such as `bos_token`. */
  readonly specialTokens: Readonly<Record<string, string>>;
}

const UNBOUNDED: TemplateBounds = { steps: Infinity, time: Infinity, size: Infinity };

/** A chat template that is rendered where it is asked for. */

export class JinjaTemplate implements ChatTemplate {
  readonly source: TemplateSource;
  readonly toolFormat: ToolFormat | undefined;
  readonly #standard: Template;
  readonly #withTools: Template;
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
    const { tools = [], addGenerationPrompt = true, continueFinalMessage = false, variables } = input;
    const template = tools.length > 0 ? this.#withTools : this.#standard;
    const messages = input.messages.map(message =>
      message.role === 'developer' && !this.#knowsDeveloper ? { ...message, role: 'system' } : message,
    );
    let text: string;
    try {
      text = renderWithin(
        template,
        {
          ...this.source.specialTokens,
          ...variables,
          messages,
          // Templates ask whether there are tools, not whether the list is empty.
          ...(tools.length > 0 && { tools }),
          add_generation_prompt: addGenerationPrompt && !continueFinalMessage,
        },
        bounds,
      );
    } catch (cause) {
      if (cause instanceof TemplateTooLarge) throw cause;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new KvasirError(
        'invalid_request',
        `the model's chat template does not take these messages: ${reason}`,
        {
          param: 'messages',
          cause,
        },
      );
    }
    return continueFinalMessage ? upToLast(text, input.messages.at(-1)!.content) : text;
  }
}

/** The prompt up to the end of its last message's content. Templates often trim it. */
function upToLast(text: string, content: string): string {
  for (const candidate of [content, content.trimStart(), content.trim()]) {
    const start = text.lastIndexOf(candidate);
    if (start >= 0) return text.slice(0, start + candidate.length);
  }
  throw new KvasirError(
    'invalid_request',
    "the model's chat template changes the last message: it cannot be continued",
    {
      param: 'continue_final_message',
    },
  );
}

function parse(source: string): Template {
  try {
    return new Template(source);
  } catch (cause) {
    throw new KvasirError('invalid_model', `the chat template cannot be read: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** The template for conversations, and the one for those with tools, which may be the same. */
function variantsOf(source: unknown): { readonly standard: string; readonly withTools: string } {
  const sources = namedSources(source);
  const standard = sources.get('default') ?? [...sources.values()][0];
  if (standard === undefined)
    throw new KvasirError('invalid_model', 'chat_template is neither a text nor a list of them');
  return { standard, withTools: sources.get('tool_use') ?? standard };
}

function namedSources(source: unknown): ReadonlyMap<string, string> {
  if (typeof source === 'string') return new Map([['default', source]]);
  const entries = Array.isArray(source) ? (source as unknown[]) : [];
  return new Map(
    entries.flatMap(entry => {
      const { name, template } = Object(entry) as { name?: unknown; template?: unknown };
      return typeof name === 'string' && typeof template === 'string' ? [[name, template] as const] : [];
    }),
  );
}

const SPECIAL_TOKENS = ['bos_token', 'eos_token', 'unk_token', 'pad_token', 'sep_token', 'cls_token'];

function specialTokens(config: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    SPECIAL_TOKENS.flatMap(name => {
      const value = config[name];
      const content =
        typeof value === 'object' && value !== null && 'content' in value ? value.content : value;
      return typeof content === 'string' ? [[name, content] as const] : [];
    }),
  );
}
