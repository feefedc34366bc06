/** The formulas of models of pictures, which decide whether graphs are right, agree with transformers themselves. */
import path from 'node:path';
import t from 'tap';
import { readSafetensors } from '#test/support/safetensors.js';
import { difference, readVisionFixtures } from '#test/support/vision-fixtures.js';
import { pictureResult, textResult } from './vision.js';

/** What fixtures of two towers pad texts with. */
const PADDING = 4;

for (const { name, folder, config, pixels, pictures, values, towers } of await readVisionFixtures())
  t.test(name, async t => {
    const tensors = await readSafetensors(path.join(folder, 'model.safetensors'));
    for (const [i, picture] of pictures.entries()) {
      const error = difference(pictureResult(config, tensors, picture, pixels), values[i]!);
      t.ok(error < 5e-5, `picture ${i}: ${error.toExponential(1)}`);
    }
    const longest = (config.text_config as { max_position_embeddings?: number } | undefined)
      ?.max_position_embeddings;
    for (const [i, ids] of (towers?.texts ?? []).entries()) {
      const padded = [...ids];
      if (config.model_type === 'siglip') while (padded.length < longest!) padded.push(PADDING);
      const error = difference(textResult(config, tensors, padded), towers!.values[i]!);
      t.ok(error < 5e-5, `text ${i}: ${error.toExponential(1)}`);
    }
  });
