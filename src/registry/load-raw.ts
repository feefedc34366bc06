import { basename, resolve } from 'node:path';
import type { OnnxFile } from '#model/onnx-file.js';
import { openSession } from '#model/open-session.js';
import { rawPath } from '#model/raw-graph.js';
import type { Environment, SessionSettings } from '#runtime/index.js';
import { GraphService, type GraphLimits } from '#tensors/graph-service.js';
import { tensorModel } from './models.js';
import type { TensorModel } from './types.js';

const DEFAULT_LIMITS: GraphLimits = { maxWaiting: 1024, outputBytes: 64 * 2 ** 20, runTime: 60_000 };

/** Settings of a graph that is called with tensors. */
export interface RawModelOptions {
  /** The name that requests use; by default the folder's. */
  readonly id?: string | undefined;
  readonly session?: SessionSettings | undefined;
  /** By default 1024 calls that wait, outputs of 64 MiB, and a minute. */
  readonly limits?: Partial<GraphLimits> | undefined;
}

/**
 * Loads an ONNX graph as it is.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`, `runtime_failure`, `runtime_unavailable`
 */
export async function loadRaw(
  environment: Environment,
  folder: string,
  graph: OnnxFile,
  { id, session: settings, limits }: RawModelOptions = {},
): Promise<TensorModel> {
  const session = await openSession(environment, graph.path, {
    spinning: false,
    arena: false,
    ...settings,
  });
  try {
    const tensors = new GraphService(session, { ...DEFAULT_LIMITS, ...limits });
    return tensorModel({
      id: id ?? basename(resolve(folder)),
      device: 'cpu',
      path: rawPath(folder, graph),
      tensors,
    });
  } catch (error) {
    session.dispose();
    throw error;
  }
}
