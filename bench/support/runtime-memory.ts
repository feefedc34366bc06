import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { DataType, GraphBuilder } from '#graph/onnx/graph-builder.js';
import {
  Allocator,
  cpuMemoryInfo,
  Environment,
  IoBinding,
  RunOptions,
  Session,
  Tensor,
} from '#runtime/index.js';

/** Bytes of each tensor of a run: enough that one leaked in ten runs shows. */
const TENSOR_BYTES = 2 ** 16;

/**
 * Binds and runs a small model many times, with a tensor of each kind, a binding and run options made and disposed each time.
 *
 * @returns bytes of resident memory after a warm-up of a tenth as many runs, and in the end.
 */
export async function memoryOfRuns(runs: number): Promise<{ before: number; after: number }> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'kvasir-leak-'));
  try {
    const file = path.join(folder, 'graph.onnx');
    await smallModel().save(file);
    using environment = new Environment();
    using session = await Session.load(environment, file, { intraOpThreads: 1 });
    using allocator = new Allocator(session, cpuMemoryInfo());
    for (let i = 0; i < runs / 10; i++) await oneRun(session, allocator);
    const before = residentMemory();
    for (let i = 0; i < runs; i++) await oneRun(session, allocator);
    return { before, after: residentMemory() };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** y = x w, z = x + x. */
function smallModel(): GraphBuilder {
  const graph = new GraphBuilder();
  const x = graph.input('x', DataType.FLOAT, ['rows', 64]);
  const w = graph.initializer('w', DataType.FLOAT, [64, 64], () => new Float32Array(64 * 64).fill(1));
  graph.output(graph.node({ op: 'MatMul', inputs: [x, w], name: 'y' }), DataType.FLOAT, ['rows', 64]);
  graph.output(graph.node({ op: 'Add', inputs: [x, x], name: 'z' }), DataType.FLOAT, ['rows', 64]);
  return graph;
}

async function oneRun(session: Session, allocator: Allocator): Promise<void> {
  const rows = TENSOR_BYTES / 64 / 4;
  using options = new RunOptions();
  using memory = allocator.allocate(TENSOR_BYTES);
  using x = Tensor.fromArray(new Float32Array(rows * 64).fill(1), [rows, 64]);
  using y = Tensor.overMemory(memory, 0, [rows, 64], 'float32');
  using binding = new IoBinding(session)
    .bindInput('x', x)
    .bindOutput('y', y)
    .bindOutputToDevice('z', cpuMemoryInfo());
  await session.run(binding, options);
  for (const tensor of binding.outputs()) tensor.dispose();
}

/** Without what the collector has yet to find. */
function residentMemory(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage.rss();
}
