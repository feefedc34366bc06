import t from 'tap';
import { completionPeerFields } from '#routes/openai/completions/peer-fields.js';
import { startWholeServer } from '#test/support/whole-server.js';
import { checkContract, type Answer } from './contract.js';
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
  readonly text: string;
  readonly finish_reason: string;
  readonly stop_reason?: string | number;
  readonly token_ids: number[];
  readonly prompt_token_ids: number[];
  readonly prompt_logprobs: (Record<string, { rank: number; logprob: number }> | null)[];
  readonly logprobs: { tokens: string[]; top_logprobs: (Record<string, number> | null)[] };
}

const { url } = await startWholeServer(t, 256);

const choices = (answer: Answer): Choice[] => json<{ choices: Choice[] }>(answer).choices;
const first = (answer: Answer): Choice => choices(answer)[0]!;

const route: Route = {
  text: answer => first(answer).text,
  ids: answer => first(answer).token_ids,
  promptIds: answer => first(answer).prompt_token_ids,
  finishReason: answer => first(answer).finish_reason,
  tokenNames: answer => first(answer).logprobs.tokens,
  logprobs: { logprobs: 0 },
  long: { max_tokens: 100, ignore_eos: true },
  prompt: prompt => ({ prompt }),
};

checkContract(t, url, {
  path: '/v1/completions',
  plain: { model: 'writer', prompt: 'Once', max_tokens: 8, temperature: 0 },
  fields: completionPeerFields,
  cases: {
    ...samplingCases(route),
    ...reportCases(route),
    ...structureCases(route),
    ...responseFormatCases(route),
    ...streamCases,
    prompt: async (ask, t) => {
      const alone = await Promise.all([ask({ prompt: 'ab' }), ask({ prompt: 'cd' })]);
      const together = choices(await ask({ prompt: ['ab', 'cd'] }));
      t.strictSame(
        together.map(({ text }) => text),
        alone.map(answer => first(answer).text),
      );
      t.strictSame(first(await ask({ prompt: [70, 71], return_token_ids: true })).prompt_token_ids, [70, 71]);
    },
    max_tokens: async (ask, t) => {
      t.equal(first(await ask({ max_tokens: 3, return_token_ids: true })).token_ids.length, 3);
      t.equal(first(await ask({ max_tokens: 3 })).finish_reason, 'length');
    },
    n: async (ask, t) => t.equal(choices(await ask({ n: 3 })).length, 3),
    best_of: async (ask, t) => {
      const answer = await ask({ best_of: 3, n: 2, temperature: 1, ignore_eos: true });
      t.equal(choices(answer).length, 2);
      const { usage } = json<{ usage: { completion_tokens: number } }>(answer);
      t.ok(usage.completion_tokens > 16, 'all three were generated');
    },
    logprobs: async (ask, t) => {
      for (const count of [0, 5, 20]) {
        const { top_logprobs: top } = first(await ask({ logprobs: count })).logprobs;
        t.equal(top.length, 8);
        // Tokens of one text stand once.
        t.ok(top.every(map => Object.keys(map!).length <= count + 1));
        t.ok(top.every(map => Object.keys(map!).length > count / 2));
      }
      for (const count of [-1, 21, 'x']) t.equal((await ask({ logprobs: count })).status, 400);
    },
    echo: async (ask, t) => {
      t.match(first(await ask({ echo: true })).text, /^Once/);
      t.equal(first(await ask({ echo: true, max_tokens: 0 })).text, 'Once');
    },
    prompt_logprobs: async (ask, t) => {
      const { prompt_logprobs: report, prompt_token_ids: ids } = first(
        await ask({ prompt_logprobs: 2, return_token_ids: true }),
      );
      t.equal(report.length, ids.length);
      report.forEach((entry, index) => {
        if (index === 0) t.equal(entry, null);
        else t.ok(entry![ids[index]!]!.rank >= 1 && Object.keys(entry!).length >= 2);
      });
      for (const count of [-1, 21, 'x']) t.equal((await ask({ prompt_logprobs: count })).status, 400);
    },
  },
});

t.test('the reason of an end is told', async t => {
  const ask = async (body: object): Promise<Choice> => {
    const response = await fetch(`${url}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'writer', prompt: 'a', temperature: 0, max_tokens: 8, ...body }),
    });
    return ((await response.json()) as { choices: [Choice] }).choices[0];
  };
  const bias = { 70: 3 };
  t.match(await ask({ logit_bias: bias, stop: ['x', 'AA'] }), { finish_reason: 'stop', stop_reason: 'AA' });
  t.match(await ask({ logit_bias: bias, stop_token_ids: [70] }), { finish_reason: 'stop', stop_reason: 70 });
  const ended = await ask({ logit_bias: { 2: 100 }, stop_token_ids: [2] });
  t.match(ended, { finish_reason: 'stop', stop_reason: undefined });
  t.match(await ask({}), { finish_reason: 'length', stop_reason: undefined });
});
