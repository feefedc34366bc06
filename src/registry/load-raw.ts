import { basename, resolve } from 'node:path';
import { readOnnxFile } from '#model/onnx-file.js';
import { rawPath } from '#model/raw-graph.js';
import { Session, type Environment, type SessionSettings } from '#runtime/index.js';
import { GraphService } from '#tensors/graph-service.js';
import type { RawModel } from './types.js';

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
 * @param graph the file.
 * @throws KvasirError `invalid_model`, `unsupported_model`, `runtime_failure`, `runtime_unavailable`
 */
export async function loadRaw(
  environment: Environment,
  folder: string,
  graph: string,
  { id, session: settings, maxWaiting = MAX_WAITING }: RawModelOptions = {},
): Promise<RawModel> {
  const file = await readOnnxFile(graph);
  const session = await Session.load(environment, graph, { spinning: false, ...settings });
  try {
    const tensors = new GraphService(session, maxWaiting);
    return {
      kind: 'raw',
      id: id ?? basename(resolve(folder)),
      created: Math.floor(Date.now() / 1000),
      device: 'cpu',
      path: rawPath(folder, file),
      tensors,
      close: () => tensors.close(),
    };
  } catch (error) {
    session.dispose();
    throw error;
  }
}
