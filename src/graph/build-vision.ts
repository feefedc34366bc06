import path from 'node:path';
import type { PictureTask, VisionSizes } from './assembly/vision/architecture.js';
import type { BuildOptions } from './build.js';
import { buildOnce } from './build-cache.js';
import { ModelConfig } from './config.js';
import { fieldWarnings } from './config-fields/field-warnings.js';
import { refuseUnwritten } from './config-fields/unwritten.js';
import type { EncoderPrecision } from './encoder-graph.js';
import { visionArchitecture, visionConfig } from './families/vision/index.js';
import type { ModelGraph } from './model-graph.js';
import { refuseQuantized } from './quantized-checkpoint.js';
import {
  requireSize,
  visionGraph,
  visionVariant,
  type ServedPictures,
  type VisionDesign,
} from './vision-graph.js';
import { Checkpoint, weightFiles } from './weights/checkpoint.js';
import { sortLeftovers, type Leftovers } from './weights/leftovers.js';
import { ModelWeights } from './weights/model-weights.js';

/** A build of the folder of a model of pictures alone. */
export interface VisionPlan {
  readonly task: PictureTask;
  /** Labels of a classifier. */
  readonly labels: number;
  readonly pictures: ServedPictures;
  readonly precision: EncoderPrecision;
  /** As for decoders. */
  readonly onProgress?: BuildOptions['onProgress'];
  readonly onDamaged?: BuildOptions['onDamaged'];
}

/** A graph on disk, ready to load; see `visionGraph`. */
export interface BuiltVision {
  readonly graphPath: string;
  readonly sizes: VisionSizes;
  /** Width of a result. */
  readonly width: number;
}

/**
 * The ONNX graph of a model of pictures in the Hugging Face layout. Built on the first call, and again when one of
 * the files changes.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`, `storage_full`
 */
export async function buildVision(folder: string, plan: VisionPlan): Promise<BuiltVision> {
  const { task, labels, pictures, precision, onProgress, onDamaged } = plan;
  const design = await designVision(folder, plan);
  const variant = visionVariant(`vision-${task}`, precision, [labels, pictures]);
  const files = ['config.json', ...(await weightFiles(folder))];
  const build = await buildOnce({ folder, files, variant, onDamaged }, target =>
    withGraph(folder, design, precision, graph => graph.save(path.join(target, 'vision.onnx'), onProgress)),
  );
  return {
    graphPath: path.join(build, 'vision.onnx'),
    sizes: design.architecture.sizes(design.config),
    width: design.head.width,
  };
}

/**
 * Checks a folder as far as a build would without reading the weights' elements, as `checkDecoder` does.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`
 */
export async function checkVision(folder: string, plan: VisionPlan): Promise<Leftovers> {
  return withGraph(folder, await designVision(folder, plan), plan.precision, async () => undefined);
}

async function designVision(folder: string, { task, labels, pictures }: VisionPlan): Promise<VisionDesign> {
  const whole = await ModelConfig.read(folder);
  const architecture = visionArchitecture(whole);
  refuseQuantized(whole);
  const config = visionConfig(architecture, whole);
  refuseUnwritten(config);
  requireSize(architecture, config, pictures.size);
  const head =
    task === 'image-embedding' ? architecture.embedding(config) : architecture.classifier(config, labels);
  return { architecture, config, head, pictures };
}

/** Composes the graph, whose weights can be read as long as `use` takes. */
async function withGraph(
  folder: string,
  design: VisionDesign,
  precision: EncoderPrecision,
  use: (graph: ModelGraph) => Promise<void>,
): Promise<Leftovers> {
  const checkpoint = await Checkpoint.open(folder);
  try {
    await use(visionGraph(design, new ModelWeights(checkpoint), precision));
    return sortLeftovers(checkpoint.unused, fieldWarnings(design.config));
  } finally {
    await checkpoint.close();
  }
}
