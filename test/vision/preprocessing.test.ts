import path from 'node:path';
import t from 'tap';
import { preprocessingOf, readPreprocessing } from '#vision/preprocessing.js';

const CLIP = {
  background: 'white',
  resize: { to: { shortest: 224 }, filter: 'bicubic' },
  crop: { width: 224, height: 224 },
  scale: 1 / 255,
  mean: [0.48145466, 0.4578275, 0.40821073],
  deviation: [0.26862954, 0.26130258, 0.27577711],
};

t.test('a folder of transformers 4, with numbers for sizes', async t => {
  const folder = t.testdir({
    'preprocessor_config.json': JSON.stringify({
      crop_size: 224,
      do_center_crop: true,
      do_normalize: true,
      do_resize: true,
      feature_extractor_type: 'CLIPFeatureExtractor',
      image_mean: CLIP.mean,
      image_std: CLIP.deviation,
      resample: 3,
      size: 224,
    }),
  });
  t.same(await readPreprocessing(folder), CLIP);
});

t.test('a folder of transformers 5 has it in processor_config.json, which goes before the other', async t => {
  const folder = t.testdir({
    'processor_config.json': JSON.stringify({
      processor_class: 'CLIPProcessor',
      image_processor: {
        image_processor_type: 'CLIPImageProcessorFast',
        device: null,
        disable_grouping: null,
      },
    }),
    'preprocessor_config.json': JSON.stringify({ image_processor_type: 'ViTImageProcessor' }),
  });
  t.same(await readPreprocessing(folder), CLIP);
});

t.test(
  'where no processor is named, config.json decides; a processor_config.json may be of texts alone',
  async t => {
    const folder = t.testdir({
      'processor_config.json': JSON.stringify({ processor_class: 'CLIPProcessor' }),
      'preprocessor_config.json': '{"do_center_crop": false}',
      'config.json': '{"model_type": "dinov2"}',
    });
    t.same(await readPreprocessing(folder), { ...CLIP, crop: undefined });
  },
);

t.test('a folder without either is refused', async t => {
  const folder = t.testdir({ 'config.json': '{"model_type": "vit"}' });
  await t.rejects(readPreprocessing(folder), {
    code: 'invalid_model',
    message: path.join(folder, 'preprocessor_config.json'),
  });
});

function read(fields: Record<string, unknown>): unknown {
  return preprocessingOf({ image_processor_type: 'ViTImageProcessor', ...fields }, 'FILE');
}

t.test('fields that may change pixels and are not known are refused by their name', t => {
  for (const field of ['do_pad', 'do_flip_channel_order', 'size_divisor', 'crop_pct', 'offset', 'auto_map'])
    t.throws(
      () => read({ [field]: field.startsWith('do_') ? true : 0.9 }),
      { code: 'unsupported_model', message: `FILE: ${field} ` },
      field,
    );
  t.throws(() => read({ image_processor_type: 'Siglip2ImageProcessor' }), {
    code: 'unsupported_model',
    message: 'FILE: the processor Siglip2ImageProcessor is not known',
  });
  t.throws(() => read({ image_processor_type: 'toStringImageProcessor' }), { code: 'unsupported_model' });
  t.throws(() => preprocessingOf({}, 'FILE', 'swiftformer'), { code: 'unsupported_model' });
  t.end();
});

t.test('what changes nothing is let be', t => {
  const plain = read({});
  for (const fields of [
    { do_pad: false, size_divisor: null, crop_size: null, image_mean: null },
    { do_reduce_labels: true, processor_class: 'X', use_fast: true, data_format: 'channels_first' },
  ])
    t.same(read(fields), plain);
  t.end();
});

t.test('fields of a wrong form are refused by their name', t => {
  const wrong: [string, unknown][] = [
    ['size', { height: 224 }],
    ['size', { height: 224.5, width: 224 }],
    ['size', { longest_edge: 224 }],
    ['size', [1, 2, 3]],
    ['size', 0],
    ['crop_size', '224'],
    ['resample', 6],
    ['resample', 'bicubic'],
    ['do_resize', 1],
    ['image_mean', [0.5]],
    ['image_std', [0.5, 0, 0.5]],
    ['rescale_factor', 0],
  ];
  for (const [field, value] of wrong)
    t.throws(() => read({ [field]: value }), { code: 'invalid_model', message: `FILE: ${field} ` }, field);
  t.throws(() => read({ do_center_crop: true }), { code: 'invalid_model', message: /crop_size/ });
  t.end();
});
