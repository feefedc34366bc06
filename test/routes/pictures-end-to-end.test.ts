import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t, { type Test } from 'tap';
import { loadModel } from '#registry/load.js';
import { readCard } from '#registry/read-card.js';
import { Registry } from '#registry/registry.js';
import type { Model } from '#registry/types.js';
import type { TowersModel } from '#registry/vision-types.js';
import { activate } from '#results/scores.js';
import { cosine, normalize } from '#results/vectors.js';
import { Environment } from '#runtime/index.js';
import { startServer } from '#test/support/http-server.js';
import { jsonClient } from '#test/support/json-client.js';
import { dataUrl, pngOf } from '#test/support/png.js';
import { WORD_PIECE } from '#test/support/tiny-tokenizers.js';
import {
  copyFixture,
  difference,
  readVisionFixture,
  type VisionFixture,
} from '#test/support/vision-fixtures.js';
import type { Picture } from '#vision/types.js';

const environment = new Environment({ logLevel: 'fatal' });
const root = t.testdir();

interface Answer {
  readonly data: readonly {
    readonly embedding: readonly number[];
    readonly probs: readonly number[];
    readonly score: number;
  }[];
  readonly outputs: readonly { readonly name: string; readonly data: readonly number[] }[];
  readonly usage: { readonly total_tokens: number };
}

/** Loads a fixture, and demands that it is what its card said before. */
async function load(t: Test, fixture: VisionFixture): Promise<Model> {
  const folder = await copyFixture(fixture, path.join(root, fixture.name));
  await writeFile(path.join(folder, 'tokenizer.json'), JSON.stringify(WORD_PIECE));
  const card = await readCard(folder, { withTokenizer: true });
  const model = await loadModel(environment, folder, { slots: 1, session: { intraOpThreads: 1 } });
  t.strictSame(model.card, card, fixture.name);
  return model;
}

/** A picture of that edge with another one in its middle. */
function framed({ width, height, pixels }: Picture, edge: number): Picture {
  const all = new Uint8Array(3 * edge * edge).fill(9);
  const [left, top] = [(edge - width) >> 1, (edge - height) >> 1];
  for (let y = 0; y < height; y++)
    all.set(pixels.subarray(3 * y * width, 3 * (y + 1) * width), 3 * ((top + y) * edge + left));
  return { width: edge, height: edge, pixels: all };
}

const [classes, clip] = await Promise.all(['vit-classes', 'clip'].map(readVisionFixture));
const [classifier, towers] = [await load(t, classes!), (await load(t, clip!)) as TowersModel];
const { url } = await startServer(t, { registry: new Registry([classifier, towers]) });
const post = jsonClient(url);

const close = (t: Test, actual: ArrayLike<number>, wanted: ArrayLike<number>, name: string): void => {
  const error = difference(actual, wanted);
  t.ok(error < 2e-5, `${name}: ${error.toExponential(1)}`);
};

t.test('classes are those of transformers, from files as from pixels', async t => {
  const { pictures, values } = classes!;
  const files = pictures.map(picture => pngOf(picture));
  const input = files.map(file => ({ image: dataUrl(file) }));
  const { body } = await post<Answer>('/v1/classify', { model: 'vit-classes', input, raw_scores: true });
  body.data.forEach(({ probs }, i) => close(t, probs, values[i]!, `picture ${i}`));
  // 3 by 3 patches, and the class token.
  t.equal(body.usage.total_tokens, 10 * pictures.length);

  const { width, height } = pictures[0]!;
  const shape = [pictures.length, height, width, 3];
  const data = pictures.flatMap(({ pixels }) => [...pixels]);
  const asked = async (tensor: object): Promise<readonly number[]> =>
    (await post<Answer>('/v2/models/vit-classes/infer', { inputs: [tensor] })).body.outputs[0]!.data;
  const flat = values.flatMap(row => [...row]);
  close(t, await asked({ name: 'pixel_values', datatype: 'UINT8', shape, data }), flat, 'pixels');
  const encoded = files.map(file => file.toString('base64'));
  const tensor = { name: 'image', datatype: 'BYTES', shape: [files.length], data: encoded };
  close(t, await asked(tensor), flat, 'files as base64');

  const elements = files.flatMap(file => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(file.length);
    return [length, file];
  });
  const bytes = Buffer.concat(elements);
  const head = JSON.stringify({
    inputs: [{ ...tensor, data: undefined, parameters: { binary_data_size: bytes.length } }],
  });
  const binary = async (rest: Uint8Array): Promise<{ status: number; body: Answer & { error?: string } }> => {
    const response = await fetch(`${url}/v2/models/vit-classes/infer`, {
      method: 'POST',
      headers: {
        'content-type': 'application/octet-stream',
        'inference-header-content-length': String(head.length),
      },
      body: Buffer.concat([Buffer.from(head), rest]),
    });
    return { status: response.status, body: (await response.json()) as Answer };
  };
  close(t, (await binary(bytes)).body.outputs[0]!.data, flat, 'files as bytes');
  t.match(await binary(bytes.subarray(0, -1)), { status: 400, body: { error: /ends within an element/ } });
  t.match(await (await fetch(`${url}/v2/models/vit-classes`)).json(), {
    inputs: [
      { name: 'pixel_values', datatype: 'UINT8', shape: [-1, height, width, 3] },
      { name: 'image', datatype: 'BYTES', shape: [-1] },
    ],
    outputs: [{ name: 'logits', datatype: 'FP32', shape: [-1, 5] }],
  });
});

t.test('two towers', async t => {
  const { pictures, values, towers: texts } = clip!;
  // The folder says: the shorter edge to 30, and of that the middle.
  const images = pictures.map(picture => ({ image: dataUrl(pngOf(framed(picture, 30))) }));
  const input = [...texts!.texts, ...images];
  const { body } = await post<Answer>('/v1/embeddings', { model: 'clip', input });
  const expected = [...texts!.values, ...values].map(normalize);
  body.data.forEach(({ embedding }, i) => close(t, embedding, expected[i]!, `input ${i}`));

  const { scale, bias } = towers.similarity!;
  const vectors = body.data.map(({ embedding }) => Float32Array.from(embedding));
  const seen = vectors.slice(texts!.texts.length);
  texts!.logits.forEach((row, i) =>
    close(
      t,
      seen.map(vector => scale * cosine(vectors[i]!, vector) + bias),
      row,
      `logits of text ${i}`,
    ),
  );

  const labels = ['a', 'b c'];
  const own = (await post<Answer>('/v1/embeddings', { model: 'clip', input: labels })).body.data;
  const logits = seen.map(picture =>
    own.map(({ embedding }) => scale * cosine(picture, Float32Array.from(embedding)) + bias),
  );
  const { body: sorted } = await post<Answer>('/v1/classify', {
    input: images,
    candidate_labels: labels,
    hypothesis_template: '{}',
  });
  sorted.data.forEach(({ probs }, i) => close(t, probs, activate(logits[i]!, 'softmax'), `picture ${i}`));
  const pairs = { text_1: images[0], text_2: labels, raw_scores: true };
  const { body: scored } = await post<Answer>('/v1/score', pairs);
  close(
    t,
    scored.data.map(({ score }) => score),
    logits[0]!,
    'raw scores',
  );
});

t.test('batching changes nothing', async t => {
  const { pictures } = classes!;
  const inputs = Array.from({ length: 24 }, (_, i) => ({
    image: dataUrl(pngOf(pictures[i % pictures.length]!)),
  }));
  const [together, ...alone] = await Promise.all([
    post<Answer>('/v1/classify', { input: inputs, raw_scores: true }),
    ...inputs.map(input => post<Answer>('/v1/classify', { input, raw_scores: true })),
  ]);
  alone.forEach(({ body }, i) => close(t, body.data[0]!.probs, together.body.data[i]!.probs, `${i}`));
});

t.test('a preprocessor that is not known is refused, before the model is loaded and after', async t => {
  const folder = await copyFixture(classes!, t.testdir());
  const file = path.join(folder, 'preprocessor_config.json');
  const fields = JSON.parse(await readFile(file, 'utf8')) as object;
  await writeFile(file, JSON.stringify({ ...fields, resample: 99 }));
  const refusal = await readCard(folder).then(
    () => t.fail('it was read'),
    (error: Error) => error,
  );
  t.match(refusal, { name: 'KvasirError', message: /resample/ });
  await t.rejects(loadModel(environment, folder, { slots: 1 }), refusal as Error);
});
