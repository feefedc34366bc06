import { copyFile, mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { KvasirError } from '#errors.js';
import { DataType, GraphBuilder } from '#graph/onnx/graph-builder.js';
import { ModelProtoSchema, StringStringEntryProtoSchema } from '#graph/onnx/onnx_pb.js';
import { readOnnxFile } from '#model/onnx-file.js';
import { runs } from '#test/support/property-runs.js';

/** A graph with a large weight outside, a small one inside, and an input that a weight stands in for. */
async function writeGraph(t: Test): Promise<string> {
  const graph = new GraphBuilder();
  const x = graph.input('x', DataType.FLOAT, ['batch', 300]);
  const weight = graph.initializer('weight', DataType.FLOAT16, [300, 200], () => new Uint16Array(60_000));
  const cast = graph.node({ op: 'Cast', inputs: [weight], name: 'cast' });
  graph.node({ op: 'MatMul', inputs: [x, cast], name: 'y' });
  graph.constant('shape', [2], [3, 4]);
  graph.output('y', DataType.FLOAT, ['batch', 200]);
  const file = path.join(t.testdir(), 'model.onnx');
  await graph.save(file);
  return file;
}

/** The same file with its weights inside, as small exports have them. */
async function withWeightsInside(file: string): Promise<void> {
  const model = fromBinary(ModelProtoSchema, await readFile(file));
  const [weight] = model.graph!.initializer;
  Object.assign(weight!, { externalData: [], dataLocation: 0, rawData: await readFile(`${file}.data`) });
  await writeFile(file, toBinary(ModelProtoSchema, model));
}

t.test('structure', async t => {
  const file = await writeGraph(t);
  const outside = await readOnnxFile(file);
  t.strictSame(outside.inputs, [{ name: 'x', type: DataType.FLOAT, shape: ['batch', 300] }]);
  t.strictSame(outside.outputs, [{ name: 'y', type: DataType.FLOAT, shape: ['batch', 200] }]);
  t.strictSame(
    outside.nodes.map(({ opType }) => opType),
    ['Cast', 'MatMul'],
  );
  const weight = { name: 'weight', type: DataType.FLOAT16, shape: [300, 200], bytes: 120_000 };
  t.strictSame(outside.weights, [
    { ...weight, external: { file: 'model.onnx.data', offset: 0 } },
    { name: 'shape', type: DataType.INT64, shape: [2], bytes: 16 },
  ]);
  t.strictSame(outside.dataFiles, ['model.onnx.data']);

  await withWeightsInside(file);
  const inside = await readOnnxFile(file);
  t.strictSame(inside.weights, [weight, outside.weights[1]]);
  t.strictSame(inside.dataFiles, []);
});

t.test('weights that are also inputs need not be given', async t => {
  const file = await writeGraph(t);
  const model = fromBinary(ModelProtoSchema, await readFile(file));
  model.graph!.input.push({ ...model.graph!.input[0]!, name: 'weight' });
  await writeFile(file, toBinary(ModelProtoSchema, model));
  t.strictSame(
    (await readOnnxFile(file)).inputs.map(({ name }) => name),
    ['x'],
  );
});

t.test('a file that is cut off anywhere is found out', async t => {
  const file = await writeGraph(t);
  await withWeightsInside(file);
  const { length } = await readFile(file);
  const cut = path.join(path.dirname(file), 'cut.onnx');
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: length - 1 }), async size => {
      await copyFile(file, cut);
      await truncate(cut, size);
      try {
        // Cut between two fields, a message is whole again; then there is the graph, whose length the file
        // must have.
        const { outputs } = await readOnnxFile(cut);
        if (outputs.length === 0) throw new Error(`${size} bytes pass for a graph`);
      } catch (error) {
        if (!(error instanceof KvasirError && error.code === 'invalid_model')) throw error;
      }
    }),
    runs(150),
  );
  t.pass();
});

t.test('bytes that are no ONNX file never do more than fail', async t => {
  const file = path.join(t.testdir(), 'model.onnx');
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), async bytes => {
      await writeFile(file, bytes);
      try {
        await readOnnxFile(file);
      } catch (error) {
        if (!(error instanceof KvasirError && error.code === 'invalid_model')) throw error;
      }
    }),
    runs(300),
  );
  await writeFile(file, 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n');
  await t.rejects(readOnnxFile(file), { code: 'invalid_model', message: /is no ONNX file, or a broken one/ });
  await rm(file);
  await t.rejects(readOnnxFile(file), { code: 'invalid_model', message: /cannot be opened/ });
});

t.test('external data', async t => {
  const file = await writeGraph(t);
  const data = `${file}.data`;
  const relocate = async (location: string): Promise<void> => {
    const model = fromBinary(ModelProtoSchema, await readFile(file));
    const [weight] = model.graph!.initializer;
    weight!.externalData = weight!.externalData.map(entry =>
      entry.key === 'location'
        ? create(StringStringEntryProtoSchema, { key: 'location', value: location })
        : entry,
    );
    await writeFile(file, toBinary(ModelProtoSchema, model));
  };

  t.test('in a folder below is fine', async t => {
    await mkdir(path.join(path.dirname(file), 'data'));
    await copyFile(data, path.join(path.dirname(file), 'data', 'weights'));
    await relocate('data/../data/weights');
    t.equal((await readOnnxFile(file)).dataFiles.length, 1);
  });

  t.test('outside of the folder is refused, whether it exists or not', async t => {
    for (const location of ['../model.onnx.data', '/etc/passwd', 'a/../../x', '..\\x', 'C:\\x', '', '..']) {
      await relocate(location);
      const message = /keeps tensor 'weight' outside of its folder/;
      await t.rejects(readOnnxFile(file), { code: 'invalid_model', message }, location);
    }
  });

  t.test('missing or cut off is found out before anything is loaded', async t => {
    await relocate('elsewhere');
    await t.rejects(readOnnxFile(file), { code: 'invalid_model', message: /in elsewhere, which is missing/ });
    await relocate('model.onnx.data');
    await truncate(data, 1000);
    const message = /in model.onnx.data up to byte 120000, but that has 1000 bytes: is it cut off\?/;
    await t.rejects(readOnnxFile(file), { code: 'invalid_model', message });
  });
});
