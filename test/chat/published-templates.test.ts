import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import t from 'tap';
import { JinjaProgram, valueOf, type Value } from '#chat/jinja/index.js';
import { keepJsonForms } from '#json-forms.js';
import { RENDERED_AT, templateFixture } from '#test/support/template-fixtures.js';

/**
 * Renders the templates that llama.cpp and vLLM publish as Python does, where `KVASIR_TEMPLATES` is a folder
 * with their `*.jinja` files: `npm run check:templates` says how to get them. Here are only digests of the
 * templates and of what they render to.
 */
const FOLDER = process.env.KVASIR_TEMPLATES;

interface Conversation {
  readonly name: string;
  readonly messages: unknown;
  readonly tools?: readonly string[];
  readonly add_generation_prompt?: boolean;
  readonly variables?: Readonly<Record<string, unknown>>;
}

/** By the digest of a template; null where Python raises, false where runs differ. */
type Published = Readonly<
  Record<string, { readonly name: string; readonly renderings: readonly (string | null | false)[] }>
>;

function read(name: string): unknown {
  const text = templateFixture(name);
  const value: unknown = JSON.parse(text);
  keepJsonForms(text, value);
  return value;
}

const published = read('published.json') as Published;
const conversations = read('conversations.json') as readonly Conversation[];
const tools = read('tools.json') as Readonly<Record<string, unknown>>;

function render(program: JinjaProgram, conversation: Conversation): string | null {
  const given = {
    documents: null,
    bos_token: '<s>',
    eos_token: '</s>',
    unk_token: '<unk>',
    pad_token: '<pad>',
    ...conversation.variables,
    messages: conversation.messages,
    tools: conversation.tools?.map(name => tools[name]) ?? null,
    add_generation_prompt: conversation.add_generation_prompt ?? true,
  };
  const variables = Object.entries(given).map(([name, value]): [string, Value] => [name, valueOf(value)]);
  try {
    return program.render(variables, undefined, RENDERED_AT);
  } catch {
    return null;
  }
}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Templates that are not known to the fixture have no digest to be compared with. */
const files =
  FOLDER === undefined
    ? []
    : readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
        .filter(file => file.endsWith('.jinja'))
        .map(file => ({ file, source: readFileSync(path.join(FOLDER, file), 'utf8') }))
        .filter(({ source }) => Object.hasOwn(published, digest(source)));

t.test('published templates', { skip: FOLDER === undefined }, async t => {
  t.ok(files.length > 0, 'some of the templates are there');
  for (const { file, source } of files) {
    const { renderings } = published[digest(source)]!;
    let program: JinjaProgram | undefined;
    try {
      program = new JinjaProgram(source);
    } catch {
      t.ok(
        renderings.every(rendering => rendering === null),
        `${file}: no template in Python, too`,
      );
      continue;
    }
    const found = conversations.map((conversation, i) => {
      const text = renderings[i] === false ? false : render(program, conversation);
      return typeof text === 'string' ? digest(text).slice(0, 16) : text;
    });
    t.same(found, renderings, file);
  }
});
