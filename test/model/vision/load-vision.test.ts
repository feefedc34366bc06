import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t, { type Test } from 'tap';
import { describe } from '#cli/inspect.js';
import { readModelFolder } from '#model/folder.js';
import { inspectModel } from '#model/inspect.js';
import { buildModel } from '#model/build.js';
import { loadTowers } from '#model/vision/load-towers.js';
import { loadVision } from '#model/vision/load-vision.js';
import type { VisionEncoder } from '#model/vision/contract.js';
import { Environment } from '#runtime/index.js';
import { pictureResult, textResult } from '#test/reference/vision.js';
import { readSafetensors } from '#test/support/safetensors.js';
import {
  copyFixture,
  difference,
  readVisionFixture,
  readVisionFixtures,
  type VisionFixture,
} from '#test/support/vision-fixtures.js';

const environment = new Environment({ logLevel: 'fatal' });
/** As `test/fixtures/make_vision.py` pads. */
const PADDING = 4;

async function checkPictures(t: Test, fixture: VisionFixture, encoder: VisionEncoder): Promise<void> {
  const { config, pictures, values, pixels, folder } = fixture;
  const tensors = await readSafetensors(path.join(folder, 'model.safetensors'));
  const results = await encoder.run(pictures);
  for (const [i, picture] of pictures.entries()) {
    const { values: own, rows, width } = results[i]!;
    t.same([rows, width, own.length], [1, encoder.width, encoder.width]);
    const error = difference(own, values[i]!);
    t.ok(error < 2e-5, `picture ${i} is that of transformers: ${error.toExponential(1)}`);
    const exact = difference(own, pictureResult(config, tensors, picture, pixels));
    t.ok(exact < 2e-5, `picture ${i} is that of the formulas: ${exact.toExponential(1)}`);
    const [alone] = await encoder.run([picture]);
    t.ok(difference(alone!.values, own) < 1e-6, 'it does not depend on the batch');
  }
}

for (const fixture of await readVisionFixtures()) {
  const { name, config, towers } = fixture;
  if (towers === undefined)
    t.test(name, async t => {
      const folder = await copyFixture(fixture, t.testdir());
      const read = await readModelFolder(folder);
      t.equal(read.kind, 'vision');
      t.same(
        read.leftovers?.unknown.filter(tensor => !tensor.startsWith('text_model.')),
        [],
        'all is read',
      );
      const { encoder, description } = await loadVision(environment, folder);
      t.teardown(() => encoder.dispose());
      const classifies = (config.architectures as string[])[0]!.includes('Classification');
      t.equal(encoder.task, classifies ? 'image-classification' : 'image-embedding');
      t.equal(description.labels.length, classifies ? 5 : 0);
      t.equal(description.activation, classifies ? 'softmax' : 'none');
      const { width, height } = fixture.pictures[0]!;
      t.same(description.size, { width, height });
      t.ok(encoder.takes(width, height));
      t.notOk(encoder.takes(width + 1, height));
      await checkPictures(t, fixture, encoder);
    });
  else
    t.test(name, async t => {
      const folder = await copyFixture(fixture, t.testdir());
      const read = await readModelFolder(folder);
      t.equal(read.kind, 'towers');
      t.same(read.leftovers, { heads: [], unknown: [] }, 'all is read');
      const { vision, text, similarity, description } = await loadTowers(environment, folder);
      t.teardown(() => {
        vision.dispose();
        text.dispose();
      });
      t.equal(description.contextLength, 12);
      await checkPictures(t, fixture, vision);
      const pictures = await vision.run(fixture.pictures);
      const tensors = await readSafetensors(path.join(fixture.folder, 'model.safetensors'));
      const texts = await text.run(towers.texts.map(ids => ({ ids })));
      for (const [i, ids] of towers.texts.entries()) {
        const { values } = texts[i]!;
        t.ok(difference(values, towers.values[i]!) < 2e-5, `text ${i} is that of transformers`);
        const padded =
          config.model_type === 'siglip' ? [...ids, ...Array<number>(12 - ids.length).fill(PADDING)] : ids;
        t.ok(
          difference(values, textResult(config, tensors, padded)) < 2e-5,
          `text ${i} is that of the formulas`,
        );
        const [alone] = await text.run([{ ids }]);
        t.ok(difference(alone!.values, values) < 1e-6, 'it does not depend on the batch');
        const logits = pictures.map(
          ({ values: picture }) =>
            similarity!.scale * picture.reduce((sum, value, k) => sum + value * values[k]!, 0) +
            similarity!.bias,
        );
        t.ok(difference(logits, towers.logits[i]!) < 1e-4, 'logits');
      }
      t.equal(similarity!.activation, config.model_type === 'siglip' ? 'sigmoid' : 'softmax');
    });
}

for (const name of ['vit-classes', 'swin', 'clip', 'siglip'])
  for (const precision of ['int8', 'int4'] as const)
    t.test(`${name} in ${precision}`, async t => {
      const fixture = await readVisionFixture(name);
      const folder = await copyFixture(fixture, t.testdir());
      const encoders =
        fixture.towers === undefined
          ? { vision: (await loadVision(environment, folder, { precision })).encoder, text: undefined }
          : await loadTowers(environment, folder, { precision });
      const { vision, text } = encoders;
      t.teardown(() => {
        vision.dispose();
        text?.dispose();
      });
      const cosine = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
        const [x, y] = [Array.from(a), Array.from(b)];
        const dot = x.reduce((sum, value, i) => sum + value * y[i]!, 0);
        return dot / Math.hypot(...x) / Math.hypot(...y);
      };
      const least = precision === 'int8' ? 0.99 : 0.8;
      const results = await vision.run(fixture.pictures);
      results.forEach(({ values }, i) => {
        const close = cosine(values, fixture.values[i]!);
        t.ok(close > least, `picture ${i}: ${close.toFixed(4)}`);
      });
      for (const [i, picture] of fixture.pictures.entries()) {
        const [alone] = await vision.run([picture]);
        t.ok(difference(alone!.values, results[i]!.values) < 1e-6, 'it does not depend on the batch');
      }
      const texts = (await text?.run(fixture.towers!.texts.map(ids => ({ ids })))) ?? [];
      texts.forEach(({ values }, i) => {
        const close = cosine(values, fixture.towers!.values[i]!);
        t.ok(close > least, `text ${i}: ${close.toFixed(4)}`);
      });
    });

t.test('a folder is built before it is loaded, and told what it is', async t => {
  const vit = await copyFixture(await readVisionFixture('vit-classes'), t.testdir());
  const built = await buildModel(vit, {});
  t.ok(existsSync(built.graphPath));
  t.equal(built.path.kind, 'built');
  const report = await inspectModel(vit, { slots: 1, precision: 'int8' });
  t.equal(report.kind, 'vision');
  t.equal(report.path.precision, 'int8');
  t.match(report.vision, { task: 'image-classification', layers: 2, hiddenSize: 24, tokens: 10 });
  t.match(describe(report), /\npictures +12x12 pixels, 10 tokens each\nlabels +LABEL_0, LABEL_1/);
  const towers = await copyFixture(await readVisionFixture('clip'), t.testdir());
  t.ok(existsSync((await buildModel(towers, {})).graphPath));
  t.match(await inspectModel(towers, { slots: 1 }), {
    kind: 'towers',
    contextLength: 12,
    vocabularySize: 43,
    vision: { task: 'image-embedding', tokens: 10 },
  });
});

const REFUSALS: readonly (readonly [
  what: string,
  name: string,
  fields: object,
  error: { code: string; message: RegExp },
])[] = [
  [
    'an activation',
    'vit',
    { hidden_act: 'mish' },
    { code: 'unsupported_model', message: /hidden_act is 'mish'/ },
  ],
  ['channels', 'vit', { num_channels: 4 }, { code: 'unsupported_model', message: /num_channels/ }],
  ['heads of another size', 'vit', { head_dim: 5 }, { code: 'unsupported_model', message: /head_dim/ }],
  [
    'patches that are no squares',
    'vit',
    { patch_size: [4, 2] },
    { code: 'unsupported_model', message: /squares/ },
  ],
  ['a broken size', 'vit', { image_size: [4] }, { code: 'invalid_model', message: /image_size/ }],
  [
    'pictures without positions',
    'vit',
    { image_size: 16 },
    { code: 'invalid_model', message: /image_size is 16x16, but/ },
  ],
  ['weights of another size', 'vit', { hidden_size: 48 }, { code: 'invalid_model', message: /has shape/ }],
  [
    'windows larger than a stage',
    'swin',
    { window_size: 9 },
    { code: 'unsupported_model', message: /windows of 9/ },
  ],
  [
    'two kinds of bias',
    'beit-shared',
    { use_relative_position_bias: true },
    { code: 'unsupported_model', message: /both true/ },
  ],
  [
    'another head',
    'vit',
    { architectures: ['ViTForSemanticSegmentation'] },
    { code: 'unsupported_model', message: /ViTForSemanticSegmentation/ },
  ],
  [
    'a classifier of DINOv3',
    'dinov3',
    { architectures: ['DINOv3ViTForImageClassification'] },
    { code: 'unsupported_model', message: /classifier/ },
  ],
  [
    'pictures of any form',
    'siglip',
    { model_type: 'siglip2' },
    { code: 'unsupported_model', message: /NaFlex/ },
  ],
  [
    'no common space',
    'siglip',
    { text_config: { hidden_size: 16, num_attention_heads: 2, projection_size: 16 } },
    { code: 'invalid_model', message: /common space/ },
  ],
  [
    'a tower without its head',
    'siglip-vision',
    { vision_use_head: false },
    { code: 'unsupported_model', message: /vision_use_head/ },
  ],
];

for (const [what, name, fields, error] of REFUSALS)
  t.test(`refuses ${what}`, async t => {
    const folder = await copyFixture(await readVisionFixture(name), t.testdir());
    const file = path.join(folder, 'config.json');
    const config = JSON.parse(await readFile(file, 'utf8')) as object;
    await writeFile(file, JSON.stringify({ ...config, ...fields }));
    await t.rejects(readModelFolder(folder), error);
  });
