import { buildDecoder, type BuildOptions } from '#graph/build.js';
import { buildEncoder } from '#graph/build-encoder.js';
import { buildSeq2Seq } from '#graph/build-seq2seq.js';
import { buildTowers } from '#graph/build-towers.js';
import { buildVision } from '#graph/build-vision.js';
import { encoderBuild, readModelFolder } from './folder.js';
import { rawPath } from './raw-graph.js';
import type { RunPath } from './run-path.js';
import { towersBuild, visionBuild } from './vision/vision-description.js';

/** What a model folder's graph was built to. */
export interface BuiltModel {
  /** The graph that is served, of an encoder-decoder its decoder's, of two towers that of pictures; of a model that is ready-made, its own. */
  readonly graphPath: string;
  readonly path: RunPath;
}

/**
 * Builds the graph that serving a folder needs, so that serving begins at once.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`, `invalid_configuration`, `storage_full`
 */
export async function buildModel(folder: string, options: BuildOptions): Promise<BuiltModel> {
  const read = await readModelFolder(folder, options);
  switch (read.kind) {
    case 'raw':
      return { graphPath: read.graph.path, path: rawPath(folder, read.graph) };
    case 'decoder': {
      const { plan } = read;
      if (plan.source === 'onnx') return { graphPath: plan.found.graphs.at(-1)!.file.path, path: plan.path };
      return { graphPath: (await buildDecoder(folder, options)).graphPath, path: plan.path };
    }
    case 'seq2seq':
      if (read.source === 'onnx') return { graphPath: read.found.next.file.path, path: read.path };
      return { graphPath: (await buildSeq2Seq(folder, options)).decoderPath, path: read.path };
    case 'encoder': {
      const { plan, description } = read;
      if (plan.source === 'onnx') return { graphPath: plan.graph.path, path: plan.path };
      const { onProgress, onDamaged } = options;
      const wanted = { ...encoderBuild(description, plan.precision), onProgress, onDamaged };
      return { graphPath: (await buildEncoder(folder, wanted)).graphPath, path: plan.path };
    }
    case 'vision': {
      const { plan, description } = read;
      if (plan.source === 'onnx') return { graphPath: plan.graphs[0]!.path, path: plan.path };
      const { onProgress, onDamaged } = options;
      const wanted = { ...visionBuild(description, plan.precision), onProgress, onDamaged };
      return { graphPath: (await buildVision(folder, wanted)).graphPath, path: plan.path };
    }
    case 'towers': {
      const { plan, description } = read;
      if (plan.source === 'onnx') return { graphPath: plan.graphs[0]!.path, path: plan.path };
      const { onProgress, onDamaged } = options;
      const wanted = { ...towersBuild(description, plan.precision), onProgress, onDamaged };
      return { graphPath: (await buildTowers(folder, wanted)).visionPath, path: plan.path };
    }
  }
}
