import t from 'tap';
import { teiPeerFields } from '#routes/tei/peer-fields.js';
import { checkContract, type Answer, type Contract, type FieldCase } from './contract.js';
import { A, B, CONTEXT, json, LONG, startEncoders } from './encoder-models.js';

const url = await startEncoders(t);

/** What becomes of texts that are too long. @param texts the fields of a request with one. */
const truncationCases = (texts: (text: string) => object, within = (fields: object) => fields) =>
  ({
    truncate: async (ask, t) => {
      for (const truncate of [false, null])
        t.match(await ask({ ...texts(LONG), ...within({ truncate }) }), { status: 422 });
      t.equal((await ask({ ...texts(LONG), ...within({ truncate: true }) })).status, 200);
    },
    truncation_direction: async (ask, t) => {
      const [left, right, unsaid] = await Promise.all(
        ['Left', 'Right', null].map(truncation_direction =>
          ask({ ...texts(LONG), ...within({ truncate: true, truncation_direction }) }),
        ),
      );
      t.equal(unsaid!.text, right!.text);
      t.equal(left!.status, 200);
    },
  }) satisfies Record<string, FieldCase>;

/** The prompt of the name `query` is `the `. */
const promptCase =
  (texts: (text: string) => object, within = (fields: object) => fields): FieldCase =>
  async (ask, t) => {
    const prompted = await ask({ ...texts(A), ...within({ prompt_name: 'query' }) });
    t.equal(prompted.text, (await ask(texts(`the ${A}`))).text);
    t.equal((await ask(within({ prompt_name: 'nobody' }))).status, 400);
  };

const inputs = (text: string): object => ({ inputs: text });

/** Texts and token ids, one or several. */
const listCase: FieldCase = async (ask, t) => {
  const one = async (input: unknown): Promise<unknown> => json<unknown[]>(await ask({ inputs: input }))[0];
  const [a, b, ids] = [await one(A), await one(B), await one([5, 6])];
  t.notSame(a, b);
  t.strictSame(json(await ask({ inputs: [A, [5, 6], B] })), [a, ids, b]);
  t.strictSame(json(await ask({ inputs: [[5, 6]] })), [ids]);
};

const length = (answer: Answer): number => Math.hypot(...json<number[][]>(answer)[0]!);

const contracts: readonly Omit<Contract, 'fields'>[] = [
  {
    path: '/embed',
    plain: { inputs: A },
    cases: {
      ...truncationCases(inputs),
      inputs: listCase,
      prompt_name: promptCase(inputs),
      normalize: async (ask, t) => {
        t.ok(Math.abs(length(await ask({})) - 1) < 1e-6);
        t.ok(Math.abs(length(await ask({ normalize: false })) - 1) > 1e-3);
      },
      dimensions: async (ask, t) => {
        t.equal(json<number[][]>(await ask({ dimensions: 2 }))[0]!.length, 2);
        t.equal((await ask({ dimensions: 5 })).status, 400);
      },
    },
  },
  {
    path: '/embed_all',
    plain: { inputs: A },
    cases: { ...truncationCases(inputs), inputs: listCase, prompt_name: promptCase(inputs) },
  },
  {
    path: '/embed_sparse',
    plain: { inputs: A },
    cases: {
      ...truncationCases(inputs),
      inputs: listCase,
      prompt_name: async (ask, t) => {
        t.equal((await ask({ prompt_name: 'query' })).status, 400, 'its model has no prompts');
      },
    },
  },
  {
    path: '/predict',
    plain: { inputs: A },
    cases: {
      ...truncationCases(inputs),
      inputs: async (ask, t) => {
        const labels = (answer: Answer): string[] =>
          json<{ label: string }[]>(answer).map(({ label }) => label);
        t.strictSame(labels(await ask({})).sort(), ['glad', 'mad', 'sad']);
        t.strictSame(json(await ask({ inputs: [[A], [A, B]] })), [
          json(await ask({})),
          json(await ask({ inputs: [A, B] })),
        ]);
      },
      raw_scores: async (ask, t) => {
        const sum = (answer: Answer): number =>
          json<{ score: number }[]>(answer).reduce((total, { score }) => total + score, 0);
        t.ok(Math.abs(sum(await ask({})) - 1) < 1e-6);
        t.ok(Math.abs(sum(await ask({ raw_scores: true })) - 1) > 1e-3);
      },
    },
  },
  {
    path: '/rerank',
    plain: { query: A, texts: [A, B] },
    cases: {
      ...truncationCases(text => ({ texts: [text] })),
      query: async (ask, t) => {
        t.not((await ask({ query: B })).text, (await ask({})).text);
      },
      texts: async (ask, t) => {
        const ranks = json<{ index: number; score: number }[]>(await ask({}));
        t.strictSame(ranks.map(({ index }) => index).sort(), [0, 1]);
        t.ok(ranks[0]!.score >= ranks[1]!.score);
      },
      raw_scores: async (ask, t) => {
        const best = (answer: Answer): number => json<{ score: number }[]>(answer)[0]!.score;
        const [logit, score] = [best(await ask({ raw_scores: true })), best(await ask({}))];
        t.ok(Math.abs(score - 1 / (1 + Math.exp(-logit))) < 1e-6);
      },
      return_text: async (ask, t) => {
        const ranks = json<{ index: number; text: string }[]>(await ask({ return_text: true }));
        t.ok(ranks.every(({ index, text }) => text === [A, B][index]));
      },
    },
  },
  {
    path: '/similarity',
    plain: { inputs: { source_sentence: A, sentences: [A, B] } },
    cases: {
      'inputs.source_sentence': async (ask, t) => {
        const [same, other] = json<[number, number]>(await ask({}));
        t.ok(Math.abs(same - 1) < 1e-6 && other < same);
      },
      'inputs.sentences': async (ask, t) => {
        t.equal(json<number[]>(await ask({ inputs: { source_sentence: A, sentences: [B] } })).length, 1);
      },
      ...Object.fromEntries(
        Object.entries({
          ...truncationCases(ofSimilarity, parameters => ({ parameters })),
          prompt_name: promptCase(prompted, parameters => ({ parameters })),
        }).map(([name, check]) => [`parameters.${name}`, check]),
      ),
    },
  },
  {
    path: '/tokenize',
    plain: { inputs: A },
    cases: {
      inputs: async (ask, t) => {
        const [tokens] = json<{ id: number; text: string; special: boolean; start: number | null }[][]>(
          await ask({}),
        );
        t.strictSame(
          tokens!.map(({ text, special, start }) => [text, special, start]),
          [
            ['[CLS]', true, null],
            ['a', false, 0],
            ['b', false, 2],
            ['c', false, 4],
            ['[SEP]', true, null],
          ],
        );
        t.equal(json<unknown[]>(await ask({ inputs: [A, B] })).length, 2);
      },
      add_special_tokens: async (ask, t) => {
        t.equal(json<unknown[][]>(await ask({ add_special_tokens: false }))[0]!.length, 3);
      },
      prompt_name: promptCase(inputs),
    },
  },
  {
    path: '/decode',
    plain: { ids: [2, 5, 3] },
    cases: {
      ids: async (ask, t) => {
        const [text] = json<string[]>(await ask({}));
        t.strictSame(json(await ask({ ids: [[2, 5, 3], [5]] })), [text, text]);
      },
      skip_special_tokens: async (ask, t) => {
        t.match(json<string[]>(await ask({ skip_special_tokens: false }))[0], /^\[CLS\] .* \[SEP\]$/);
      },
    },
  },
];

/** A similarity with one text. */
function ofSimilarity(text: string): object {
  return { inputs: { source_sentence: A, sentences: [text] } };
}

/** A similarity whose texts both begin with what stands before the text. */
function prompted(text: string): object {
  return { inputs: { source_sentence: text.replace(A, B), sentences: [text] } };
}

for (const contract of contracts)
  checkContract(t, url, { ...contract, fields: teiPeerFields[contract.path]! });

t.test('every table has its contract', async t => {
  t.strictSame(contracts.map(({ path }) => path).sort(), Object.keys(teiPeerFields).sort());
});

t.test('statuses and types of errors', async t => {
  const cases: [path: string, body: unknown, status: number, type: string][] = [
    ['/embed', { inputs: LONG }, 422, 'Validation'],
    ['/embed', { inputs: Array(2049).fill('a') }, 413, 'Validation'],
    ['/embed', { inputs: [] }, 400, 'Empty'],
    ['/embed', { inputs: '' }, 400, 'Empty'],
    ['/embed', { inputs: [9999] }, 422, 'Tokenizer'],
    ['/', { inputs: [9999] }, 422, 'Tokenizer'],
    ['/invocations', { inputs: LONG }, 422, 'Validation'],
  ];
  for (const [path, body, status, error_type] of cases) {
    const response = await fetch(url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    t.equal(response.status, status, `${path} ${error_type}`);
    t.match(await response.json(), { error: String, error_type });
  }
});

t.test('what clients ask before they send texts', async t => {
  for (const path of ['/health', '/ping']) t.equal((await fetch(url + path)).status, 200, path);
  t.match(await (await fetch(`${url}/info`)).json(), {
    model_id: 'embedding',
    model_type: { embedding: {} },
    max_input_length: CONTEXT,
    max_client_batch_size: 2048,
    auto_truncate: false,
  });
});
