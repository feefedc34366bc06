import t, { type Test } from 'tap';
import { DataType, GraphBuilder } from '#graph/onnx/graph-builder.js';
import { Allocator, CPU, cpuMemoryInfo, MemoryInfo, type Session } from '#runtime/index.js';
import { loadBuilt } from '#test/support/run-graph.js';

const failure = { name: 'KvasirError', code: 'runtime_failure' };

async function anySession(t: Test): Promise<Session> {
  const graph = new GraphBuilder();
  graph.output(graph.input('x', DataType.FLOAT, [1]), DataType.FLOAT, [1]);
  return loadBuilt(t.testdir(), graph);
}

t.test('memory is written and read through its view', async t => {
  using session = await anySession(t);
  using allocator = new Allocator(session, cpuMemoryInfo());
  using memory = allocator.allocate(10);
  t.equal(memory.bytes, 10);
  t.equal(memory.view().length, 10);
  memory.view().set([1, 2, 3]);
  t.strictSame([...memory.view().subarray(0, 3)], [1, 2, 3]);
  t.equal(memory.at(4) - memory.at(0), 4n);
  t.equal(memory.at(10) - memory.at(0), 10n, 'the end has an address too');
  for (const offset of [-1, 11, 0.5, NaN]) t.throws(() => memory.at(offset), failure);
});

t.test('memory without bytes', async t => {
  using session = await anySession(t);
  using allocator = new Allocator(session, cpuMemoryInfo());
  using memory = allocator.allocate(0);
  t.equal(memory.view().length, 0);
  t.throws(() => memory.at(1), failure);
});

t.test('what cannot be allocated is refused, and the allocator works on', async t => {
  using session = await anySession(t);
  using allocator = new Allocator(session, cpuMemoryInfo());
  const message = 'could not allocate 4096 TiB of memory';
  t.throws(() => allocator.allocate(2 ** 52), { ...failure, message });
  for (const bytes of [-1, 0.5, NaN, Infinity])
    t.throws(() => allocator.allocate(bytes), {
      ...failure,
      message: `a size must be a whole number of bytes, not ${bytes}`,
    });
  using memory = allocator.allocate(16);
  t.equal(memory.view().length, 16);
});

t.test('memory that is not written takes no room', async t => {
  using session = await anySession(t);
  using allocator = new Allocator(session, cpuMemoryInfo());
  const before = process.memoryUsage.rss();
  using memory = allocator.allocate(2 ** 30);
  const allocated = process.memoryUsage.rss() - before;
  t.ok(allocated < 2 ** 23, `${allocated} bytes of a gigabyte`);
  t.equal(memory.bytes, 2 ** 30);
});

t.test(
  'pages that are forgotten are given back',
  { skip: process.platform !== 'linux' && 'only on Linux' },
  async t => {
    using session = await anySession(t);
    using allocator = new Allocator(session, cpuMemoryInfo());
    const bytes = 2 ** 27;
    using memory = allocator.allocate(bytes);
    memory.view().fill(1);
    const full = process.memoryUsage.rss();
    memory.discard(4096, bytes - 8192);
    const freed = full - process.memoryUsage.rss();
    t.ok(freed > bytes * 0.75, `${freed} of ${bytes} bytes`);
    t.equal(memory.view()[0], 1, 'what lies before stays');
    t.equal(memory.view()[bytes - 1], 1, 'and what lies behind');
    t.throws(() => memory.discard(0, bytes + 1), failure);
  },
);

t.test('memory, allocator, description and session go in this order', async t => {
  const session = await anySession(t);
  const info = new MemoryInfo(CPU);
  const allocator = new Allocator(session, info);
  const memory = allocator.allocate(8);
  for (const handle of [allocator, info, session])
    t.throws(() => handle.dispose(), {
      ...failure,
      message: `${handle.constructor.name} cannot be disposed while it is in use`,
    });
  memory.dispose();
  memory.dispose();
  t.throws(() => memory.view(), { ...failure, message: 'DeviceMemory was used after it was disposed' });
  t.throws(() => memory.at(0), failure);
  allocator.dispose();
  t.throws(() => allocator.allocate(8), { ...failure, message: 'Allocator was used after it was disposed' });
  info.dispose();
  session.dispose();
  t.throws(() => new Allocator(session, cpuMemoryInfo()), failure);
});

t.test('devices that this library does not have', async t => {
  using session = await anySession(t);
  using cuda = new MemoryInfo({ name: 'Cuda', id: 0 });
  t.throws(() => new Allocator(session, cuda), failure);
  t.throws(() => new MemoryInfo({ name: 'Nowhere' as 'Cpu', id: 0 }), failure);
});
