import t, { type Test } from 'tap';
import { Registry } from '#registry/registry.js';
import { activate } from '#results/scores.js';
import { cosine, normalize } from '#results/vectors.js';
import { fakeEncoderModel, waves } from '#test/support/fake-encoder-service.js';
import {
  fakeTowersModel,
  fakeVisionModel,
  PICTURE_TOKENS,
  SIMILARITY,
} from '#test/support/fake-vision-model.js';
import { startServer } from '#test/support/http-server.js';
import { dataUrl, plainPng } from '#test/support/png.js';

const RED = dataUrl(plainPng([255, 0, 0]));
const BLUE = dataUrl(plainPng([0, 0, 255], 30, 10));
const GREY = dataUrl(plainPng([51, 51, 51], 3, 3));

/** What the fake models make of them. */
const [red, blue, grey] = [
  [1, 0, 0, 0.25],
  [0, 0, 1, 0.25],
  [0.2, 0.2, 0.2, 0.25],
].map(values => Float32Array.from(values)) as [Float32Array, Float32Array, Float32Array];

const reader = fakeEncoderModel('embedding');
const classifier = fakeEncoderModel('sequence-classification', { labels: ['a', 'b', 'c', 'd'] });
const towers = fakeTowersModel();
const models = [
  reader,
  classifier,
  fakeVisionModel('image-classification'),
  fakeVisionModel('image-embedding'),
  towers,
  fakeTowersModel({ id: 'silent', similarity: undefined }),
];

const text = (words: string): Float32Array =>
  Float32Array.from(waves({ ids: towers.tokenizer.encode(words) }, 4));

/** Answers of all endpoints in one. */
interface Answer {
  readonly model: string;
  readonly data: readonly {
    readonly embedding: readonly number[];
    readonly probs: readonly number[];
    readonly scores: readonly { readonly label: string }[];
    readonly score: number;
  }[];
  readonly results: readonly {
    readonly index: number;
    readonly relevance_score: number;
    readonly document?: object;
  }[];
  readonly usage: { readonly prompt_tokens: number; readonly total_tokens: number };
}

const asks =
  (url: string) =>
  async (path: string, body: object): Promise<{ status: number; json: Answer }> => {
    const response = await fetch(url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: response.status, json: (await response.json()) as Answer };
  };

const { url } = await startServer(t, { registry: new Registry(models), pictures: { most: 3 } });
const ask = asks(url);

/** Asserts that a request is refused, for a field. */
async function refuses(t: Test, path: string, body: object, param: string, message: RegExp | string = /./) {
  const { status, json } = await ask(path, body);
  t.match(json, { error: { param, message } });
  t.ok(status === 400 || status === 404, `${status}`);
}

const near = (t: Test, values: readonly number[], expected: ArrayLike<number>): void => {
  t.equal(values.length, expected.length);
  values.forEach((value, i) => t.ok(Math.abs(value - expected[i]!) < 1e-6, `${value} for ${expected[i]}`));
};

t.test('embeddings of pictures, in every form that clients send', async t => {
  const forms: readonly object[] = [
    { input: { image: RED } },
    { input: [{ image: RED }] },
    { input: [{ image: RED.slice(RED.indexOf(',') + 1) }] },
    { input: [{ type: 'image_url', image_url: { url: RED } }] },
    { input: [{ type: 'image_url', image_url: RED, text: null }] },
    { input: [{ type: 'input_image', image_url: RED, detail: 'low' }] },
    { input: [{ content: [{ type: 'image_url', image_url: { url: RED, detail: 'high' } }] }] },
    { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: RED } }] }] },
    {
      messages: [
        { role: 'system', content: '' },
        {
          role: 'user',
          content: [
            { type: 'text', text: '' },
            { type: 'image_url', image_url: { url: RED } },
          ],
        },
      ],
    },
  ];
  for (const form of forms) {
    const { json } = await ask('/v1/embeddings', { model: 'image-embedding', ...form });
    t.match(
      json,
      { object: 'list', model: 'image-embedding', data: [{ index: 0 }] },
      JSON.stringify(form).slice(0, 90),
    );
    near(t, json.data[0]!.embedding, normalize(red));
    t.strictSame(json.usage, { prompt_tokens: PICTURE_TOKENS, total_tokens: PICTURE_TOKENS });
  }
});

t.test('texts and pictures in one list', async t => {
  const input = [{ text: 'a b' }, { image: RED }, 'the token', { image: BLUE }, [5, 6]];
  const { json } = await ask('/v1/embeddings', { input });
  t.equal(json.model, 'towers', 'the first that reads both');
  const expected = [text('a b'), red, text('the token'), blue, waves({ ids: [5, 6] }, 4)];
  expected.forEach((vector, i) => near(t, json.data[i]!.embedding, normalize(Float32Array.from(vector))));
  t.equal(json.usage.prompt_tokens, 4 + PICTURE_TOKENS + 4 + PICTURE_TOKENS + 2);
  t.equal(
    (await ask('/v1/embeddings', { input: 'a' })).json.model,
    'embedding',
    'a text is for what reads texts',
  );
  t.equal((await ask('/v1/embeddings', { input: [{ image: RED }] })).json.model, 'image-embedding');
  const short = await ask('/v1/embeddings', { model: 'towers', input: [{ image: RED }, 'a'], dimensions: 2 });
  near(t, short.json.data[0]!.embedding, [1, 0]);
});

t.test('classes of pictures', async t => {
  const { json } = await ask('/v1/classify', { input: [{ image: RED }, { image: BLUE }], top_k: 1 });
  t.equal(json.model, 'image-classification');
  t.match(json.data, [
    { index: 0, label: 'red', num_classes: 4 },
    { index: 1, label: 'blue', num_classes: 4 },
  ]);
  near(t, json.data[0]!.probs, activate(red, 'softmax'));
  t.equal(json.data[0]!.scores.length, 1);
  const raw = await ask('/v1/classify', { input: { image: GREY }, raw_scores: true });
  near(t, raw.json.data[0]!.probs, grey);
  t.equal(raw.json.usage.total_tokens, PICTURE_TOKENS);
});

t.test('labels of a request’s own', async t => {
  const labels = ['a', 'the token'];
  const texts = labels.map(label => text(`the ${label} b`));
  const logits = texts.map(vector => SIMILARITY.scale * cosine(blue, vector) + SIMILARITY.bias);
  const body = { input: [{ image: BLUE }], candidate_labels: labels, hypothesis_template: 'the {} b' };
  const { json } = await ask('/v1/classify', body);
  t.equal(json.model, 'towers');
  const probs = activate(logits, 'softmax');
  near(t, json.data[0]!.probs, probs);
  t.strictSame(
    json.data[0]!.scores.map(({ label }) => label),
    probs[0]! > probs[1]! ? labels : [...labels].reverse(),
  );
  near(t, (await ask('/v1/classify', { ...body, use_activation: false })).json.data[0]!.probs, logits);
  const listed = await ask('/v1/classify', { ...body, candidate_labels: 'a, the token' });
  t.strictSame(listed.json.data, json.data);
  const { json: byDefault } = await ask('/v1/classify', { ...body, hypothesis_template: null });
  const { json: written } = await ask('/v1/classify', {
    ...body,
    hypothesis_template: 'This is a photo of {}.',
  });
  t.strictSame(byDefault.data, written.data);
  t.notSame(byDefault.data, json.data);
});

t.test('pairs of texts and pictures', async t => {
  const score = async (fields: object): Promise<number[]> => {
    const { json } = await ask('/v1/score', fields);
    t.match(json, { object: 'list' });
    return json.data.map(one => one.score);
  };
  const vectors = { a: text('a'), b: text('b') };
  near(t, await score({ text_1: 'a', text_2: [{ image: RED }, { image: BLUE }] }), [
    cosine(vectors.a, red),
    cosine(vectors.a, blue),
  ]);
  near(t, await score({ queries: [{ image: RED }], documents: ['a', { text: 'b' }, { image: GREY }] }), [
    cosine(red, vectors.a),
    cosine(red, vectors.b),
    cosine(red, grey),
  ]);
  near(
    t,
    await score({
      data_1: { image: RED },
      data_2: { content: [{ type: 'image_url', image_url: { url: GREY } }] },
    }),
    [cosine(red, grey)],
  );
  near(t, await score({ text_1: { image: RED }, text_2: ['a', { image: GREY }], raw_scores: true }), [
    SIMILARITY.scale * cosine(red, vectors.a) + SIMILARITY.bias,
    cosine(red, grey),
  ]);
});

t.test('pictures in the order of a text, and texts in that of a picture', async t => {
  const documents = [{ image: RED }, { image: BLUE }, { text: 'b' }];
  const scores = [red, blue, text('b')].map(vector => cosine(text('a'), vector));
  const { json } = await ask('/v1/rerank', { model: 'towers', query: 'a', documents });
  const order = [0, 1, 2].sort((a, b) => scores[b]! - scores[a]!);
  t.strictSame(
    json.results.map(({ index }) => index),
    order,
  );
  near(
    t,
    json.results.map(one => one.relevance_score),
    order.map(index => scores[index]!),
  );
  for (const { index, document } of json.results)
    t.strictSame(document, index === 2 ? { text: 'b' } : undefined, 'pictures are not given back unasked');
  const asked = await ask('/v1/rerank', {
    query: { image: RED },
    documents,
    return_documents: true,
    top_n: 1,
  });
  t.match(asked.json.results, [{ index: 0, document: { image: RED } }]);
});

t.test('what cannot be done is said of the field, and of the model', async t => {
  const image = { image: RED };
  await refuses(t, '/v1/embeddings', {}, 'input', 'input is required');
  await refuses(t, '/v1/embeddings', { input: {} }, 'input', /must have one of the fields text, image/);
  await refuses(
    t,
    '/v1/embeddings',
    { input: ['a', { text: 'a', image: RED }] },
    'input[1].image',
    /has both/,
  );
  await refuses(t, '/v1/embeddings', { input: [{ type: 'video_url', text: 'a' }] }, 'input[0].type');
  await refuses(
    t,
    '/v1/embeddings',
    { input: [image, { image: 'data:image/png;base64,AAAA' }] },
    'input[1].image',
  );
  await refuses(t, '/v1/embeddings', { input: [{ image: 'https://example.com/a.png' }] }, 'input[0].image');
  await refuses(t, '/v1/embeddings', { input: [{ image: 'file:///etc/passwd' }] }, 'input[0].image', /file/);
  await refuses(
    t,
    '/v1/embeddings',
    { input: [{ image: 'cid:0' }] },
    'input[0].image',
    /no part of that name/,
  );
  await refuses(t, '/v1/embeddings', { input: [image, image, image, image] }, 'input[3].image', /max_images/);
  await refuses(t, '/v1/embeddings', { input: [image], messages: [{ content: [image] }] }, 'messages');
  await refuses(
    t,
    '/v1/embeddings',
    { messages: [{ content: 'a text' }] },
    'messages[0].content',
    /is a text/,
  );
  await refuses(t, '/v1/embeddings', { messages: [{ content: [image, image] }] }, 'messages', /one picture/);
  await refuses(t, '/v1/embeddings', { input: [image], prompt: 'a ' }, 'prompt', /picture/);
  await refuses(t, '/v1/embeddings', { input: image, dimensions: 5 }, 'dimensions', /<= 4/);
  await refuses(
    t,
    '/v1/embeddings',
    { model: 'embedding', input: image },
    'model',
    /cannot embed pictures: it reads texts/,
  );
  await refuses(
    t,
    '/v1/embeddings',
    { model: 'image-embedding', input: 'a' },
    'model',
    /cannot embed texts: it reads pictures/,
  );
  await refuses(
    t,
    '/v1/embeddings',
    { model: 'image-embedding', input: ['a', image] },
    'model',
    /into one space/,
  );
  await refuses(t, '/v1/classify', { input: ['a', image] }, 'input[0]', /send them apart/);
  await refuses(t, '/v1/classify', { input: [{ ...image, text_pair: 'a' }] }, 'input[0].text_pair');
  await refuses(
    t,
    '/v1/classify',
    { input: image, candidate_labels: ['a'], multi_label: true },
    'multi_label',
    /is for texts/,
  );
  await refuses(t, '/v1/classify', { input: image, candidate_labels: 'a,,b' }, 'candidate_labels[1]');
  await refuses(t, '/v1/classify', { input: image, hypothesis_template: 'a {}' }, 'hypothesis_template');
  await refuses(
    t,
    '/v1/classify',
    { input: image, candidate_labels: ['a'], hypothesis_template: 'a' },
    'hypothesis_template',
  );
  await refuses(t, '/v1/classify', { model: 'towers', input: image }, 'model', /cannot classify pictures/);
  await refuses(
    t,
    '/v1/classify',
    { model: 'silent', input: image, candidate_labels: ['a'] },
    'candidate_labels',
  );
  await refuses(
    t,
    '/v1/classify',
    { model: 'image-classification', input: image, candidate_labels: ['a'] },
    'model',
  );
  await refuses(t, '/v1/score', { model: 'image-embedding', text_1: 'a', text_2: image }, 'model');
  await refuses(t, '/v1/score', { text_1: image, text_2: [image, {}] }, 'text_2[1]');
  await refuses(
    t,
    '/v1/rerank',
    { query: image, documents: ['a', { image: 'nothing!' }] },
    'documents[1].image',
  );
});

t.test('forms with files', async t => {
  const files = { red: new Blob([plainPng([255, 0, 0])]), blue: new Blob([plainPng([0, 0, 255], 30, 10)]) };
  const send = async (
    path: string,
    fields: readonly (readonly [string, string | Blob])[],
    headers: Readonly<Record<string, string>> = {},
  ): Promise<{ status: number; json: Answer }> => {
    const form = new FormData();
    for (const [name, value] of fields)
      if (typeof value === 'string') form.append(name, value);
      else form.append(name, value, 'a.png');
    const response = await fetch(url + path, { method: 'POST', body: form, headers });
    return { status: response.status, json: (await response.json()) as Answer };
  };
  const one = await send('/v1/classify', [
    ['image', files.red],
    ['top_k', '1'],
    ['raw_scores', 'true'],
  ]);
  near(t, one.json.data[0]!.probs, red);
  t.equal(one.json.data[0]!.scores.length, 1);
  const mixed = await send('/v1/embeddings', [
    ['model', 'towers'],
    ['input', 'a b'],
    ['input', files.blue],
    ['input', 'the token'],
  ]);
  [text('a b'), blue, text('the token')].forEach((vector, i) =>
    near(t, mixed.json.data[i]!.embedding, normalize(vector)),
  );
  const referred = await send('/v1/embeddings', [
    ['input', '[{"text": "a b"}, {"image": "cid:sky"}]'],
    ['sky', files.blue],
  ]);
  near(t, referred.json.data[1]!.embedding, normalize(blue));
  const labelled = await send('/v1/classify', [
    ['candidate_labels[]', 'a'],
    ['candidate_labels[]', 'b'],
    ['images[]', files.red],
    ['images[]', files.blue],
  ]);
  const { json } = await ask('/v1/classify', {
    input: [{ image: RED }, { image: BLUE }],
    candidate_labels: ['a', 'b'],
  });
  t.strictSame(labelled.json.data, json.data);
  const ranked = await send('/v1/rerank', [
    ['query', 'a'],
    ['documents', files.red],
    ['documents', files.blue],
  ]);
  const again = await ask('/v1/rerank', { query: 'a', documents: [{ image: RED }, { image: BLUE }] });
  t.strictSame(ranked.json.results, again.json.results);

  t.match((await send('/v1/classify', [['image', new Blob(['no picture'])]])).json, {
    error: { param: 'input.image' },
  });
  t.match((await send('/v1/classify', [['top_k', 'x']])).json, { error: { param: 'top_k' } });
  t.match((await send('/v1/classify', [['image', files.red]], { 'sec-fetch-site': 'cross-site' })).json, {
    error: { message: /another origin/ },
  });
  const chunked = await fetch(`${url}/v1/classify`, {
    method: 'POST',
    headers: { 'content-type': 'multipart/form-data; boundary=x' },
    body: new Blob([
      '--x\r\ncontent-disposition: form-data; name="image"; filename="a"\r\n\r\n',
      plainPng([255, 0, 0]),
      '\r\n--x--\r\n',
    ]).stream(),
    duplex: 'half',
  });
  t.match(await chunked.json(), { data: [{ label: 'red' }] });
});

t.test('a form of ids and texts alone is as JSON', async t => {
  const form = new FormData();
  form.append('input', '[5, 6]');
  const response = await fetch(`${url}/v1/embeddings`, { method: 'POST', body: form });
  const { json } = await ask('/v1/embeddings', { input: [5, 6] });
  t.strictSame(((await response.json()) as Answer).data, json.data);
});

t.test('nothing is left behind', async t => {
  for (const { encoder } of models) t.equal(encoder.reserved + encoder.running, 0);
});

t.test('the list of models says what they read', async t => {
  const { url } = await startServer(t, { registry: new Registry(models.slice(2, 5)) });
  const { data } = (await (await fetch(`${url}/v1/models`)).json()) as { data: object[] };
  t.match(data, [
    { task: 'image-classification', input_modalities: ['image'], capabilities: ['classify'] },
    { task: 'image-embedding', input_modalities: ['image'], capabilities: ['embeddings', 'score', 'rerank'] },
    {
      task: 'zero-shot-image-classification',
      max_model_len: 32,
      input_modalities: ['text', 'image'],
      capabilities: ['embeddings', 'score', 'rerank', 'classify'],
    },
  ]);
});
