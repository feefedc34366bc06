import t from 'tap';
import { EDGE, fakeTowersModel, fakeVisionModel, meanColour } from '#test/support/fake-vision-model.js';
import { waves } from '#test/support/fake-encoder-service.js';
import type { NamedTensor } from '#tensors/types.js';

const caller = { client: '', signal: new AbortController().signal };

/** Two pictures of one colour each. */
const PIXELS = Uint8Array.from({ length: 2 * EDGE * EDGE * 3 }, (_, i) => (i < EDGE * EDGE * 3 ? 255 : 51));
const pixels: NamedTensor = { name: 'pixel_values', type: 'uint8', shape: [2, EDGE, EDGE, 3], data: PIXELS };
const ids: NamedTensor = { name: 'input_ids', type: 'int64', shape: [1, 2], data: BigInt64Array.of(5n, 6n) };

t.test('pixels of a model of pictures', async t => {
  const { tensors } = fakeVisionModel('image-classification');
  t.strictSame(tensors.inputs, [{ name: 'pixel_values', type: 'uint8', shape: ['batch', EDGE, EDGE, 3] }]);
  t.strictSame(tensors.outputs, [{ name: 'logits', type: 'float32', shape: ['batch', 4] }]);
  const [logits] = await tensors.infer([pixels], ['logits'], caller);
  t.strictSame(logits!.shape, [2, 4]);
  const half = EDGE * EDGE * 3;
  t.strictSame(
    logits!.data,
    Float32Array.from([...meanColour(PIXELS.subarray(0, half)), ...meanColour(PIXELS.subarray(half))]),
  );
  const many = { ...pixels, shape: [257, EDGE, EDGE, 3], data: new Uint8Array(257 * half) };
  await t.rejects(tensors.infer([many], ['logits'], caller), {
    code: 'invalid_request',
    param: 'pixel_values',
  });
});

t.test('two towers take either input', async t => {
  const { tensors } = fakeTowersModel();
  t.strictSame(
    tensors.inputs.map(({ name, optional }) => [name, optional]),
    ['input_ids', 'attention_mask', 'token_type_ids', 'pixel_values'].map(name => [name, true]),
  );
  t.match(tensors.outputs, [
    { name: 'text_embeds', needs: 'input_ids', shape: ['batch', 4] },
    { name: 'image_embeds', needs: 'pixel_values', shape: ['batch', 4] },
  ]);
  const [images, texts] = await tensors.infer([ids, pixels], ['image_embeds', 'text_embeds'], caller);
  t.match(images, { name: 'image_embeds', shape: [2, 4] });
  t.match(texts, { name: 'text_embeds', shape: [1, 4] });
  t.strictSame(texts!.data, Float32Array.from(waves({ ids: [5, 6] }, 4)));
  await t.rejects(tensors.infer([pixels], ['text_embeds'], caller), {
    code: 'invalid_request',
    message: /takes the input 'input_ids'/,
  });
});
