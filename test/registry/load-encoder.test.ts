import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { loadEncoder } from '#registry/load-encoder.js';
import { Environment } from '#runtime/index.js';
import { sequenceLogits } from '#test/reference/encoder.js';
import { writeModel } from '#test/support/check-decoder.js';
import { outputError } from '#test/support/check-encoder.js';
import { encoderConfig, encoderShapes } from '#test/support/encoder-models.js';
import { randomTensors } from '#test/support/random-tensors.js';
import { WORD_PIECE } from '#test/support/tiny-tokenizers.js';

const environment = new Environment({ logLevel: 'fatal' });
const session = { intraOpThreads: 1 };

t.test('a classifier from its folder', async t => {
  const { vocab } = WORD_PIECE.model as { vocab: Record<string, number> };
  const id2label = { 0: 'NEGATIVE', 1: 'POSITIVE' };
  const fields = { id2label, vocab_size: Object.keys(vocab).length };
  const config = encoderConfig('bert', 'ForSequenceClassification', fields);
  const words = 'bert.embeddings.word_embeddings.weight';
  const shapes = encoderShapes(config, 'ForSequenceClassification', 2);
  const tensors = randomTensors({ ...shapes, [words]: [fields.vocab_size, shapes[words]![1]!] });
  const folder = t.testdir();
  await writeModel(folder, { config, tensors });
  await writeFile(path.join(folder, 'tokenizer.json'), JSON.stringify(WORD_PIECE));

  const model = await loadEncoder(environment, folder, { id: 'feelings', session });
  t.match(model, {
    card: { task: 'sequence-classification' },
    id: 'feelings',
    task: 'sequence-classification',
    width: 2,
    contextLength: 40,
    labels: ['NEGATIVE', 'POSITIVE'],
    activation: 'softmax',
  });
  const texts = ['the token', 'the', 'a tokenizer!'].map(text => model.tokenizer.encodeWithOffsets(text));
  const outputs = await Promise.all(texts.map(async text => (await model.encoder.encode([text]))[0]!));
  outputs.forEach((output, i) =>
    t.ok(outputError(output, [sequenceLogits(config, tensors, texts[i]!)]) < 1e-4),
  );
  t.equal(model.encoder.stats().batches, 1);
  await model.close();
  await t.rejects(model.encoder.encode([texts[0]!]), { code: 'shutting_down' });
});

t.test('a context that is longer than the model has', async t => {
  const config = encoderConfig('bert');
  const folder = t.testdir();
  await writeModel(folder, { config, tensors: randomTensors(encoderShapes(config)) });
  const options = { session, contextLength: 41 };
  await t.rejects(loadEncoder(environment, folder, options), { code: 'invalid_configuration' });
});

t.test('a folder without a tokenizer', async t => {
  const config = encoderConfig('bert');
  const folder = t.testdir();
  await writeModel(folder, { config, tensors: randomTensors(encoderShapes(config)) });
  await t.rejects(loadEncoder(environment, folder, { session }), {
    code: 'invalid_model',
    message: /tokenizer.json/,
  });
});
