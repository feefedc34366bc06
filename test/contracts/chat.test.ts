import t from 'tap';
import { chatPeerFields } from '#routes/openai/chat-completions/peer-fields.js';
import { startWholeServer } from '#test/support/whole-server.js';
import { checkContract, type Answer, type Ask } from './contract.js';
import {
  json,
  reportCases,
  responseFormatCases,
  samplingCases,
  streamCases,
  structureCases,
  type Route,
} from './generation-cases.js';

interface Choice {
  readonly message: {
    readonly content: string;
    readonly tool_calls?: { function: { name: string; arguments: string } }[];
  };
  readonly finish_reason: string;
  readonly token_ids: number[];
  readonly logprobs: { content: { token: string; top_logprobs: unknown[] }[] } | null;
}

interface Body {
  readonly choices: Choice[];
  readonly prompt_token_ids: number[];
  readonly prompt_logprobs: (Record<string, { rank: number }> | null)[];
  readonly usage: { readonly prompt_tokens: number };
}

const { url } = await startWholeServer(t, 256);

const first = (answer: Answer): Choice => json<Body>(answer).choices[0]!;
const user = (content: string) => ({ role: 'user', content });
/** How many tokens a field adds to the prompt. */
const added = async (ask: Ask, field: object): Promise<number> => {
  const [less, more] = [await ask({}), await ask(field)].map(
    answer => json<Body>(answer).usage.prompt_tokens,
  );
  return more! - less!;
};

const route: Route = {
  text: answer => first(answer).message.content,
  ids: answer => first(answer).token_ids,
  promptIds: answer => json<Body>(answer).prompt_token_ids,
  finishReason: answer => first(answer).finish_reason,
  tokenNames: answer => first(answer).logprobs!.content.map(({ token }) => token),
  logprobs: { logprobs: true },
  long: { max_tokens: 100, ignore_eos: true },
  prompt: text => ({ messages: [user(text)] }),
};

const tool = (name: string, value: number) => ({
  type: 'function',
  function: {
    name,
    parameters: {
      type: 'object',
      properties: { a: { const: value } },
      required: ['a'],
      additionalProperties: false,
    },
  },
});
const tools = [tool('f', 1), tool('g', 2)];
const calls = (answer: Answer) => first(answer).message.tool_calls ?? [];
const begun = {
  messages: [user('Once'), { role: 'assistant', content: 'upon' }],
  add_generation_prompt: false,
};

checkContract(t, url, {
  path: '/v1/chat/completions',
  plain: { model: 'writer', messages: [user('Once')], max_tokens: 8, temperature: 0 },
  fields: chatPeerFields,
  cases: {
    ...samplingCases(route),
    ...reportCases(route),
    ...structureCases(route),
    ...responseFormatCases(route),
    ...streamCases,
    messages: async (ask, t) => {
      t.equal(await added(ask, { messages: [user('Once'), user('ab')] }), 'user ab '.length);
      t.equal((await ask({ messages: [] })).status, 400);
    },
    max_tokens: async (ask, t) => t.equal(first(await ask({ max_tokens: 3 })).finish_reason, 'length'),
    max_completion_tokens: async (ask, t) =>
      t.equal(first(await ask({ max_completion_tokens: 3, return_token_ids: true })).token_ids.length, 3),
    n: async (ask, t) => t.equal(json<Body>(await ask({ n: 3 })).choices.length, 3),
    logprobs: async (ask, t) => {
      t.equal(first(await ask({ logprobs: true })).logprobs!.content.length, 8);
      t.equal(first(await ask({ logprobs: false })).logprobs, null);
    },
    top_logprobs: async (ask, t) => {
      const { content } = first(await ask({ logprobs: true, top_logprobs: 4 })).logprobs!;
      t.ok(content.every(({ top_logprobs: top }) => top.length === 4));
      for (const count of [-1, 21]) t.equal((await ask({ logprobs: true, top_logprobs: count })).status, 400);
    },
    prompt_logprobs: async (ask, t) => {
      const { prompt_logprobs: report, prompt_token_ids: ids } = json<Body>(
        await ask({ prompt_logprobs: 1, return_token_ids: true }),
      );
      t.equal(report.length, ids.length);
      t.ok(report.every((entry, index) => (index === 0 ? entry === null : entry![ids[index]!])));
    },
    tools: async (ask, t) => t.equal(await added(ask, { tools }), '<tool_call>'.length),
    tool_choice: async (ask, t) => {
      const named = await ask({
        tools,
        tool_choice: { type: 'function', function: { name: 'g' } },
        max_tokens: 99,
      });
      t.match(calls(named), [{ function: { name: 'g', arguments: /^\{\s*"a": ?2\s*\}$/ } }]);
      t.ok(calls(await ask({ tools, tool_choice: 'required', max_tokens: 99 })).length > 0);
      t.strictSame(calls(await ask({ tools, tool_choice: 'none' })), []);
    },
    parallel_tool_calls: async (ask, t) => {
      const one = { tools, tool_choice: 'required', parallel_tool_calls: false, max_tokens: 99 };
      t.equal(calls(await ask(one)).length, 1);
    },
    add_generation_prompt: async (ask, t) => t.equal(await added(ask, { add_generation_prompt: false }), -1),
    continue_final_message: async (ask, t) => {
      const went = json<Body>(await ask({ ...begun, continue_final_message: true })).usage.prompt_tokens;
      t.equal(went, 'user Once assistant upon'.length);
    },
    echo: async (ask, t) => {
      const echoed = await ask({ ...begun, continue_final_message: true, echo: true });
      const bare = await ask({ ...begun, continue_final_message: true });
      t.equal(first(echoed).message.content, `upon${first(bare).message.content}`);
    },
    chat_template_kwargs: async (ask, t) =>
      t.equal(await added(ask, { chat_template_kwargs: { wish: 'abc' } }), 3),
    documents: async (ask, t) => t.equal(await added(ask, { documents: [{ title: 'T', text: 'abcd' }] }), 4),
    reasoning_effort: async (ask, t) => {
      t.equal(await added(ask, { reasoning_effort: 'low' }), 3);
      t.equal((await ask({ reasoning_effort: 'extra_high' })).status, 400);
    },
  },
});
