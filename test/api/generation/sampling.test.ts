import t from 'tap';
import {
  forChoice,
  samplingParameters,
  stopConditions,
  type SamplingFields,
} from '#api/generation/sampling.js';
import { parseJson } from '#http/json.js';
import { fakeModel } from '#test/support/http-server.js';
import { GREEDY } from '#test/support/generation-request.js';

const model = fakeModel('letters');

t.test('defaults, for absent fields and null alike', async t => {
  const neutral = { ...GREEDY, temperature: 1 };
  t.strictSame(samplingParameters({}, model), neutral);
  t.strictSame(
    samplingParameters({ temperature: null, top_p: null, logit_bias: null, seed: null }, model),
    neutral,
  );
  const stop = {
    maxTokens: 5,
    minTokens: 0,
    stopTokenIds: new Set([27]),
    stopStrings: [],
    includeStopString: false,
  };
  t.strictSame(stopConditions({}, 5, model), stop);
  t.strictSame(stopConditions({ stop: null, ignore_eos: null, stop_token_ids: null }, 5, model), stop);
});

t.test("what the model's own files say, where a request does not", async t => {
  const own = { temperature: 0.6, topK: 20, topP: 0.9, minP: 0.05, repetitionPenalty: 1.1, maxTokens: 9 };
  const tuned = fakeModel('tuned', undefined, { sampling: own });
  const { maxTokens: _, ...sampling } = own;
  t.strictSame(samplingParameters({}, tuned), { ...GREEDY, ...sampling });
  const asked = { temperature: 0, top_k: 0, top_p: 1, min_p: 0, repetition_penalty: 1 };
  t.strictSame(samplingParameters(asked, tuned), GREEDY, 'a request wins');
  t.strictSame(samplingParameters({ top_k: -1 }, tuned).topK, 0);
});

t.test('every field', async t => {
  t.strictSame(
    samplingParameters(
      {
        temperature: 0,
        top_k: 5,
        top_p: 0.9,
        min_p: 0.1,
        repetition_penalty: 1.2,
        presence_penalty: -1,
        frequency_penalty: 2,
        logit_bias: { '3': -100, '27': 1 },
        seed: 7,
      },
      model,
    ),
    {
      temperature: 0,
      topK: 5,
      topP: 0.9,
      minP: 0.1,
      repetitionPenalty: 1.2,
      presencePenalty: -1,
      frequencyPenalty: 2,
      logitBias: new Map([
        [3, -100],
        [27, 1],
      ]),
      seed: 7,
    },
  );
  t.equal(samplingParameters({ top_k: -1 }, model).topK, 0);
  t.strictSame(
    stopConditions(
      {
        stop: ['a', 'b'],
        min_tokens: 5,
        ignore_eos: true,
        stop_token_ids: [1],
        include_stop_str_in_output: true,
      },
      5,
      model,
    ),
    {
      maxTokens: 5,
      minTokens: 5,
      stopTokenIds: new Set([1]),
      stopStrings: ['a', 'b'],
      includeStopString: true,
    },
  );
  t.strictSame(stopConditions({ stop: 'a', stop_token_ids: [1] }, 5, model).stopTokenIds, new Set([27, 1]));
  t.strictSame(stopConditions({ stop: 'a' }, 5, model).stopStrings, ['a']);
});

t.test('seeds of choices', async t => {
  const seeded = samplingParameters({ seed: 7 }, model);
  t.strictSame(
    [0, 1, 2].map(index => forChoice(seeded, index).seed),
    [7, 8, 9],
  );
  t.equal(forChoice(samplingParameters({}, model), 1).seed, undefined);
});

t.test('seeds of 64 bits keep all of their digits', async t => {
  const parse = (seed: string): SamplingFields => parseJson(`{"seed":${seed}}`, 'it').value as SamplingFields;
  const most = 2n ** 63n;
  for (const seed of [2n ** 53n, 2n ** 53n + 1n, 2n ** 62n, most - 1n, -most, -most + 1n]) {
    const sampling = samplingParameters(parse(String(seed)), model);
    const seeds = [0, 1, 2].map(index => forChoice(sampling, index).seed!);
    t.equal(BigInt(sampling.seed!), seed);
    t.equal(new Set(seeds.map(String)).size, 3, `${seed}: each choice has its own`);
    t.equal(BigInt(seeds[0]!), seed, 'the first has what it has alone');
  }
  t.strictSame(
    [0, 1].map(index => forChoice(samplingParameters({ seed: Number.MAX_SAFE_INTEGER }, model), index).seed),
    [Number.MAX_SAFE_INTEGER, 2n ** 53n],
  );
  for (const seed of [`${most}`, `${-most - 1n}`, '1e19', '1e300', '1'.repeat(400), '9007199254740993.55'])
    t.throws(() => samplingParameters(parse(seed), model), { code: 'invalid_request', param: 'seed' }, seed);
});

t.test('what does not fit the model', async t => {
  for (const key of ['28', '-1', '1.5', 'a', '', '1e1', ' 1']) {
    t.throws(
      () => samplingParameters({ logit_bias: { [key]: 1 } }, model),
      { code: 'invalid_request', param: 'logit_bias' },
      key,
    );
  }
  t.throws(() => stopConditions({ min_tokens: 6 }, 5, model), {
    code: 'invalid_request',
    param: 'min_tokens',
  });
});
