import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t, { type Test } from 'tap';
import { loadModel, type ModelOptions } from '#registry/load.js';
import { readCard } from '#registry/read-card.js';
import { Environment } from '#runtime/index.js';
import { writeModel } from '#test/support/check-decoder.js';
import { encoderConfig, encoderShapes, type Head } from '#test/support/encoder-models.js';
import { randomLlama } from '#test/support/random-llama.js';
import { randomTensors } from '#test/support/random-tensors.js';
import { linearGraph } from '#test/support/raw-models.js';
import { WORD_PIECE } from '#test/support/tiny-tokenizers.js';

const environment = new Environment({ logLevel: 'fatal' });
const session = { intraOpThreads: 1 };

/** Loads a folder, and demands that it is what its card said before. */
async function checkCard(t: Test, folder: string, options: Partial<ModelOptions> = {}): Promise<void> {
  const { format, precision, contextLength } = options;
  const card = await readCard(folder, { format, precision, contextLength });
  const model = await loadModel(environment, folder, { slots: 1, session, ...options });
  t.teardown(() => model.close());
  t.strictSame(model.card, card);
  t.equal(card.contextLength, model.engine?.contextLength ?? card.contextLength);
}

async function encoderFolder(t: Test, head: Head, labels: readonly string[] = []): Promise<string> {
  const folder = t.testdir();
  const config = encoderConfig('bert', head, { id2label: { ...labels } });
  await writeModel(folder, { config, tensors: randomTensors(encoderShapes(config, head, labels.length)) });
  await writeFile(path.join(folder, 'tokenizer.json'), JSON.stringify(WORD_PIECE));
  return folder;
}

const TEMPLATES = {
  none: undefined,
  chat: '{% for m in messages %}{{ m.content }}{% endfor %}',
  tools: '{{ tools }}{% for m in messages %}{{ m.content }}{% endfor %}',
};

for (const [name, template] of Object.entries(TEMPLATES))
  t.test(`generators, template: ${name}`, async t => {
    const folder = await randomLlama(t);
    if (template !== undefined) await writeFile(path.join(folder, 'chat_template.jinja'), template);
    await checkCard(t, folder);
    await checkCard(t, folder, { contextLength: 40 });
    const { abilities, task, contextLength } = await readCard(folder, { contextLength: 40 });
    t.equal(abilities.has('chat'), name !== 'none');
    t.equal(abilities.has('tools'), name === 'tools');
    t.match({ task, contextLength }, { task: 'text-generation', contextLength: 40 });
  });

t.test('an embedder', async t => {
  const folder = await encoderFolder(t, 'Model');
  await checkCard(t, folder);
  t.match(await readCard(folder), { task: 'embedding', abilities: new Set(['embed', 'score']), labels: [] });
});

for (const labels of [['bad', 'good'], ['relevance']])
  t.test(`a classifier of ${labels.join()}`, async t => {
    const folder = await encoderFolder(t, 'ForSequenceClassification', labels);
    await checkCard(t, folder);
    const card = await readCard(folder);
    t.match(card, { task: 'sequence-classification', labels });
    t.equal(card.abilities.has('score'), labels.length === 1);
  });

t.test('a graph without a tokenizer', async t => {
  const folder = t.testdir();
  await linearGraph().save(path.join(folder, 'model.onnx'));
  await checkCard(t, folder);
  t.strictSame([...(await readCard(folder)).abilities], ['tensors']);
});

t.test('what serving would refuse is refused, with the same words', async t => {
  const breaks: Record<string, (folder: string) => Promise<void>> = {
    'no tokenizer': folder => rm(path.join(folder, 'tokenizer.json')),
    'no config': folder => rm(path.join(folder, 'config.json')),
    'broken generation_config': folder => writeFile(path.join(folder, 'generation_config.json'), '{'),
    'end token': folder =>
      writeFile(path.join(folder, 'generation_config.json'), '{ "eos_token_id": "no number" }'),
    'broken template': folder => writeFile(path.join(folder, 'chat_template.jinja'), '{% for %}'),
  };
  for (const [name, spoil] of Object.entries(breaks)) {
    const folder = await randomLlama(t);
    await spoil(folder);
    const refusal = await loadModel(environment, folder, { slots: 1, session }).then(
      () => t.fail(`${name}: it was loaded`),
      (error: Error) => error,
    );
    await t.rejects(readCard(folder), refusal as Error, name);
  }
});
