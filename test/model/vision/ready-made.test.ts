import { cp, mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { readModelFolder } from '#model/folder.js';
import { inspectModel } from '#model/inspect.js';
import { loadTowers } from '#model/vision/load-towers.js';
import { loadVision } from '#model/vision/load-vision.js';
import { Environment } from '#runtime/index.js';
import { copyFixture, difference, readVisionFixture } from '#test/support/vision-fixtures.js';

const EXPORTS = fileURLToPath(new URL('../../../../test/fixtures/vision-exports/', import.meta.url));
const environment = new Environment({ logLevel: 'fatal' });

/** A fixture's folder with graphs in place of its weights, as transformers.js has them. */
async function exported(t: Test, name: string): Promise<string> {
  const folder = await copyFixture(await readVisionFixture(name), t.testdir());
  await rm(path.join(folder, 'model.safetensors'));
  await mkdir(path.join(folder, 'onnx'));
  await cp(path.join(EXPORTS, name), path.join(folder, 'onnx'), { recursive: true });
  return folder;
}

for (const name of ['vit', 'vit-classes'])
  t.test(`${name} as it was exported`, async t => {
    const fixture = await readVisionFixture(name);
    const folder = await exported(t, name);
    const { encoder, path: how } = await loadVision(environment, folder);
    t.teardown(() => encoder.dispose());
    t.equal(how.kind, 'ready-made');
    const { width, height } = fixture.pictures[0]!;
    t.ok(encoder.takes(width, height));
    t.equal(encoder.tokensOf(width, height), 1 + (width * height) / 16);
    const results = await encoder.run(fixture.pictures);
    results.forEach(({ values, rows }, i) => {
      t.equal(rows, 1);
      t.equal(values.length, encoder.width);
      t.ok(difference(values, fixture.values[i]!) < 2e-5, `picture ${i}`);
    });
    t.match(await inspectModel(folder, { slots: 1 }), {
      kind: 'vision',
      graphs: [{ file: path.join('onnx', 'model.onnx'), inputs: [{ name: 'pixel_values' }] }],
    });
  });

for (const name of ['clip', 'siglip'])
  t.test(`${name} as it was exported`, async t => {
    const fixture = await readVisionFixture(name);
    const { texts, values, logits } = fixture.towers!;
    const folder = await exported(t, name);
    const { vision, text, similarity } = await loadTowers(environment, folder);
    t.teardown(() => {
      vision.dispose();
      text.dispose();
    });
    const pictures = await vision.run(fixture.pictures);
    pictures.forEach((picture, i) =>
      t.ok(difference(picture.values, fixture.values[i]!) < 2e-5, `picture ${i}`),
    );
    const vectors = await text.run(texts.map(ids => ({ ids })));
    vectors.forEach((vector, i) => {
      t.ok(difference(vector.values, values[i]!) < 2e-5, `text ${i}, of another length than others`);
      const scores = pictures.map(
        picture =>
          similarity!.scale * picture.values.reduce((sum, value, k) => sum + value * vector.values[k]!, 0) +
          similarity!.bias,
      );
      t.ok(difference(scores, logits[i]!) < 1e-4, 'logits by the scale of the graph of both towers');
    });
    t.equal(similarity!.activation, name === 'clip' ? 'softmax' : 'sigmoid');
    await rm(path.join(folder, 'onnx', 'model.onnx'));
    const alone = await loadTowers(environment, folder);
    alone.vision.dispose();
    alone.text.dispose();
    t.strictSame(
      alone.similarity,
      name === 'clip' ? { scale: 100, bias: 0, activation: 'softmax' } : undefined,
      'without it, nothing tells the scale: that of all CLIPs is known',
    );
  });

t.test('a graph by its precision', async t => {
  const folder = await exported(t, 'vit-classes');
  await rename(path.join(folder, 'onnx', 'model.onnx'), path.join(folder, 'onnx', 'model_quantized.onnx'));
  t.match(await readModelFolder(folder, { precision: 'int8' }), { kind: 'vision', plan: { source: 'onnx' } });
  await t.rejects(readModelFolder(folder, { precision: 'f16', format: 'onnx' }), {
    code: 'unsupported_model',
    message: /no ONNX graphs of pictures of precision f16/,
  });
});

t.test('a graph that is not what the folder says', async t => {
  const folder = await exported(t, 'vit-classes');
  await cp(path.join(EXPORTS, 'clip', 'text_model.onnx'), path.join(folder, 'onnx', 'model.onnx'));
  await t.rejects(readModelFolder(folder), { code: 'unsupported_model', message: /input 'input_ids'/ });
  await cp(path.join(EXPORTS, 'vit', 'model.onnx'), path.join(folder, 'onnx', 'model.onnx'));
  await t.rejects(readModelFolder(folder), { code: 'unsupported_model', message: /last_hidden_state/ });
});

t.test('one tower alone', async t => {
  const folder = await exported(t, 'clip');
  await rm(path.join(folder, 'onnx', 'text_model.onnx'));
  await t.rejects(readModelFolder(folder, { format: 'onnx' }), { code: 'unsupported_model' });
});
