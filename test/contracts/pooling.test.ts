import t from 'tap';
import { classifyPeerFields } from '#routes/openai/classify/peer-fields.js';
import { embeddingsPeerFields } from '#routes/openai/embeddings/peer-fields.js';
import { rerankPeerFields } from '#routes/openai/rerank/peer-fields.js';
import { scorePeerFields } from '#routes/openai/score/peer-fields.js';
import { checkContract, type Answer, type Ask, type FieldCase } from './contract.js';
import { A, B, BLUE, CONTEXT, json, LONG, RED, startEncoders } from './encoder-models.js';

const url = await startEncoders(t);

const tokens = (answer: Answer): number =>
  json<{ usage: { total_tokens: number } }>(answer).usage.total_tokens;

/**
 * Fields that vLLM has on all routes of encoders.
 *
 * @param texts the fields of a request with one text, or one text beside short ones.
 * @param result what an answer says of the texts.
 */
function poolingCases(
  texts: (text: string) => object,
  result: (answer: Answer) => unknown,
): Readonly<Record<string, FieldCase>> {
  const ofLong = async (ask: Ask, fields: object): Promise<Answer> => ask({ ...texts(LONG), ...fields });
  return {
    model: async (ask, t) => {
      t.match(json(await ask({ model: 'nobody' })), { error: { code: 'model_not_found', param: 'model' } });
    },
    truncate_prompt_tokens: async (ask, t) => {
      t.equal((await ofLong(ask, {})).status, 400);
      const cut = await ofLong(ask, { truncate_prompt_tokens: 8 });
      const whole = await ofLong(ask, { truncate_prompt_tokens: -1 });
      t.equal(cut.status, 200);
      t.ok(tokens(cut) < tokens(whole));
      t.equal((await ofLong(ask, { truncate_prompt_tokens: CONTEXT + 1 })).status, 400);
    },
    truncation_side: async (ask, t) => {
      const sides = await Promise.all(
        ['left', 'right', null].map(side =>
          ofLong(ask, { truncate_prompt_tokens: 8, truncation_side: side }),
        ),
      );
      const [left, right, unsaid] = sides.map(result);
      t.notSame(left, right);
      t.strictSame(unsaid, right);
    },
    add_special_tokens: async (ask, t) => {
      const [plain, none] = [await ask(texts(A)), await ask({ ...texts(A), add_special_tokens: false })];
      t.ok(tokens(none) < tokens(plain));
      t.notSame(result(none), result(plain));
    },
  };
}

/** A conversation of one picture, as vLLM's clients send it, is that picture. */
const pictureAsMessages =
  (model: string, result: (answer: Answer) => unknown): FieldCase =>
  async (ask, t) => {
    const parts = (url: string) => [{ type: 'image_url', image_url: { url } }];
    const messages = (url: string) => [{ role: 'user', content: parts(url) }];
    const asked = async (url: string) => result(await ask({ model, input: null, messages: messages(url) }));
    t.strictSame(await asked(RED), result(await ask({ model, input: [{ image: RED }] })));
    t.notSame(await asked(RED), await asked(BLUE));
  };

const embeddings = (answer: Answer): (number[] | string)[] =>
  json<{ data: { embedding: number[] | string }[] }>(answer).data.map(({ embedding }) => embedding);
const vector = (answer: Answer): number[] => embeddings(answer)[0] as number[];
const bytes = (answer: Answer): Buffer => Buffer.from(embeddings(answer)[0] as string, 'base64');
const length = (answer: Answer): number => Math.hypot(...vector(answer));

checkContract(t, url, {
  path: '/v1/embeddings',
  plain: { model: 'embedding', input: A },
  fields: embeddingsPeerFields,
  cases: {
    ...poolingCases(input => ({ input }), embeddings),
    input: async (ask, t) => {
      const [a] = embeddings(await ask({ input: A }));
      const [b] = embeddings(await ask({ input: B }));
      const [ids] = embeddings(await ask({ input: [5, 6] }));
      t.strictSame(embeddings(await ask({ input: [A, B] })), [a, b]);
      t.strictSame(embeddings(await ask({ input: [[5, 6]] })), [ids]);
      t.strictSame(embeddings(await ask({ input: [B, [5, 6], A] })), [b, ids, a]);
    },
    messages: pictureAsMessages('towers', embeddings),
    encoding_format: async (ask, t) => {
      const floats = vector(await ask({ encoding_format: 'float' }));
      const base64 = bytes(await ask({ encoding_format: 'base64' }));
      t.strictSame(
        floats.map((_, i) => base64.readFloatLE(4 * i)),
        floats,
      );
      for (const encoding_format of ['bytes', 'bytes_only']) {
        const raw = await ask({ encoding_format });
        t.match(raw, { status: 200, type: 'application/octet-stream' });
      }
    },
    dimensions: async (ask, t) => {
      const answer = await ask({ dimensions: 2 });
      t.equal(vector(answer).length, 2);
      t.ok(Math.abs(length(answer) - 1) < 1e-6);
      t.equal((await ask({ dimensions: 5 })).status, 400);
    },
    embed_dtype: async (ask, t) => {
      const encoded = async (embed_dtype: string): Promise<Buffer> =>
        bytes(await ask({ encoding_format: 'base64', embed_dtype }));
      t.equal((await encoded('float32')).length, 16);
      t.equal((await encoded('float16')).length, 8);
      t.strictSame([...(await encoded('bfloat16'))].length, 8);
      t.equal((await ask({ embed_dtype: 'fp8_e4m3' })).status, 400, 'not offered');
    },
    endianness: async (ask, t) => {
      const encoded = async (endianness: string): Promise<Buffer> =>
        bytes(await ask({ encoding_format: 'base64', endianness }));
      t.strictSame((await encoded('big')).swap32(), await encoded('little'));
    },
    prompt_name: async (ask, t) => {
      t.strictSame(vector(await ask({ prompt_name: 'query' })), vector(await ask({ input: `the ${A}` })));
      t.equal((await ask({ prompt_name: 'nobody' })).status, 400);
    },
    task: async (ask, t) => {
      t.strictSame(vector(await ask({ task: 'retrieval.query' })), vector(await ask({ input: `the ${A}` })));
      t.equal((await ask({ task: 'separation' })).status, 400);
    },
    normalize: async (ask, t) => {
      t.ok(Math.abs(length(await ask({})) - 1) < 1e-6);
      t.ok(Math.abs(length(await ask({ normalize: false })) - 1) > 1e-3);
    },
    use_activation: async (ask, t) => {
      t.strictSame(vector(await ask({ use_activation: false })), vector(await ask({ normalize: false })));
    },
    truncate: async (ask, t) => {
      t.equal((await ask({ input: LONG, truncate: false })).status, 400);
      t.equal(tokens(await ask({ input: LONG, truncate: true })), CONTEXT);
    },
  },
});

const probs = (answer: Answer): number[][] =>
  json<{ data: { probs: number[] }[] }>(answer).data.map(data => data.probs);

checkContract(t, url, {
  path: '/v1/classify',
  plain: { model: 'classifier', input: A },
  fields: classifyPeerFields,
  cases: {
    ...poolingCases(input => ({ input }), probs),
    messages: pictureAsMessages('image-classification', probs),
    input: async (ask, t) => {
      const [a] = probs(await ask({ input: A }));
      const [ids] = probs(await ask({ input: [5, 6] }));
      t.strictSame(probs(await ask({ input: [A, [5, 6]] })), [a, ids]);
      t.strictSame(probs(await ask({ input: [[5, 6]] })), [ids]);
      t.match(json(await ask({})), {
        id: String,
        object: 'list',
        created: Number,
        model: 'classifier',
        data: [{ index: 0, label: String, probs: [Number, Number, Number], num_classes: 3 }],
        usage: { prompt_tokens: 5, total_tokens: 5 },
      });
    },
    use_activation: async (ask, t) => {
      const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);
      t.ok(Math.abs(sum(probs(await ask({ use_activation: true }))[0]!) - 1) < 1e-6);
      t.ok(Math.abs(sum(probs(await ask({ use_activation: false }))[0]!) - 1) > 1e-3);
    },
  },
});

/** An instruction is read by a model that is told it, and refused by others. */
const instructionCase =
  (read: (answer: Answer) => unknown): FieldCase =>
  async (ask, t) => {
    const of = async (fields: object): Promise<unknown> =>
      read(await ask({ model: 'instructed', ...fields }));
    const plain = await of({});
    t.strictSame(await of({ instruction: '' }), plain);
    t.notSame(await of({ instruction: 'token' }), plain);
    t.strictSame(await of({ instruction: 'the ' }), await of({ prompt_name: 'query' }));
    t.strictSame(
      await of({ instruction: 'token', prompt_name: 'query' }),
      await of({ instruction: 'token' }),
    );
    t.match(await ask({ model: 'instructed', prompt_name: 'nobody' }), { status: 400 });
    for (const fields of [{ instruction: 'token' }, { prompt_name: 'query' }])
      t.match(await ask(fields), { status: 400, text: /is not told what documents/ });
  };

const scores = (answer: Answer): number[] =>
  json<{ data: { score: number }[] }>(answer).data.map(data => data.score);
const plainPair = { text_1: A, text_2: [B, A] };

/** The same texts in other fields. */
const sameAs =
  (fields: object): FieldCase =>
  async (ask, t) => {
    const none = { text_1: null, text_2: null };
    t.strictSame(scores(await ask({ ...none, ...fields })), scores(await ask({})));
  };

checkContract(t, url, {
  path: '/v1/score',
  plain: { model: 'ranker', ...plainPair },
  fields: scorePeerFields,
  cases: {
    ...poolingCases(text_2 => ({ text_2 }), scores),
    text_1: async (ask, t) => {
      t.strictSame(scores(await ask({ text_1: [A, A] })), scores(await ask({})));
      t.equal((await ask({ text_1: [A, A, A] })).status, 400);
    },
    text_2: async (ask, t) => {
      t.strictSame(scores(await ask({ text_2: B })), scores(await ask({})).slice(0, 1));
    },
    queries: sameAs({ queries: A, documents: [B, A] }),
    documents: sameAs({ queries: [A, A], documents: [B, A] }),
    items: sameAs({ queries: A, items: [B, A] }),
    instruction: instructionCase(scores),
    data_1: sameAs({ data_1: A, data_2: [B, A] }),
    data_2: sameAs({ data_1: [A, A], data_2: [B, A] }),
    use_activation: async (ask, t) => {
      const [logit] = scores(await ask({ use_activation: false }));
      const [score] = scores(await ask({ use_activation: true }));
      t.ok(Math.abs(score! - 1 / (1 + Math.exp(-logit!))) < 1e-6);
    },
  },
});

interface Ranked {
  readonly index: number;
  readonly relevance_score: number;
  readonly document?: { readonly text?: string };
}

const ranked = (answer: Answer): Ranked[] => json<{ results: Ranked[] }>(answer).results;

/** Pictures among the documents, in one of the forms that peers have. */
const picturesAs =
  (form: (url: string) => object): FieldCase =>
  async (ask, t) => {
    const documents = [RED, BLUE].map(form);
    const results = ranked(await ask({ model: 'towers', documents, return_documents: true }));
    const plain = ranked(await ask({ model: 'towers', documents: [{ image: RED }, { image: BLUE }] }));
    t.strictSame(
      results.map(({ index, relevance_score: score }) => [index, score]),
      plain.map(({ index, relevance_score: score }) => [index, score]),
    );
    t.strictSame(
      results.map(({ document }) => document),
      results.map(({ index }) => documents[index]),
    );
  };

checkContract(t, url, {
  path: '/v1/rerank',
  plain: { model: 'ranker', query: A, documents: [{ text: A }, { text: B }] },
  fields: rerankPeerFields,
  cases: {
    ...poolingCases(text => ({ documents: [text] }), ranked),
    query: async (ask, t) => {
      t.notSame(ranked(await ask({ query: B })), ranked(await ask({})));
    },
    documents: async (ask, t) => {
      const results = ranked(await ask({ documents: [A, B] }));
      t.strictSame(results, ranked(await ask({})));
      t.ok(results[0]!.relevance_score >= results[1]!.relevance_score);
      t.strictSame(
        results.map(({ index, document }) => [A, B][index] === document!.text),
        [true, true],
      );
    },
    instruction: instructionCase(ranked),
    'documents[].image': picturesAs(image => ({ image })),
    'documents[].image_url': picturesAs(image_url => ({ image_url })),
    'documents[].content': picturesAs(url => ({ content: [{ type: 'image_url', image_url: { url } }] })),
    top_n: async (ask, t) => {
      t.equal(ranked(await ask({ top_n: 1 })).length, 1);
      for (const top_n of [0, 9]) t.equal(ranked(await ask({ top_n })).length, 2);
    },
    return_documents: async (ask, t) => {
      t.ok(ranked(await ask({ return_documents: false })).every(({ document }) => document === undefined));
    },
    use_activation: async (ask, t) => {
      const [logit] = ranked(await ask({ use_activation: false }));
      const [score] = ranked(await ask({}));
      t.ok(Math.abs(score!.relevance_score - 1 / (1 + Math.exp(-logit!.relevance_score))) < 1e-6);
    },
  },
});
