import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { create } from '@bufbuild/protobuf';
import t from 'tap';
import { describeEncoder } from '#model/encoder-description.js';
import { planEncoder, type EncoderRun } from '#model/encoder/encoder-plan.js';
import type { PlanOptions } from '#model/decoder/decoder-plan.js';
import { DataType } from '#model/onnx-file.js';
import { storedPrecision } from '#model/run-path.js';
import { int } from '#graph/onnx/attributes.js';
import { NodeProtoSchema } from '#graph/onnx/onnx_pb.js';
import { GraphBuilder } from '#graph/onnx/graph-builder.js';
import { writeModel } from '#test/support/check-decoder.js';
import { encoderConfig, encoderShapes } from '#test/support/encoder-models.js';
import { randomTensors } from '#test/support/random-tensors.js';

/** Any graph with one weight. */
async function writeGraph(file: string, type: DataType.FLOAT | DataType.FLOAT16): Promise<void> {
  const graph = new GraphBuilder();
  const data = type === DataType.FLOAT ? new Float32Array(4) : new Uint16Array(4);
  graph.node({
    op: 'Identity',
    inputs: [graph.initializer('weight', type, [4], () => data)],
    name: 'output',
  });
  graph.output('output', type, [4]);
  await mkdir(path.dirname(file), { recursive: true });
  await graph.save(file);
}

t.test('which files of a folder are run, and why', async t => {
  const folder = t.testdir();
  const config = encoderConfig('bert');
  await writeModel(folder, { config, tensors: randomTensors(encoderShapes(config)) });
  const plan = async (options?: PlanOptions): Promise<EncoderRun> =>
    planEncoder(folder, await describeEncoder(folder), options);

  t.match(await plan(), { source: 'weights', path: { kind: 'built', precision: 'f32', reason: /'bert'/ } });
  t.match(await plan({ precision: 'int4' }), { precision: 'int4', path: { precision: 'int4' } });
  t.match(await plan({ precision: 'w8a8' }), { precision: 'int8' }, 'which multiplies in integers');
  await t.rejects(plan({ precision: 'f16' }), { code: 'invalid_configuration', message: /f16.*f32, int8/ });
  await t.rejects(plan({ format: 'onnx' }), { code: 'unsupported_model', message: /no ONNX encoder/ });

  await writeGraph(path.join(folder, 'onnx', 'model.onnx'), DataType.FLOAT);
  await writeGraph(path.join(folder, 'onnx', 'model_fp16.onnx'), DataType.FLOAT16);
  t.match(await plan(), { source: 'weights' }, 'weights come first');
  t.match(await plan({ format: 'onnx', precision: 'f16' }), {
    source: 'onnx',
    path: { kind: 'ready-made', precision: 'f16', reason: 'onnx/model_fp16.onnx, since ONNX was asked for' },
  });
  await rm(path.join(folder, 'model.safetensors'));
  t.match(await plan(), {
    path: { precision: 'f32', reason: 'onnx/model.onnx, since there are no safetensors' },
  });
  await writeFile(path.join(folder, 'model.safetensors'), '');
  await writeFile(path.join(folder, 'config.json'), JSON.stringify({ ...config, model_type: 'xyz' }));
  t.match(await plan(), { path: { reason: "onnx/model.onnx, since no graph can be built for 'xyz'" } });
  t.match(
    await plan({ format: 'safetensors' }),
    { source: 'weights' },
    'and the build will say what is wrong',
  );
});

t.test('what a graph stores', async t => {
  const weight = (type: DataType, bytes: number) => ({ name: '', type, shape: [], bytes });
  const halves = [weight(DataType.FLOAT, 8), weight(DataType.FLOAT16, 40)];
  t.equal(storedPrecision({ nodes: [], weights: halves }), 'f16');
  t.equal(storedPrecision({ nodes: [], weights: [weight(DataType.UINT8, 8)] }), 'uint8');
  const product = create(NodeProtoSchema, { opType: 'MatMulNBits', attribute: [int(8)('bits')] });
  t.equal(storedPrecision({ nodes: [product], weights: [weight(DataType.UINT8, 8)] }), 'int8');
  t.equal(storedPrecision({ nodes: [], weights: [] }), 'unknown');
});
