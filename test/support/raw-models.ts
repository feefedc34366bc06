import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { DataType, GraphBuilder } from '#graph/onnx/graph-builder.js';
import { loadModel } from '#registry/load.js';
import type { TensorModel } from '#registry/types.js';
import type { GraphLimits } from '#tensors/graph-service.js';
import { Environment } from '#runtime/index.js';

const environment = new Environment({ logLevel: 'fatal' });

/** Saves a graph as a folder's model.onnx and loads the folder, under its own name, with one thread. */
export async function rawModel(
  folder: string,
  graph: GraphBuilder,
  options: Partial<GraphLimits> = {},
): Promise<TensorModel> {
  await mkdir(folder, { recursive: true });
  await graph.save(path.join(folder, 'model.onnx'));
  const session = { intraOpThreads: 1 };
  return (await loadModel(environment, folder, { slots: 1, session, raw: options })) as TensorModel;
}

/** Datatypes of the Open Inference Protocol, and what ONNX calls them. */
export const DATATYPES: Readonly<Record<string, DataType>> = {
  BOOL: DataType.BOOL,
  UINT8: DataType.UINT8,
  UINT16: DataType.UINT16,
  UINT32: DataType.UINT32,
  UINT64: DataType.UINT64,
  INT8: DataType.INT8,
  INT16: DataType.INT16,
  INT32: DataType.INT32,
  INT64: DataType.INT64,
  FP16: DataType.FLOAT16,
  FP32: DataType.FLOAT,
  FP64: DataType.DOUBLE,
  BF16: DataType.BFLOAT16,
};

/** Gives back what it is given: an input for each datatype, called after it, and an output `out_…`, `[n, 2]`. */
export function echoGraph(datatypes: readonly string[] = Object.keys(DATATYPES)): GraphBuilder {
  const graph = new GraphBuilder();
  for (const datatype of datatypes) {
    const input = graph.input(datatype, DATATYPES[datatype]!, ['n', 2]);
    graph.node({ op: 'Identity', inputs: [input], name: `out_${datatype}` });
    graph.output(`out_${datatype}`, DATATYPES[datatype]!, ['n', 2]);
  }
  return graph;
}

/** Row by row. */
export const WEIGHTS = [
  [1, -2, 0.5],
  [0.25, 3, -1],
] as const;

/** `y = x · WEIGHTS`, x `[n, 2]`, and `row = WEIGHTS[index]`, an index beyond which makes the run fail. */
export function linearGraph(): GraphBuilder {
  const graph = new GraphBuilder();
  const x = graph.input('x', DataType.FLOAT, ['n', 2]);
  const index = graph.input('index', DataType.INT64, []);
  const weights = graph.constant('weights', [2, 3], WEIGHTS.flat(), DataType.FLOAT);
  graph.output(graph.node({ op: 'MatMul', inputs: [x, weights], name: 'y' }), DataType.FLOAT, ['n', 3]);
  graph.output(graph.node({ op: 'Gather', inputs: [weights, index], name: 'row' }), DataType.FLOAT, [3]);
  return graph;
}

/** Takes seconds for x of `[700, 700]`, and ends between two of its 200 products where it is told to. Its output is `y199`. */
export function slowGraph(): GraphBuilder {
  const graph = new GraphBuilder();
  let value = graph.input('x', DataType.FLOAT, ['n', 'n']);
  for (let i = 0; i < 200; i++) value = graph.node({ op: 'MatMul', inputs: [value, 'x'], name: `y${i}` });
  graph.output(value, DataType.FLOAT, ['n', 'n']);
  return graph;
}

/** Gives zeros of the shape that it is given. */
export function zerosGraph(): GraphBuilder {
  const graph = new GraphBuilder();
  const shape = graph.input('shape', DataType.INT64, ['rank']);
  graph.output(graph.node({ op: 'ConstantOfShape', inputs: [shape], name: 'zeros' }), DataType.FLOAT, []);
  return graph;
}
