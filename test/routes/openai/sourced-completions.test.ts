import t from 'tap';
import { Registry } from '#registry/registry.js';
import { fakeTranslator, FIRST_LANGUAGE, START, STOP } from '#test/support/fake-translator.js';
import { eventData, startServer } from '#test/support/http-server.js';
import { jsonClient } from '#test/support/json-client.js';

interface Answer {
  readonly choices: {
    index: number;
    text: string;
    finish_reason: string;
    prompt_token_ids?: number[];
    token_ids?: number[];
    logprobs: { tokens: string[]; text_offset: number[] } | null;
  }[];
  readonly usage: { prompt_tokens: number; completion_tokens: number };
  readonly error: { param: string; message: string; code: string; n_prompt_tokens?: number; n_ctx?: number };
}

const codes = ['de', 'en', 'fr'];
const plain = fakeTranslator('plain');
const many = fakeTranslator('many', { translates: { sources: codes, targets: codes }, knowsCodes: true });
/** Told of the target by a mark in the source, as multilingual Marians are. */
const marked = fakeTranslator('marked', {
  languages: {
    codes: ['en', 'fra', 'ita'],
    sources: ['en'],
    targets: ['fra', 'ita'],
    sourceTokens: (_, target) => ({ before: target === undefined ? [] : [FIRST_LANGUAGE], after: [STOP] }),
    forcedTarget: () => undefined,
    startTarget: () => undefined,
  },
});
/** Told of the target by what the decoder begins with, as mBART is. */
const started = fakeTranslator('started', {
  languages: {
    codes: ['en_XX', 'ro_RO'],
    sources: ['en_XX', 'ro_RO'],
    targets: ['en_XX', 'ro_RO'],
    sourceTokens: () => ({ before: [], after: [STOP, FIRST_LANGUAGE] }),
    forcedTarget: () => undefined,
    startTarget: () => FIRST_LANGUAGE + 1,
  },
});
const beamed = fakeTranslator('beamed', {
  defaults: {
    maxTokens: 30,
    minTokens: 3,
    sampling: {
      temperature: 0,
      topK: 0,
      topP: 1,
      minP: 0,
      repetitionPenalty: 2,
      noRepeatNgram: 3,
      forcedFirstId: 9,
      bannedSequences: [[5, 6]],
    },
    beams: { width: 4, lengthPenalty: 0.5, earlyStopping: true, results: 2 },
  },
});
const wide = fakeTranslator('wide', {
  defaults: { beams: { width: 6, lengthPenalty: 1, earlyStopping: false, results: 1 } },
});
const { url } = await startServer(t, {
  registry: new Registry([plain, many, marked, started, beamed, wide].map(({ model }) => model)),
});
const post = jsonClient(url);
const ask = (body: object) => post<Answer>('/v1/completions', { model: 'plain', ...body });
const last = ({ engine }: typeof plain) => engine.requests.at(-1)!;

t.test('the prompt is the source', async t => {
  const { body } = await ask({ prompt: ['ab', 'cde'], return_token_ids: true, logprobs: 0 });
  t.strictSame(
    body.choices.map(({ text, finish_reason }) => [text, finish_reason]),
    [
      ['AB', 'stop'],
      ['CDE', 'stop'],
    ],
  );
  const [first, second] = body.choices;
  t.equal(body.usage.prompt_tokens, first!.prompt_token_ids!.length + second!.prompt_token_ids!.length);
  t.equal(body.usage.completion_tokens, first!.token_ids!.length + second!.token_ids!.length);
  t.strictSame(first!.logprobs!.text_offset, [0, 1, 2], 'of the text, which is not behind the prompt');
  t.match(last(plain), { promptIds: [START], sourceIds: second!.prompt_token_ids, stop: { maxTokens: 64 } });
  const ids = await ask({ prompt: [first!.prompt_token_ids, second!.prompt_token_ids] });
  t.strictSame(
    ids.body.choices.map(({ text }) => text),
    ['AB', 'CDE'],
  );
});

t.test('what a source cannot have is refused by its name', async t => {
  for (const [param, value] of Object.entries({ echo: true, prompt_logprobs: 1, suffix: 'x' }))
    t.match(await ask({ prompt: 'a', [param]: value }), { status: 400, body: { error: { param } } });
});

t.test('a source that is too long', async t => {
  const { model } = plain;
  const prompt = 'x'.repeat(100);
  const answer = await ask({ prompt });
  t.equal(answer.status, 400);
  t.match(answer.body.error, {
    code: 'context_length_exceeded',
    param: 'prompt',
    n_prompt_tokens: model.tokenizer.encode(prompt).length,
    n_ctx: 40,
  });
  t.match(await ask({ prompt: Array(41).fill(70) }), {
    body: { error: { code: 'context_length_exceeded' } },
  });
  for (const [side, text] of [
    ['right', 'ABC'],
    ['left', 'XYZ'],
  ]) {
    const cut = await ask({ prompt: `abc${prompt}xyz`, truncate_prompt_tokens: 5, truncation_side: side });
    t.equal(cut.body.choices[0]!.text, text);
  }
  const most = await ask({ prompt, truncate_prompt_tokens: -1 });
  t.equal(most.body.usage.prompt_tokens, 40);
  t.equal((await ask({ prompt, truncate_prompt_tokens: 100 })).body.usage.prompt_tokens, 40);
});

t.test('languages', async t => {
  const { body } = await ask({
    model: 'many',
    prompt: 'ab',
    src_lang: 'en',
    tgt_lang: 'fr',
    return_token_ids: true,
  });
  const [before, ...rest] = body.choices[0]!.prompt_token_ids!;
  t.equal(before, FIRST_LANGUAGE + 1);
  t.equal(rest.at(-1), STOP);
  t.equal(last(many).sampling.forcedFirstId, FIRST_LANGUAGE + 2);
  await ask({ model: 'many', prompt: 'ab' });
  t.match(last(many), { sourceIds: [FIRST_LANGUAGE], sampling: { forcedFirstId: undefined } });
  for (const param of ['src_lang', 'tgt_lang']) {
    t.match(await ask({ model: 'many', prompt: 'ab', [param]: 'xx' }), {
      status: 400,
      body: { error: { param, message: `${param} is "xx", expected one of: de, en, fr` } },
    });
    t.match(await ask({ prompt: 'ab', [param]: 'en' }), { status: 400, body: { error: { param } } });
  }
  t.match(await ask({ model: 'many', prompt: [70], src_lang: 'en' }), {
    body: { error: { param: 'src_lang' } },
  });
  t.equal((await ask({ model: 'many', prompt: [70], tgt_lang: 'en' })).status, 200);
  const cut = await ask({
    model: 'many',
    prompt: 'abcdef',
    truncate_prompt_tokens: 4,
    truncation_side: 'right',
  });
  t.equal(cut.body.choices[0]!.text, 'AB', 'what tells the language stays');
  t.match(await ask({ model: 'many', prompt: 'abc', truncate_prompt_tokens: 2 }), {
    body: { error: { param: 'truncate_prompt_tokens' } },
  });
});

t.test('languages that the source tells, or the start', async t => {
  await ask({ model: 'marked', prompt: 'a', src_lang: 'en', tgt_lang: 'fra' });
  t.match(last(marked), { promptIds: [START], sourceIds: [FIRST_LANGUAGE, Number, STOP] });
  t.match(await ask({ model: 'marked', prompt: [70], tgt_lang: 'fra' }), {
    status: 400,
    body: { error: { param: 'tgt_lang', message: /only with texts/ } },
  });
  t.match(await ask({ model: 'marked', prompt: 'a', src_lang: 'fra' }), {
    status: 400,
    body: { error: { param: 'src_lang' } },
  });
  await ask({ model: 'started', prompt: 'a', tgt_lang: 'ro_RO' });
  t.match(last(started), {
    promptIds: [FIRST_LANGUAGE + 1],
    sourceIds: [Number, STOP, FIRST_LANGUAGE],
    sampling: { forcedFirstId: undefined },
  });
  await ask({ model: 'started', prompt: 'a' });
  t.strictSame(last(started).promptIds, [START]);
});

t.test('beams as vLLM has them', async t => {
  const { body } = await ask({
    prompt: ['ab', 'c'],
    use_beam_search: true,
    n: 3,
    length_penalty: 2,
    early_stopping: 'never',
  });
  t.strictSame(
    body.choices.map(({ index, text }) => [index, text]),
    ['AB', 'AB!', 'AB!!', 'C', 'C!', 'C!!'].map((text, index) => [index, text]),
  );
  t.strictSame(last(plain).beams, { width: 3, lengthPenalty: 2, earlyStopping: 'never', results: 3 });
  t.equal(body.usage.completion_tokens, 3 + 4 + 5 + 2 + 3 + 4);
  await ask({ prompt: 'a', use_beam_search: true, best_of: 4, n: 2, temperature: 0 });
  t.strictSame(last(plain).beams, { width: 4, lengthPenalty: 1, earlyStopping: false, results: 2 });
  const refused: object[] = [
    { stream: true },
    { stop: 'x' },
    { temperature: 0.5 },
    { top_p: 0.5 },
    { top_k: 5 },
    { min_p: 0.1 },
  ];
  for (const field of refused) {
    const [param] = Object.keys(field);
    t.match(await ask({ prompt: 'a', use_beam_search: true, ...field }), {
      status: 400,
      body: { error: { param } },
    });
  }
  for (const field of [{ length_penalty: 2 }, { early_stopping: true }])
    t.match(await ask({ prompt: 'a', ...field }), {
      status: 400,
      body: { error: { param: Object.keys(field)[0] } },
    });
  t.equal((await ask({ prompt: 'a', length_penalty: 1, early_stopping: false })).status, 200);
});

t.test("a folder's defaults apply where a request says nothing", async t => {
  const own = (body: object) => ask({ model: 'beamed', prompt: 'a', ...body });
  await own({});
  t.match(last(beamed), {
    beams: { width: 4, lengthPenalty: 0.5, earlyStopping: true, results: 2 },
    stop: { maxTokens: 30, minTokens: 3 },
    sampling: {
      temperature: 0,
      repetitionPenalty: 2,
      noRepeatNgram: 3,
      forcedFirstId: 9,
      bannedSequences: [[5, 6]],
    },
  });
  t.equal((await own({})).body.choices.length, 2, 'num_return_sequences');
  await own({ n: 3, length_penalty: 1, max_tokens: 2, repetition_penalty: 1, bad_words: ['b'] });
  t.match(last(beamed), {
    beams: { width: 4, lengthPenalty: 1, results: 3 },
    stop: { maxTokens: 2, minTokens: 2 },
    sampling: { repetitionPenalty: 1 },
  });
  t.ok(last(beamed).sampling.bannedSequences!.length > 1);
  t.match(await own({ n: 5 }), { status: 400, body: { error: { param: 'n', message: /^n: 5 beams/ } } });
  for (const field of [{ use_beam_search: false }, { temperature: 1 }]) {
    await own(field);
    t.equal(last(beamed).beams, undefined);
  }
  t.match(await own({ stream: true }), {
    status: 400,
    body: { error: { param: 'stream', message: /send use_beam_search as false/ } },
  });
  t.match(await own({ stop: ['x'] }), { status: 400, body: { error: { param: 'stop' } } });
  t.match(await own({ structured_outputs: { choice: ['x'] } }), {
    status: 400,
    body: { error: { param: 'structured_outputs.choice' } },
  });
});

t.test('a folder that wants more beams than there are slots', async t => {
  const refused = { status: 400, body: { error: { param: 'use_beam_search', message: /wants 6 beams/ } } };
  t.match(await ask({ model: 'wide', prompt: 'a' }), refused);
  t.equal((await ask({ model: 'wide', prompt: 'a', use_beam_search: false })).status, 200);
  t.equal((await ask({ model: 'wide', prompt: 'a', use_beam_search: true, n: 4 })).status, 200);
});

t.test('a stream', async t => {
  const response = await fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'beamed', prompt: 'ab', stream: true, use_beam_search: false }),
  });
  const events = eventData(await response.text());
  t.equal(events.at(-1), '[DONE]');
  t.equal((JSON.parse(events[0]!) as Answer).choices[0]!.text, 'AB');
});

t.test('a chat is refused with a word on what to do', async t => {
  const { status, body } = await post<Answer>('/v1/chat/completions', {
    model: 'plain',
    messages: [{ role: 'user', content: 'a' }],
  });
  t.equal(status, 400);
  t.match(body.error.message, 'it was not made for conversations; use /v1/completions');
});
