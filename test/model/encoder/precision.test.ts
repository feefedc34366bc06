import t from 'tap';
import { hiddenStates, pooled } from '#test/reference/encoder.js';
import { checkEncoder, openTinyEncoder } from '#test/support/check-encoder.js';
import { encoderConfig, encoderShapes, type Family } from '#test/support/encoder-models.js';
import { randomTensors } from '#test/support/random-tensors.js';

for (const family of ['bert', 'modernbert'] as const satisfies readonly Family[])
  for (const [precision, tolerance] of [
    ['int8', 0.1],
    ['int4', 0.6],
  ] as const)
    t.test(`${family} in ${precision} is near the model's own numbers`, async t => {
      const config = encoderConfig(family);
      const tensors = randomTensors(encoderShapes(config));
      const encoder = await openTinyEncoder(t, { config, tensors }, { precision });
      await checkEncoder(
        t,
        encoder,
        input => [pooled(hiddenStates(config, tensors, input), 'mean')],
        tolerance,
      );
    });
