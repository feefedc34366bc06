import { join } from 'node:path';
import { Template } from '@huggingface/jinja';
import { KvasirError } from '#errors.js';
import { ifThere, readJsonObject, readTextFile } from '#files.js';
import type { Tokenizer } from '#text/types.js';
import type { ChatMessage } from './messages.js';
import type { FunctionTool } from './tools.js';
import { takesTools, toolFormat, type ToolFormat } from './tool-format.js';

/** What a prompt is made from. */
export interface ChatInput {
  readonly messages: readonly ChatMessage[];
  /** Functions that the model may call; undefined and empty mean none. */
  readonly tools?: readonly FunctionTool[] | undefined;
  /** Whether the prompt ends where the assistant begins to speak; default true. */
  readonly addGenerationPrompt?: boolean | undefined;
  /** Whether the prompt ends within the last message, which the model goes on with. */
  readonly continueFinalMessage?: boolean | undefined;
  /** Further variables of the template, such as `enable_thinking`. */
  readonly variables?: Readonly<Record<string, unknown>> | undefined;
}

/** A model's own way of writing a conversation as one text. */
export interface ChatTemplate {
  /** How the model writes calls of functions; undefined where its template knows of none. */
  readonly toolFormat: ToolFormat | undefined;
  /**
   * @returns the prompt, special tokens included: it is encoded without adding any.
   * @throws KvasirError `invalid_request` where the template refuses the messages.
   */
  render(input: ChatInput): string;
}

/**
 * The chat template of a model folder in the Hugging Face layout: `chat_template.jinja`, or `chat_template` in `chat_template.json` or
 * `tokenizer_config.json`, where it may be a list of templates with names.
 *
 * @returns undefined where there is none.
 * @throws KvasirError `invalid_model` where a file is broken.
 */
export async function loadChatTemplate(
  folder: string,
  tokenizer: Tokenizer,
): Promise<ChatTemplate | undefined> {
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

interface TemplateSource {
  /** A Jinja template, or a list of `{ name, template }`. */
  readonly source: unknown;
  /** `tokenizer_config.json`. */
  readonly config: Readonly<Record<string, unknown>>;
}

async function readSource(folder: string): Promise<TemplateSource> {
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
): ChatTemplate {
  const { standard, withTools } = variantsOf(source);
  return new JinjaTemplate(standard, withTools, specialTokens(config), tokenizer);
}

class JinjaTemplate implements ChatTemplate {
  readonly toolFormat: ToolFormat | undefined;
  readonly #standard: Template;
  readonly #withTools: Template;
  readonly #variables: Readonly<Record<string, string>>;
  readonly #knowsDeveloper: boolean;

  constructor(
    standard: string,
    withTools: string,
    variables: Readonly<Record<string, string>>,
    tokenizer: Tokenizer,
  ) {
    this.#standard = parse(standard);
    this.#withTools = withTools === standard ? this.#standard : parse(withTools);
    this.#variables = variables;
    this.#knowsDeveloper = /\bdeveloper\b/.test(standard);
    this.toolFormat = toolFormat(withTools, tokenizer);
  }

  render(input: ChatInput): string {
    const { tools = [], addGenerationPrompt = true, continueFinalMessage = false, variables } = input;
    const template = tools.length > 0 ? this.#withTools : this.#standard;
    const messages = input.messages.map(message =>
      message.role === 'developer' && !this.#knowsDeveloper ? { ...message, role: 'system' } : message,
    );
    let text: string;
    try {
      text = template.render({
        ...this.#variables,
        ...variables,
        messages,
        // Templates ask whether there are tools, not whether the list is empty.
        ...(tools.length > 0 && { tools }),
        add_generation_prompt: addGenerationPrompt && !continueFinalMessage,
      });
    } catch (cause) {
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
