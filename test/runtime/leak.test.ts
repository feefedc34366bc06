import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { DataType, GraphBuilder } from '#graph/onnx/graph-builder.js';
import { Tensor } from '#runtime/index.js';
import { loadGraph, run } from '#test/support/run-graph.js';

const MEMORY = new URL('../../bench/support/runtime-memory.js', import.meta.url).href;

t.test('runs leave nothing behind', async t => {
  const runs = 2000;
  // In a process of its own, since the test runner keeps a record of every promise.
  const script = `
    const { memoryOfRuns } = await import(${JSON.stringify(MEMORY)});
    const growths = [];
    for (let i = 0; i < 4; i++) {
      const { before, after } = await memoryOfRuns(${runs});
      growths.push(after - before);
    }
    console.log(JSON.stringify(growths));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
  const growths = JSON.parse(stdout) as number[];
  // A heap may grow by its own rules at some time; what leaks grows every time. One buffer of 64 KiB in each run would be 125 MiB.
  t.ok(Math.min(...growths) < 32 * 2 ** 20, `${growths.join(', ')} bytes more after ${runs} runs each`);
});

t.test('sessions leave nothing behind', async t => {
  // Large enough for malloc to give each block back at once, however it is set. A session keeps what its outputs took, for the next run.
  const size = 9 * 2 ** 20;
  const graph = new GraphBuilder();
  const x = graph.input('x', DataType.FLOAT, ['n']);
  graph.output(graph.node({ op: 'Add', inputs: [x, x], name: 'y' }), DataType.FLOAT, ['n']);
  const file = path.join(t.testdir(), 'graph.onnx');
  await graph.save(file);
  using input = Tensor.fromArray(new Float32Array(size), [size]);
  const load = async (times: number): Promise<void> => {
    for (let i = 0; i < times; i++) {
      using session = await loadGraph(file);
      (await run(session, { x: input })).y!.dispose();
    }
  };
  await load(1);
  const before = process.memoryUsage.rss();
  await load(5);
  const growth = process.memoryUsage.rss() - before;
  t.ok(growth < 72 * 2 ** 20, `${growth} bytes more after 180 MiB of outputs`);
});
