import path from 'node:path';
import type { GraphBuilder } from '#graph/onnx/graph-builder.js';
import {
  cpuMemoryInfo,
  Environment,
  IoBinding,
  RunOptions,
  Session,
  Tensor,
  type SessionSettings,
} from '#runtime/index.js';

let environment: Environment | undefined;

/** Loads a file with one thread, which is as fast for tiny graphs and leaves the machine to other tests. */
export async function loadGraph(file: string, settings: SessionSettings = {}): Promise<Session> {
  environment ??= new Environment({ logLevel: 'fatal' });
  return Session.load(environment, file, { intraOpThreads: 1, ...settings });
}

/** Saves a graph in a folder (`t.testdir()`) and loads it. */
export async function loadBuilt(
  folder: string,
  graph: GraphBuilder,
  settings: SessionSettings = {},
): Promise<Session> {
  const file = path.join(folder, 'graph.onnx');
  await graph.save(file);
  return loadGraph(file, settings);
}

/** Runs a session once; the outputs are allocated by the run. The caller disposes them. */
export async function run(
  session: Session,
  inputs: Readonly<Record<string, Tensor>>,
): Promise<Record<string, Tensor>> {
  using binding = new IoBinding(session);
  using options = new RunOptions();
  for (const [name, tensor] of Object.entries(inputs)) binding.bindInput(name, tensor);
  for (const { name } of session.outputs) binding.bindOutputToDevice(name, cpuMemoryInfo());
  await session.run(binding, options);
  return Object.fromEntries(binding.outputs().map((tensor, i) => [session.outputs[i]!.name, tensor]));
}

/** A run's result as plain numbers. */
export interface Result {
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

/** Saves, loads and runs a graph, and frees everything: for tests that care for nothing but the numbers. */
export async function evaluate(
  folder: string,
  graph: GraphBuilder,
  inputs: Readonly<Record<string, Tensor>>,
): Promise<Record<string, Result>> {
  using session = await loadBuilt(folder, graph);
  const outputs = await run(session, inputs);
  return Object.fromEntries(
    Object.entries(outputs).map(([name, tensor]) => {
      using result = tensor;
      return [name, { shape: result.shape, values: Array.from(result.toArray(), Number) }];
    }),
  );
}

/** A float32 tensor. */
export function floats(values: readonly number[], shape: readonly number[] = [values.length]): Tensor {
  return Tensor.fromArray(Float32Array.from(values), shape);
}

/** An int64 tensor. */
export function longs(values: readonly number[], shape: readonly number[] = [values.length]): Tensor {
  return Tensor.fromArray(BigInt64Array.from(values, BigInt), shape);
}
