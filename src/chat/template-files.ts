import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { KvasirError } from '#errors.js';
import { ifThere, readJsonObject, readTextFile } from '#files.js';

/** What a template is made of. */
export interface TemplateSource {
  readonly standard: string;
  /** For conversations with tools; it may be the same. */
  readonly withTools: string;
  /** Variables such as `bos_token`. */
  readonly specialTokens: Readonly<Record<string, string>>;
}

const ADDITIONAL = 'additional_chat_templates';

/**
 * Reads the chat templates of a model folder in the Hugging Face layout: `chat_template.jinja` with those in
 * `additional_chat_templates/`, or `chat_template` in `chat_template.json` or `tokenizer_config.json`, where
 * it may be a list of templates with names.
 *
 * @returns undefined where there is none.
 * @throws KvasirError `invalid_model` where a file is broken.
 */
export async function readTemplates(folder: string): Promise<TemplateSource | undefined> {
  const config = (await ifThere(readJsonObject(join(folder, 'tokenizer_config.json')))) ?? {};
  const file = await ifThere(readTextFile(join(folder, 'chat_template.jinja')));
  const source =
    file ??
    (await ifThere(readJsonObject(join(folder, 'chat_template.json'))))?.chat_template ??
    config.chat_template ??
    undefined;
  const additional = await readAdditional(folder);
  if (source === undefined && additional.length === 0) return undefined;
  // Files of their own win over entries of the same name, as in transformers.
  const isThere = ({ name }: NamedTemplate): boolean => additional.some(file => file.name === name);
  const named = [...namedTemplates(source).filter(entry => !isThere(entry)), ...additional];
  return templateSource(named, config);
}

async function readAdditional(folder: string): Promise<NamedTemplate[]> {
  const files = await readdir(join(folder, ADDITIONAL)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
    throw error;
  });
  const names = files.filter(file => file.endsWith('.jinja')).sort();
  return Promise.all(
    names.map(async file => ({
      name: file.slice(0, -'.jinja'.length),
      template: await readTextFile(join(folder, ADDITIONAL, file)),
    })),
  );
}

interface NamedTemplate {
  readonly name: string;
  readonly template: string;
}

/** @param source a Jinja template, or a list of `{ name, template }`. */
export function namedTemplates(source: unknown): NamedTemplate[] {
  if (typeof source === 'string') return [{ name: 'default', template: source }];
  const entries = Array.isArray(source) ? (source as unknown[]) : [];
  return entries.flatMap(entry => {
    const { name, template } = Object(entry) as { name?: unknown; template?: unknown };
    return typeof name === 'string' && typeof template === 'string' ? [{ name, template }] : [];
  });
}

/**
 * The template for conversations, and the one for those with tools, which may be the same.
 *
 * @param config `tokenizer_config.json`: the template may use its special tokens.
 * @throws KvasirError `invalid_model` where there is no template.
 */
export function templateSource(
  templates: readonly NamedTemplate[],
  config: Readonly<Record<string, unknown>>,
): TemplateSource {
  const find = (wanted: string): string | undefined =>
    templates.find(({ name }) => name === wanted)?.template;
  const standard = find('default') ?? templates[0]?.template;
  if (standard === undefined)
    throw new KvasirError('invalid_model', 'chat_template is neither a text nor a list of them');
  return { standard, withTools: find('tool_use') ?? standard, specialTokens: specialTokens(config) };
}

const SPECIAL_TOKENS = [
  'bos_token',
  'eos_token',
  'unk_token',
  'sep_token',
  'pad_token',
  'cls_token',
  'mask_token',
];

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
