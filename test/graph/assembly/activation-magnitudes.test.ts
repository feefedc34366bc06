import t from 'tap';
import { ActivationMagnitudes } from '#graph/assembly/activation-magnitudes.js';
import { bertLayer } from '#graph/families/bert.js';
import { matrix } from '#graph/weights/matrix.js';
import { hiddenStates } from '#test/reference/encoder.js';
import { encoderConfig, encoderShapes } from '#test/support/encoder-models.js';
import { randomIds, randomTensors } from '#test/support/random-tensors.js';

const LARGE = 5;

t.test('of a random BERT with one large feature, near what its formulas give', async t => {
  const config = encoderConfig('bert');
  const tensors = randomTensors(encoderShapes(config));
  const {
    hidden_size: width,
    num_hidden_layers: layers,
    vocab_size: words,
  } = config as unknown as Record<string, number>;
  const down = tensors['encoder.layer.1.output.dense.weight']!;
  const columns = down.shape[1]!;
  const values = down.values.map((value, i) => (Math.floor(i / columns) === LARGE ? 40 * value : value));
  const changed: typeof tensors = { ...tensors, 'encoder.layer.1.output.dense.weight': { ...down, values } };

  const weight = (name: string) => {
    const { shape, values: all } = changed[name]!;
    return {
      name,
      shape,
      load: async (first = 0, last = all.length) => Float32Array.from(all.slice(first, last)),
    };
  };
  const norm = (name: string) => ({
    weight: weight(`${name}.weight`),
    bias: weight(`${name}.bias`),
    epsilon: 1e-12,
  });
  const layer = (name: string) => {
    const bias = weight(`${name}.bias`);
    return {
      matrix: matrix(weight(`${name}.weight`)),
      bias: { size: bias.shape[0]!, load: () => bias.load() },
    };
  };
  const magnitudes = new ActivationMagnitudes(norm('embeddings.LayerNorm'));
  for (let i = 0; i < layers!; i++) {
    const names = bertLayer(i);
    magnitudes.pass({
      value: layer(names.value),
      output: layer(names.output),
      attentionNorm: norm(names.attentionNorm),
      up: layer(names.up),
      activation: 'gelu',
      down: layer(names.down),
      feedForwardNorm: norm(names.feedForwardNorm),
    });
  }
  const foreseen = await magnitudes.current.load();
  t.equal(foreseen.length, width);

  const actual = new Array<number>(width!).fill(0);
  for (let seed = 0; seed < 8; seed++)
    for (const row of hiddenStates(config, changed, { ids: randomIds(20, words!, seed) }))
      row.forEach((value, i) => (actual[i] = Math.max(actual[i]!, Math.abs(value))));
  const ratios = actual.map((value, i) => value / foreseen[i]!);
  t.ok(Math.max(...ratios) / Math.min(...ratios) < 16, ratios.map(ratio => ratio.toFixed(2)).join(' '));
  const others = (list: ArrayLike<number>): number =>
    Math.max(...Array.from(list).filter((_, i) => i !== LARGE));
  t.ok(actual[LARGE]! > others(actual), 'the feature is large');
  t.ok(foreseen[LARGE]! > others(foreseen), 'which is foreseen');
});
