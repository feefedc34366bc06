import { mkdir, rename, stat, symlink } from 'node:fs/promises';
import path from 'node:path';
import t, { type Test } from 'tap';
import { DataType, GraphBuilder } from '#graph/onnx/graph-builder.js';
import { graphBesideData } from '#model/graph-beside-data.js';
import { openSession } from '#model/open-session.js';
import { Environment } from '#runtime/index.js';

/** A graph and its weights in a snapshot of Hugging Face's cache, whose links lead to blobs. */
async function snapshot(t: Test) {
  const graph = new GraphBuilder();
  const x = graph.input('x', DataType.FLOAT, ['batch', 30]);
  const weight = graph.initializer('weight', DataType.FLOAT, [30, 40], () => new Float32Array(1200));
  graph.node({ op: 'MatMul', inputs: [x, weight], name: 'y' });
  graph.output('y', DataType.FLOAT, ['batch', 40]);
  const cache = t.testdir();
  const [folder, blobs] = ['snapshots/abc/onnx', 'blobs'].map(name => path.join(cache, 'models--a--b', name));
  await mkdir(folder!, { recursive: true });
  await mkdir(blobs!);
  const file = path.join(folder!, 'model.onnx');
  await graph.save(file);
  for (const name of ['model.onnx', 'model.onnx.data']) {
    await rename(path.join(folder!, name), path.join(blobs!, name));
    await symlink(path.join('..', '..', '..', 'blobs', name), path.join(folder!, name));
  }
  return { cache, file, blob: path.join(blobs!, 'model.onnx.data') };
}

t.test('links to one folder are read as they are', async t => {
  const { file } = await snapshot(t);
  t.equal(await graphBesideData(file), file);
  using environment = new Environment({});
  using session = await openSession(environment, file);
  t.match(session.outputs, [{ name: 'y' }]);
});

t.test('data in the blobs that repositories share', async t => {
  const { cache, file, blob } = await snapshot(t);
  const shared = path.join(cache, 'blobs', 'ab', 'ab12');
  await mkdir(path.dirname(shared), { recursive: true });
  await rename(blob, shared);
  await symlink(path.relative(path.dirname(blob), shared), blob);
  const read = await graphBesideData(file);
  t.not(read, file);
  t.equal((await stat(`${read}.data`)).ino, (await stat(shared)).ino, 'not copied');
  using environment = new Environment({});
  using session = await openSession(environment, file);
  t.match(session.outputs, [{ name: 'y' }]);
});
