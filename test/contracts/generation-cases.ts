import type { Answer, Ask, FieldCase } from './contract.js';

/** Where a route keeps what it generates, and what its fields are called. */
export interface Route {
  readonly text: (answer: Answer) => string;
  readonly ids: (answer: Answer) => number[];
  readonly promptIds: (answer: Answer) => number[];
  readonly finishReason: (answer: Answer) => string;
  /** The names of tokens in log-probabilities, of a request that asks for them by {@link logprobs}. */
  readonly tokenNames: (answer: Answer) => string[];
  readonly logprobs: object;
  /** Asks for more tokens. */
  readonly long: object;
  /** Asks for a text. */
  readonly prompt: (text: string) => object;
}

export function json<T>({ text }: Answer): T {
  return JSON.parse(text) as T;
}

/** The id of `A` in the tokenizer of the server under test. */
const LETTER = 70;
/** A bias that makes the model write one letter all the time, unless something keeps it from that. */
const LETTERS = { logit_bias: { [LETTER]: 3 } };
/** The model's own stop token, and another special one. */
const [END, SPECIAL] = [2, 3];

/** Assertions for the fields of sampling and stopping, which all generating routes have. */
export function samplingCases(route: Route): Record<string, FieldCase> {
  const { text, ids, finishReason } = route;
  const drawn = async (ask: Ask, body: object): Promise<number[]> =>
    ids(await ask({ return_token_ids: true, ...body }));
  const greedy = (ask: Ask) => drawn(ask, {});
  const random = { temperature: 1, seed: 5 };

  const staysGreedy =
    (field: object): FieldCase =>
    async (ask, t) => {
      t.notSame(await drawn(ask, random), await greedy(ask), 'without it, others are drawn');
      t.strictSame(await drawn(ask, { ...random, ...field }), await greedy(ask));
    };
  const breaksRepetition =
    (field: object): FieldCase =>
    async (ask, t) => {
      t.ok((await drawn(ask, LETTERS)).every(id => id === LETTER));
      const [first, second] = await drawn(ask, { ...LETTERS, ...field });
      t.equal(first, LETTER);
      t.not(second, LETTER);
    };

  return {
    temperature: async (ask, t) => {
      t.strictSame(await greedy(ask), await greedy(ask), '0 draws nothing');
      t.notSame(await drawn(ask, { temperature: 1, seed: 1 }), await drawn(ask, { temperature: 1, seed: 2 }));
    },
    seed: async (ask, t) => {
      t.strictSame(await drawn(ask, random), await drawn(ask, random));
      t.notSame(await drawn(ask, random), await drawn(ask, { ...random, seed: 6 }));
    },
    top_p: staysGreedy({ top_p: 0 }),
    top_k: staysGreedy({ top_k: 1 }),
    min_p: staysGreedy({ min_p: 1 }),
    presence_penalty: breaksRepetition({ presence_penalty: 2 }),
    frequency_penalty: breaksRepetition({ frequency_penalty: 2 }),
    repetition_penalty: async (ask, t) => {
      const before = await drawn(ask, route.long);
      t.ok(new Set(before).size < before.length, 'without it, tokens are repeated');
      t.notSame(await drawn(ask, { ...route.long, repetition_penalty: 100 }), before);
    },
    bad_words: async (ask, t) => {
      t.match(text(await ask(LETTERS)), /^A+$/);
      t.notMatch(text(await ask({ ...LETTERS, bad_words: ['A'] })), 'A');
    },
    logit_bias: async (ask, t) => t.ok((await drawn(ask, LETTERS)).every(id => id === LETTER)),
    allowed_token_ids: async (ask, t) => {
      t.notOk((await greedy(ask)).every(id => id === 80 || id === 81));
      t.ok((await drawn(ask, { allowed_token_ids: [80, 81] })).every(id => id === 80 || id === 81));
    },
    stop: async (ask, t) => {
      const answer = await ask({ ...LETTERS, stop: ['AAA'] });
      t.equal(text(answer), '');
      t.match(finishReason(answer), /stop|completed/);
    },
    include_stop_str_in_output: async (ask, t) =>
      t.equal(text(await ask({ ...LETTERS, stop: 'AAA', include_stop_str_in_output: true })), 'AAA'),
    stop_token_ids: async (ask, t) => {
      const answer = await ask({ ...LETTERS, stop_token_ids: [LETTER] });
      t.equal(text(answer), '');
      t.match(finishReason(answer), /stop|completed/);
    },
    min_tokens: async (ask, t) => {
      const ending = { logit_bias: { [END]: 100 } };
      t.strictSame(await drawn(ask, ending), [END]);
      const longer = await drawn(ask, { ...ending, min_tokens: 3 });
      t.equal(longer.indexOf(END), 3);
    },
    ignore_eos: async (ask, t) =>
      t.strictSame(
        await drawn(ask, { logit_bias: { [END]: 100 }, ignore_eos: true }),
        Array.from({ length: 8 }, () => END),
      ),
    skip_special_tokens: async (ask, t) => {
      const special = { logit_bias: { [SPECIAL]: 100 } };
      t.equal(text(await ask(special)), '');
      t.equal(text(await ask({ ...special, skip_special_tokens: false })), '<mask>'.repeat(8));
    },
    cache_salt: async (ask, t) => {
      const cached = async (salt: string): Promise<number> => {
        const answer = await ask({ ...route.prompt('long '.repeat(40)), cache_salt: salt });
        return Number(/"cached_tokens":(\d+)/.exec(answer.text)![1]);
      };
      t.equal(await cached('one'), 0);
      t.ok((await cached('one')) > 100);
      t.equal(await cached('another'), 0);
    },
    model: async (ask, t) => {
      t.equal(json<{ model: string }>(await ask({ model: 'writer' })).model, 'writer');
      t.equal((await ask({ model: 'nobody' })).status, 404);
    },
    stream: async (ask, t) => {
      t.match((await ask({ stream: true })).type, 'text/event-stream');
      t.match((await ask({ stream: false })).type, 'application/json');
    },
  };
}

/** Assertions for the fields about prompts and token ids. */
export function reportCases(route: Route): Record<string, FieldCase> {
  const { ids, promptIds, tokenNames, prompt } = route;
  const read = async (ask: Ask, body: object = {}): Promise<number[]> =>
    promptIds(await ask({ ...prompt('one two three'), return_token_ids: true, ...body }));
  return {
    truncate_prompt_tokens: async (ask, t) => {
      t.strictSame(await read(ask, { truncate_prompt_tokens: 3 }), (await read(ask)).slice(-3));
      const long = { ...prompt('word '.repeat(200)), return_token_ids: true };
      t.equal((await ask(long)).status, 400);
      t.ok(promptIds(await ask({ ...long, truncate_prompt_tokens: -1 })).length > 100);
      t.equal((await ask({ truncate_prompt_tokens: -2 })).status, 400);
    },
    truncation_side: async (ask, t) =>
      t.strictSame(
        await read(ask, { truncate_prompt_tokens: 3, truncation_side: 'right' }),
        (await read(ask)).slice(0, 3),
      ),
    add_special_tokens: async (ask, t) => {
      const [withThem, without] = [
        await read(ask, { add_special_tokens: true }),
        await read(ask, { add_special_tokens: false }),
      ];
      t.strictSame(withThem, [0, ...without, 2]);
    },
    return_token_ids: async (ask, t) => {
      const answer = await ask({ ...LETTERS, return_token_ids: true });
      t.strictSame(
        ids(answer),
        Array.from({ length: 8 }, () => LETTER),
      );
      t.ok(promptIds(answer).length > 0);
      t.notMatch((await ask({})).text, 'token_ids');
    },
    return_tokens_as_token_ids: async (ask, t) => {
      const asked = { ...LETTERS, ...route.logprobs };
      t.equal(tokenNames(await ask(asked))[0], 'A');
      const names = tokenNames(await ask({ ...asked, return_tokens_as_token_ids: true }));
      t.strictSame(
        names,
        Array.from({ length: 8 }, () => `token_id:${LETTER}`),
      );
    },
  };
}

/** Assertions for vLLM's fields of structures. */
export function structureCases({ text }: Route): Record<string, FieldCase> {
  const gives =
    (field: object, expected: string | RegExp): FieldCase =>
    async (ask, t) =>
      t.match(text(await ask({ ...field, temperature: 1, seed: 3 })), expected);
  return {
    'structured_outputs.json': gives({ structured_outputs: { json: { const: 1 } } }, /^1$/),
    'structured_outputs.json_object': gives({ structured_outputs: { json_object: true } }, /^\{/),
    'structured_outputs.regex': gives({ structured_outputs: { regex: 'x{2}' } }, /^xx$/),
    'structured_outputs.choice': gives({ structured_outputs: { choice: ['yes', 'no'] } }, /^(yes|no)$/),
    guided_json: gives({ guided_json: { const: 1 } }, /^1$/),
    guided_regex: gives({ guided_regex: 'x{2}' }, /^xx$/),
    guided_choice: gives({ guided_choice: ['yes', 'no'] }, /^(yes|no)$/),
  };
}

/** Assertions for `response_format`. */
export function responseFormatCases({ text }: Route): Record<string, FieldCase> {
  return {
    'response_format.type': async (ask, t) => {
      t.match(text(await ask({ response_format: { type: 'json_object' } })), /^\{/);
      t.equal((await ask({ response_format: { type: 'json' } })).status, 400);
      t.equal((await ask({ response_format: { type: 'json_schema' } })).status, 400);
    },
    'response_format.json_schema.schema': async (ask, t) => {
      const format = (schema: object) => ({
        response_format: { type: 'json_schema', json_schema: { name: 'n', schema } },
      });
      t.equal(text(await ask(format({ const: 1 }))), '1');
      t.equal((await ask(format({ pattern: '(' }))).status, 400);
    },
  };
}

/** Assertions for the options of OpenAI's streams. */
export const streamCases: Record<string, FieldCase> = {
  'stream_options.include_usage': async (ask, t) => {
    const { text } = await ask({ stream: true, stream_options: { include_usage: true } });
    t.match(text, /"choices":\[\],"usage":\{"prompt_tokens":\d+/);
    t.notMatch((await ask({ stream: true })).text, '"usage"');
  },
  'stream_options.continuous_usage_stats': async (ask, t) => {
    const { text } = await ask({
      stream: true,
      stream_options: { include_usage: true, continuous_usage_stats: true },
    });
    const events = text.split('\n\n').filter(event => event.startsWith('data: {'));
    t.ok(events.length > 5 && events.every(event => /"usage":\{"prompt_tokens":\d+/.test(event)));
  },
};
