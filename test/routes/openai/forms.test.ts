import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import { eventData } from '#test/support/event-data.js';
import { chunksOf, joinChunks } from '#test/support/joined-stream.js';
import { jsonClient } from '#test/support/json-client.js';
import { runs } from '#test/support/property-runs.js';
import { startWholeServer } from '#test/support/whole-server.js';

type Json = Record<string, unknown>;

const { url } = await startWholeServer(t, 512);
const post = jsonClient(url);

async function stream(path: string, body: object): Promise<string> {
  const response = await fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...body, stream: true }),
  });
  return response.text();
}

/** Each request has a cache of its own, so that both forms find the same in it. */
const salted = (body: object): object => ({ ...body, cache_salt: randomUUID() });

/** What differs between two answers of one request. */
function comparable(answer: unknown): unknown {
  const text = JSON.stringify(answer, (key, value: unknown) =>
    /^(id|item_id|created|created_at)$/.test(key) ? undefined : value,
  );
  return JSON.parse(text);
}

const words = fc.string({ unit: fc.constantFrom(...'abcé日😀 \n"\\\u2028', '</s>'), maxLength: 40 });
const option = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined });
const sampling = {
  temperature: fc.constantFrom(0, 1),
  seed: fc.nat(1000),
  stop: option(fc.array(fc.constantFrom('a', 'b', '\n', 'é', ' ', '{'), { minLength: 1, maxLength: 3 })),
  stop_token_ids: option(fc.array(fc.nat(270), { maxLength: 30 })),
  include_stop_str_in_output: option(fc.boolean()),
  skip_special_tokens: option(fc.boolean()),
  ignore_eos: option(fc.boolean()),
  min_tokens: option(fc.nat(3)),
  logit_bias: option(fc.dictionary(fc.constantFrom('2', '10', '66'), fc.integer({ min: -100, max: 3 }))),
  bad_words: option(fc.array(fc.constantFrom('a', 'b', '日'), { maxLength: 2 })),
  truncate_prompt_tokens: option(fc.integer({ min: 1, max: 20 })),
  return_token_ids: option(fc.boolean()),
  return_tokens_as_token_ids: option(fc.boolean()),
};
const maxTokens = fc.integer({ min: 3, max: 20 });
const few = option(fc.nat(5));
const streamOptions = fc.record({
  include_usage: fc.constant(true),
  continuous_usage_stats: option(fc.boolean()),
});

const completionFields = {
  ...sampling,
  max_tokens: maxTokens,
  n: fc.integer({ min: 1, max: 2 }),
  echo: option(fc.boolean()),
  logprobs: few,
  prompt_logprobs: few,
};
const completion = fc.record({
  ...completionFields,
  prompt: fc.oneof(words, fc.array(words, { minLength: 1, maxLength: 3 })),
  stream_options: streamOptions,
});

const chat = fc.record({
  ...sampling,
  max_tokens: maxTokens,
  messages: fc.tuple(words, words).map(([question, begun]) => [
    { role: 'user', content: question },
    { role: 'assistant', content: begun },
  ]),
  n: fc.integer({ min: 1, max: 2 }),
  echo: option(fc.boolean()),
  continue_final_message: fc.constant(true),
  add_generation_prompt: fc.constant(false),
  logprobs: fc.constant(true),
  top_logprobs: few,
  prompt_logprobs: few,
  stream_options: streamOptions,
});

const response = fc.record({
  ...sampling,
  max_output_tokens: maxTokens,
  input: words,
  include: option(fc.constant(['message.output_text.logprobs'])),
  top_logprobs: few,
  metadata: fc.dictionary(fc.constantFrom('', '\n', 'a', '\u2028', '"'), words, { maxKeys: 3 }),
});

for (const [path, requests] of [
  ['/v1/completions', completion],
  ['/v1/chat/completions', chat],
] as const)
  t.test(`${path}: a stream says what a whole answer says, token for token`, async t => {
    let reported = 0;
    await fc.assert(
      fc.asyncProperty(requests as fc.Arbitrary<Json>, async ({ stream_options, ...body }) => {
        const [whole, chunks] = await Promise.all([
          post<Json>(path, salted(body)),
          stream(path, salted({ ...body, stream_options })).then(chunksOf),
        ]);
        if (whole.status !== 200) throw new Error(JSON.stringify(whole.body));
        t.strictSame(comparable(joinChunks(chunks)), comparable(whole.body));
        const [choice] = whole.body.choices as { logprobs: unknown }[];
        if (choice!.logprobs !== null) reported++;
        if ((stream_options as Json).continuous_usage_stats)
          t.ok(
            chunks.every(({ usage }) => usage),
            'every chunk tells the usage',
          );
      }),
      runs(40),
    );
    t.ok(reported > 10, 'log-probabilities were compared');
  });

t.test('/v1/responses: a stream says what a whole answer says, token for token', async t => {
  await fc.assert(
    fc.asyncProperty(response, async body => {
      const [whole, events] = await Promise.all([
        post<Json>('/v1/responses', salted(body)),
        stream('/v1/responses', salted(body)).then(text =>
          eventData(text).map(data => JSON.parse(data.replace(/^event: .*\ndata: /, '')) as Json),
        ),
      ]);
      if (whole.status !== 200) throw new Error(JSON.stringify(whole.body));
      t.strictSame(comparable(events.at(-1)!.response), comparable(whole.body));
      const [{ content }] = whole.body.output as [{ content: { text: string; logprobs?: unknown[] }[] }];
      const deltas = events.filter(({ type }) => type === 'response.output_text.delta');
      t.equal(deltas.map(({ delta }) => delta).join(''), content[0]!.text);
      const asked = body.include !== undefined || Boolean(body.top_logprobs);
      t.equal(content[0]!.logprobs !== undefined, asked);
      t.strictSame(
        deltas.flatMap(({ logprobs }) => logprobs as unknown[]),
        content[0]!.logprobs ?? [],
      );
    }),
    runs(40),
  );
});

t.test('a prompt gets the same report alone and among others', async t => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(words, { minLength: 2, maxLength: 6 }),
      fc.record(completionFields),
      async (prompts, body) => {
        const ask = (prompt: string | readonly string[]) =>
          post<{ choices: Json[] }>('/v1/completions', salted({ ...body, prompt }));
        const [together, ...alone] = await Promise.all([ask(prompts), ...prompts.map(ask)]);
        if (together.status !== 200) throw new Error(JSON.stringify(together.body));
        t.strictSame(
          together.body.choices,
          alone.flatMap(({ body: { choices } }) => choices).map((choice, index) => ({ ...choice, index })),
        );
      },
    ),
    runs(25),
  );
});
