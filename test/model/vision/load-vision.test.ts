import path from 'node:path';
import t, { type Test } from 'tap';
import { readModelFolder } from '#model/folder.js';
import { loadTowers } from '#model/vision/load-towers.js';
import { loadVision } from '#model/vision/load-vision.js';
import type { VisionEncoder } from '#model/vision/contract.js';
import { Environment } from '#runtime/index.js';
import { pictureResult, textResult } from '#test/reference/vision.js';
import { readSafetensors } from '#test/support/safetensors.js';
import {
  copyFixture,
  difference,
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
  // That the formulas agree with transformers is a test of its own.
  const exact = difference(results[0]!.values, pictureResult(config, tensors, pictures[0]!, pixels));
  t.ok(exact < 2e-5, `the first picture is that of the formulas: ${exact.toExponential(1)}`);
  for (const [i, picture] of pictures.entries()) {
    const { values: own, rows, width } = results[i]!;
    t.same([rows, width, own.length], [1, encoder.width, encoder.width]);
    const error = difference(own, values[i]!);
    t.ok(error < 2e-5, `picture ${i} is that of transformers: ${error.toExponential(1)}`);
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
      t.same(read.leftovers, { heads: [], unknown: [], fields: [] }, 'all is read');
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
