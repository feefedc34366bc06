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
    use_beam_search: async (ask, t) => {
      const found = choices(await ask({ use_beam_search: true, n: 3, logprobs: 0 }));
      t.equal(new Set(found.map(({ text }) => text)).size, 3, 'as many texts as beams');
      t.strictSame(choices(await ask({ use_beam_search: true, n: 3, logprobs: 0 })), found);
      const best = choices(await ask({ use_beam_search: true, best_of: 3, n: 2, logprobs: 0 }));
      t.strictSame(best, found.slice(0, 2), 'the best of them');
      t.equal((await ask({ use_beam_search: true, stream: true })).status, 400, 'not for streams');
      t.match((await ask({ use_beam_search: true, n: 5 })).text, 'n: 5 beams are more than the 4 sequences');
    },
    length_penalty: async (ask, t) => {
      t.equal((await ask({ length_penalty: 2 })).status, 400, 'only with beams');
      const ended = {
        use_beam_search: true,
        n: 4,
        logit_bias: { 2: 1 },
        max_tokens: 6,
        return_token_ids: true,
      };
      const longest = async (penalty: number): Promise<number> =>
        first(await ask({ ...ended, length_penalty: penalty })).token_ids.length;
      t.ok((await longest(50)) > (await longest(-50)), 'longer texts gain by it');
    },
    early_stopping: async (ask, t) => {
      t.equal((await ask({ early_stopping: true })).status, 400, 'only with beams');
      for (const early of [true, false, 'never'])
        t.equal((await ask({ use_beam_search: true, n: 2, early_stopping: early })).status, 200);
      t.equal((await ask({ use_beam_search: true, early_stopping: 'x' })).status, 400);
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
