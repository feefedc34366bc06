import type { Caller } from '#caller.js';
import { KvasirError } from '#errors.js';
import type { Tokenizer } from '#text/types.js';
import type { ChatMessage, ToolCallMessage } from '../messages.js';
import { withPlainTools } from '../plain-tools.js';
import type { ChatTemplate } from '../template.js';
import type { FunctionTool } from '../tools.js';
import { DEMANDS, fitted, longId, shortId, type Demands } from './demands.js';
import { FORMATS, type CallFormat } from './format.js';
import { learnFormat, type WrittenExample } from './learn.js';

/** What a model's chat template demands of calls, and how it writes them. */
export interface CallConventions {
  readonly format: CallFormat;
  /** Most calls in one message. */
  readonly most: number;
  /** Special tokens that are a part of calls. */
  readonly spelledIds: ReadonlySet<number>;
  /** An id for a new call, in the form that the template takes. */
  readonly newId: () => string;
  /** A conversation and its tools in the form that the template takes. */
  readonly fit: (
    messages: readonly ChatMessage[],
    tools: readonly FunctionTool[],
  ) => { readonly messages: readonly ChatMessage[]; readonly tools: readonly FunctionTool[] };
}

const KNOWN = new WeakMap<ChatTemplate, Promise<CallConventions>>();

/**
 * Learns a template's conventions by trial: it renders a short conversation with a call in it, in several
 * forms, and the first that it takes and whose call it writes is the one that it demands. The result is kept
 * for the template.
 *
 * @throws KvasirError `cancelled`
 */
export async function conventionsOf(
  template: ChatTemplate,
  tokenizer: Tokenizer,
  caller: Caller,
): Promise<CallConventions> {
  // Whoever began a trial may go away before it is done.
  for (let pending = KNOWN.get(template); pending !== undefined; pending = KNOWN.get(template)) {
    const known = await pending.catch(() => undefined);
    if (known !== undefined) return known;
  }
  const trial = learn(template, tokenizer, caller);
  KNOWN.set(template, trial);
  trial.catch(() => KNOWN.delete(template));
  return trial;
}

const SPOKEN = '§';

/** Milliseconds after which no further form is tried: a template may take long for each. */
const MOST_TIME = 5000;

async function learn(template: ChatTemplate, tokenizer: Tokenizer, caller: Caller): Promise<CallConventions> {
  const render = async (
    messages: readonly ChatMessage[],
    addGenerationPrompt: boolean,
  ): Promise<string | undefined> => {
    try {
      const tools = template.toolFormat === undefined ? [] : [TOOL];
      return await template.render({ messages, tools, addGenerationPrompt }, caller);
    } catch (error) {
      if (error instanceof KvasirError && error.code === 'invalid_request') return undefined;
      throw error;
    }
  };
  const plain = await render(conversation(SPOKEN), false);
  if (template.toolFormat === undefined) {
    const system = (await render([{ role: 'system', content: 'Hi' }, ...conversation(SPOKEN)], false)) ?? '';
    return {
      format: FORMATS.hermes,
      most: Infinity,
      spelledIds: spelled(tokenizer, FORMATS.hermes, '', plain ?? ''),
      newId: longId,
      fit: (messages, tools) => ({
        messages: withPlainTools(messages, tools, system !== '' || plain === undefined),
        tools: [],
      }),
    };
  }
  let taken: Demands | undefined;
  let one: WrittenExample | undefined;
  const begun = performance.now();
  for (const demands of DEMANDS) {
    if (performance.now() - begun > MOST_TIME) break;
    const whole = await render(fitted(answered(1), demands), true);
    if (whole === undefined) continue;
    taken ??= demands;
    one = written(plain, await render(fitted(called(1), demands), false), 1);
    if (one === undefined && !whole.includes(CALLS[0]!.name)) continue;
    taken = demands;
    break;
  }
  const demands = taken ?? DEMANDS[0]!;
  const both = await render(fitted(answered(2), demands), true);
  const two = both && written(plain, await render(fitted(called(2), demands), false), 2);
  const takesTwo = taken === undefined || (both !== undefined && (one === undefined || two !== undefined));
  const learned = one && learnFormat(one, two || undefined, template.toolFormat);
  const format = typeof learned === 'object' ? learned : FORMATS[learned ?? template.toolFormat ?? 'hermes'];
  return {
    format,
    most: takesTwo ? Infinity : 1,
    spelledIds: spelled(tokenizer, format, one?.text ?? '', plain ?? ''),
    newId: demands.shortIds ? shortId : longId,
    fit: (messages, tools) => ({ messages: fitted(messages, demands), tools }),
  };
}

const TOOL: FunctionTool = {
  type: 'function',
  function: {
    name: 'kvasir_clock',
    description: 'The time of day.',
    parameters: { type: 'object', properties: { zone: { type: 'string', description: 'A time zone.' } } },
  },
};

const CALLS = [
  { name: 'kvasir_first', arguments: { zq_one: 'vx_red', zq_two: 'vx_green' } },
  { name: 'kvasir_second', arguments: { zq_one: 'vx_blue', zq_two: 'vx_grey' } },
];

function conversation(content: string, count = 0): ChatMessage[] {
  const calls = CALLS.slice(0, count).map((call, index): ToolCallMessage => ({
    id: `call_${index}`,
    type: 'function',
    function: call,
  }));
  return [
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content, ...(count > 0 && { tool_calls: calls }) },
  ];
}

const called = (count: number): ChatMessage[] => conversation('', count);

function answered(count: number): ChatMessage[] {
  const results = CALLS.slice(0, count).map((_, index): ChatMessage => ({
    role: 'tool',
    content: 'ok',
    tool_call_id: `call_${index}`,
  }));
  return [...called(count), ...results];
}

/** What a template wrote for calls, in the place of a word; undefined where one of them is missing. */
function written(
  plain: string | undefined,
  text: string | undefined,
  count: number,
): WrittenExample | undefined {
  const calls = CALLS.slice(0, count);
  if (plain === undefined || text === undefined || !calls.every(({ name }) => text.includes(name)))
    return undefined;
  const at = plain.indexOf(SPOKEN);
  if (at < 0) return undefined;
  const after = plain.slice(at + SPOKEN.length);
  let start = 0;
  while (start < at && text[start] === plain[start]) start++;
  let end = 0;
  while (end < after.length && text.at(-1 - end) === after.at(-1 - end)) end++;
  // Tags may begin and end alike.
  const open = /<[^<>]*$/.exec(text.slice(0, start))?.[0] ?? '';
  const close = /^[^<>]*>/.exec(text.slice(text.length - end))?.[0] ?? '';
  return {
    text: text.slice(start - open.length, text.length - end + close.length),
    plain: plain.slice(plain.lastIndexOf('Hi', at)),
    calls: calls.map(call => ({ name: call.name, arguments: JSON.stringify(call.arguments) })),
  };
}

/** Special tokens that stand in calls and not in other messages. */
function spelled(
  tokenizer: Tokenizer,
  format: CallFormat,
  calls: string,
  plain: string,
): ReadonlySet<number> {
  const { markers, openings = [], closers, forms } = format;
  const words = [...markers, ...openings, ...closers, '[ARGS]', '[CALL_ID]', '<escape>', '<|"|>'];
  for (const form of forms) if (form.type === 'tags') words.push(...Object.values<string>({ ...form.tags }));
  const text = [calls, ...words].join('\n');
  return new Set(
    [...tokenizer.specialIds].filter(id => {
      const token = tokenizer.token(id) ?? '';
      return token !== '' && text.includes(token) && !plain.includes(token);
    }),
  );
}
