import { buildDecoder, type BuildOptions } from '#graph/build.js';
import { buildEncoder } from '#graph/build-encoder.js';
import { planDecoder } from './decoder/decoder-plan.js';
import { describeEncoder, modelKind } from './encoder-description.js';
import { planEncoder } from './encoder/encoder-plan.js';
import { readOnnxFile } from './onnx-file.js';
import { rawGraph, rawPath } from './raw-graph.js';
import type { RunPath } from './run-path.js';

/** What a model folder's graph was built to. */
export interface BuiltModel {
  /** The graph that is served; of a model that is ready-made, its own. */
  readonly graphPath: string;
  readonly path: RunPath;
}

/**
 * Builds the graph that serving a folder needs, so that serving begins at once.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`, `invalid_configuration`, `storage_full`
 */
export async function buildModel(folder: string, options: BuildOptions): Promise<BuiltModel> {
  const raw = await rawGraph(folder, options.precision);
  if (raw !== undefined) return { graphPath: raw, path: rawPath(folder, await readOnnxFile(raw)) };
  if ((await modelKind(folder)) === 'generation') {
    const plan = await planDecoder(folder, options);
    if (plan.source === 'onnx') return { graphPath: plan.found.graphs.at(-1)!.file.path, path: plan.path };
    return { graphPath: (await buildDecoder(folder, options)).graphPath, path: plan.path };
  }
  const description = await describeEncoder(folder);
  const plan = await planEncoder(folder, description, options);
  if (plan.source === 'onnx') return { graphPath: plan.graph.path, path: plan.path };
  const { task, modules, labels } = description;
  const { graphPath } = await buildEncoder(folder, {
    task,
    modules,
    labels: labels.length,
    precision: plan.precision,
    onProgress: options.onProgress,
  });
  return { graphPath, path: plan.path };
}
