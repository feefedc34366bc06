import { basename, resolve } from 'node:path';
import type { OnnxFile } from '#model/onnx-file.js';
import { openSession } from '#model/open-session.js';
import { rawPath } from '#model/raw-graph.js';
import type { Environment, SessionSettings } from '#runtime/index.js';
import { GraphService } from '#tensors/graph-service.js';
import { tensorModel } from './models.js';
import type { TensorModel } from './types.js';

/** Calls that may wait for their run. */
const MAX_WAITING = 1024;

/** Settings of a graph that is called with tensors. */
export interface RawModelOptions {
  /** The name that requests use; by default the folder's. */
  readonly id?: string | undefined;
  readonly session?: SessionSettings | undefined;
  /** Calls that may wait while one runs; default 1024. */
  readonly maxWaiting?: number | undefined;
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
  { id, session: settings, maxWaiting = MAX_WAITING }: RawModelOptions = {},
): Promise<TensorModel> {
  const session = await openSession(environment, graph.path, { spinning: false, ...settings });
  try {
    const tensors = new GraphService(session, maxWaiting);
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
