import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { describe } from '#cli/inspect.js';
import { buildModel } from '#model/build.js';
import { readModelFolder } from '#model/folder.js';
import { inspectModel } from '#model/inspect.js';
import { copyFixture, readVisionFixture } from '#test/support/vision-fixtures.js';

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
