import { writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { int } from '#graph/onnx/attributes.js';
import { DataType, GraphBuilder } from '#graph/onnx/graph-builder.js';
import { loadVoiceDetector, voiceDetectorFile } from '#model/speech/voice-detector.js';
import { Environment } from '#runtime/index.js';
import { runs } from '#test/support/property-runs.js';
import { seededRandom } from '#test/support/seeded-random.js';

const environment = new Environment({ logLevel: 'fatal' });
const STATE = [1, 1, 128];

/** A detector in Silero's form: each window gives the sum of what it hears and of the state, to which each run adds 1. */
function sumGraph(): GraphBuilder {
  const graph = new GraphBuilder();
  const input = graph.input('input', DataType.FLOAT, ['n', 576]);
  const hidden = graph.input('h', DataType.FLOAT, STATE);
  const cell = graph.input('c', DataType.FLOAT, STATE);
  const axes = graph.constant('axes', [1], [1], DataType.INT64);
  const one = graph.constant('one', [], [1], DataType.FLOAT);
  const sums = graph.node({
    op: 'ReduceSum',
    inputs: [input, axes],
    attributes: { keepdims: int(0) },
    name: 'sums',
  });
  const state = graph.node({
    op: 'ReduceMax',
    inputs: [hidden],
    attributes: { keepdims: int(0) },
    name: 'state',
  });
  graph.output(graph.node({ op: 'Add', inputs: [sums, state], name: 'speech_probs' }), DataType.FLOAT, ['n']);
  graph.output(graph.node({ op: 'Add', inputs: [hidden, one], name: 'hn' }), DataType.FLOAT, STATE);
  graph.output(graph.node({ op: 'Identity', inputs: [cell], name: 'cn' }), DataType.FLOAT, STATE);
  return graph;
}

t.test(
  'windows with what comes before them, and the state from run to run, however the sound comes',
  async t => {
    const file = path.join(t.testdir(), 'silero_vad.onnx');
    await sumGraph().save(file);
    const detector = await loadVoiceDetector(environment, file);
    t.teardown(() => detector.dispose());
    t.equal(detector.step, 512);
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 600_000 }),
        fc.integer({ min: 1, max: 70_000 }),
        fc.integer(),
        async (length, block, seed) => {
          const random = seededRandom(seed);
          const samples = Float32Array.from({ length }, () => Math.floor(random() * 3));
          const activity = detector.open();
          for (let begin = 0; begin < length; begin += block)
            await activity.append(samples.subarray(begin, begin + block));
          const expected = Float32Array.from({ length: Math.ceil(length / 512) }, (_, window) => {
            const heard = samples.subarray(Math.max(0, window * 512 - 64), (window + 1) * 512);
            return heard.reduce((sum, sample) => sum + sample, 0) + Math.floor(window / 512);
          });
          t.strictSame(await activity.end(), expected);
        },
      ),
      runs(12),
    );
  },
);

t.test('a model of another form is refused by its inputs', async t => {
  const file = path.join(t.testdir(), 'silero_vad.onnx');
  const graph = new GraphBuilder();
  const input = graph.input('input', DataType.FLOAT, ['n', 576]);
  graph.output(graph.node({ op: 'Identity', inputs: [input], name: 'output' }), DataType.FLOAT, ['n', 576]);
  await graph.save(file);
  await t.rejects(loadVoiceDetector(environment, file), {
    code: 'unsupported_model',
    message: /has the inputs input,/,
  });
  writeFileSync(file, 'no graph');
  await t.rejects(loadVoiceDetector(environment, file), { code: 'invalid_model' });
});

t.test('it is found by its name', async t => {
  const folder = t.testdir({ 'silero_vad_v5.onnx': '', 'silero_vad_v6.onnx': '', 'model.onnx': '' });
  t.equal(voiceDetectorFile(folder), path.join(folder, 'silero_vad_v6.onnx'));
  writeFileSync(path.join(folder, 'silero_vad_16k_sequence.onnx'), '');
  writeFileSync(path.join(folder, 'silero_vad_openvino_16k.onnx'), '');
  t.equal(voiceDetectorFile(folder), path.join(folder, 'silero_vad_16k_sequence.onnx'));
  const other = t.testdir({ 'silero_vad.onnx': '' });
  t.equal(voiceDetectorFile(other), path.join(other, 'silero_vad.onnx'));
  t.equal(voiceDetectorFile(t.testdir({ empty: {} })), undefined);
  t.equal(voiceDetectorFile('nowhere'), undefined);
});
