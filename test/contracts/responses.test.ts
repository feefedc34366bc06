import t from 'tap';
import { responsePeerFields } from '#routes/openai/responses/peer-fields.js';
import { startWholeServer } from '#test/support/whole-server.js';
import { checkContract, type Answer } from './contract.js';
import { json, reportCases, samplingCases, structureCases, type Route } from './generation-cases.js';

interface Logprob {
  readonly token: string;
  readonly top_logprobs: unknown[];
}

interface Body {
  readonly status: string;
  readonly output: {
    readonly type: string;
    readonly name?: string;
    readonly arguments?: string;
    readonly content: { readonly text: string; readonly logprobs?: Logprob[] }[];
  }[];
  readonly token_ids: number[];
  readonly prompt_token_ids: number[];
  readonly truncation: string;
  readonly metadata: object;
  readonly usage: { readonly input_tokens: number; readonly output_tokens: number };
}

const { url } = await startWholeServer(t, 256);

const body = (answer: Answer): Body => json<Body>(answer);
const content = (answer: Answer) => body(answer).output[0]!.content[0]!;
const inputTokens = (answer: Answer): number => body(answer).usage.input_tokens;

const route: Route = {
  text: answer => content(answer).text,
  ids: answer => body(answer).token_ids,
  promptIds: answer => body(answer).prompt_token_ids,
  finishReason: answer => body(answer).status,
  tokenNames: answer => content(answer).logprobs!.map(({ token }) => token),
  logprobs: { include: ['message.output_text.logprobs'] },
  long: { max_output_tokens: 100, ignore_eos: true },
  prompt: input => ({ input }),
};

const tools = [
  {
    type: 'function',
    name: 'f',
    parameters: {
      type: 'object',
      properties: { a: { const: 1 } },
      required: ['a'],
      additionalProperties: false,
    },
  },
];

checkContract(t, url, {
  path: '/v1/responses',
  plain: { model: 'writer', input: 'Once', max_output_tokens: 8, temperature: 0 },
  fields: responsePeerFields,
  cases: {
    ...samplingCases(route),
    ...reportCases(route),
    ...structureCases(route),
    input: async (ask, t) => {
      const list = await ask({ input: [{ role: 'user', content: [{ type: 'input_text', text: 'Once' }] }] });
      t.equal(content(list).text, content(await ask({})).text);
    },
    instructions: async (ask, t) =>
      t.equal(
        inputTokens(await ask({ instructions: 'ab' })) - inputTokens(await ask({})),
        'system ab '.length,
      ),
    max_output_tokens: async (ask, t) => {
      const answer = await ask({ max_output_tokens: 3 });
      t.equal(body(answer).usage.output_tokens, 3);
      t.equal(body(answer).status, 'incomplete');
    },
    'text.format.type': async (ask, t) => {
      t.match(content(await ask({ text: { format: { type: 'json_object' } } })).text, /^\{/);
      t.equal((await ask({ text: { format: { type: 'json_schema' } } })).status, 400);
    },
    'text.format.schema': async (ask, t) => {
      const format = { type: 'json_schema', name: 'n', schema: { const: 1 } };
      t.equal(content(await ask({ text: { format } })).text, '1');
    },
    metadata: async (ask, t) => {
      const metadata = { 'a\nb': 'c', '': 'd' };
      t.strictSame(body(await ask({ metadata })).metadata, metadata);
    },
    include: async (ask, t) => {
      t.equal(content(await ask(route.logprobs)).logprobs!.length, 8);
      t.equal(content(await ask({})).logprobs, undefined);
      t.equal((await ask({ include: ['message'] })).status, 400);
    },
    top_logprobs: async (ask, t) => {
      const { logprobs } = content(await ask({ ...route.logprobs, top_logprobs: 5 }));
      t.ok(logprobs!.every(({ top_logprobs: top }) => top.length === 5));
      t.equal((await ask({ top_logprobs: 21 })).status, 400);
    },
    truncation: async (ask, t) => {
      const input = [
        { role: 'system', content: 'ab' },
        { role: 'user', content: 'x'.repeat(300) },
        { role: 'assistant', content: 'cd' },
        { role: 'user', content: 'ef' },
      ];
      t.equal((await ask({ input })).status, 400);
      const cut = await ask({ input, truncation: 'auto' });
      t.equal(inputTokens(cut), 'system ab user ef a'.length);
      t.equal(body(cut).truncation, 'auto');
    },
    'reasoning.effort': async (ask, t) => {
      t.equal(
        inputTokens(await ask({ reasoning: { effort: 'low' } })) - inputTokens(await ask({})),
        'low'.length,
      );
      t.equal((await ask({ reasoning: { effort: 'extra_high' } })).status, 400);
    },
    tools: async (ask, t) =>
      t.equal(inputTokens(await ask({ tools })) - inputTokens(await ask({})), '<tool_call>'.length),
    tool_choice: async (ask, t) =>
      t.match(
        body(await ask({ tools, tool_choice: { type: 'function', name: 'f' }, max_output_tokens: 99 }))
          .output,
        [{ type: 'function_call', name: 'f', arguments: /^\{\s*"a": ?1\s*\}$/ }],
      ),
    parallel_tool_calls: async (ask, t) => {
      const one = { tools, tool_choice: 'required', parallel_tool_calls: false, max_output_tokens: 99 };
      t.equal(body(await ask(one)).output.length, 1);
    },
  },
});
