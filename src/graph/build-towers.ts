import path from 'node:path';
import type { EncoderSizes } from './assembly/encoder-architecture.js';
import type { TowersArchitecture } from './assembly/towers/architecture.js';
import { TOWER_EMBEDDING } from './assembly/towers/text-tower.js';
import type { VisionSizes } from './assembly/vision/architecture.js';
import { unitVector } from './assembly/vision/heads.js';
import { linear } from './blocks/linear.js';
import { PackedBatch } from './blocks/packed-batch.js';
import { normalize } from './blocks/sentence-embedding.js';
import type { BuildOptions } from './build.js';
import { buildOnce } from './build-cache.js';
import { ModelConfig } from './config.js';
import { fieldWarnings } from './config-fields/field-warnings.js';
import { refuseUnwritten } from './config-fields/unwritten.js';
import { encoderFormat, type EncoderPrecision } from './encoder-graph.js';
import { textConfig, towersArchitecture, visionConfig } from './families/vision/index.js';
import { ModelGraph } from './model-graph.js';
import { DataType } from './onnx/graph-builder.js';
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

/** A build of the folder of two towers. */
export interface TowersPlan {
  readonly pictures: ServedPictures;
  readonly precision: EncoderPrecision;
  /** As for decoders. */
  readonly onProgress?: BuildOptions['onProgress'];
  readonly onDamaged?: BuildOptions['onDamaged'];
}

/**
 * Two graphs on disk, ready to load: that of pictures is `visionGraph`'s, that of texts has the inputs of
 * `PackedBatch` with the last token's row listed and the output `output`, `[texts, width]`. Vectors of both have a
 * length of 1.
 */
export interface BuiltTowers {
  readonly visionPath: string;
  readonly textPath: string;
  readonly visionSizes: VisionSizes;
  readonly textSizes: EncoderSizes;
  /** Width of a vector. */
  readonly width: number;
}

/**
 * The ONNX graphs of two towers in the Hugging Face layout, made in one build. Built on the first call, and again
 * when one of the files changes.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`, `storage_full`
 */
export async function buildTowers(folder: string, plan: TowersPlan): Promise<BuiltTowers> {
  const { pictures, precision, onProgress, onDamaged } = plan;
  const design = await designTowers(folder, plan);
  const variant = visionVariant('towers', precision, pictures);
  const files = ['config.json', ...(await weightFiles(folder))];
  const build = await buildOnce({ folder, files, variant, onDamaged }, target =>
    withGraphs(folder, design, precision, async (vision, text) => {
      await vision.save(path.join(target, 'vision.onnx'), onProgress);
      await text.save(path.join(target, 'text.onnx'), onProgress);
    }),
  );
  const { architecture } = design.vision;
  return {
    visionPath: path.join(build, 'vision.onnx'),
    textPath: path.join(build, 'text.onnx'),
    visionSizes: architecture.sizes(design.vision.config),
    textSizes: design.towers.text.sizes(design.textConfig),
    width: design.vision.head.width,
  };
}

/**
 * Checks a folder as far as a build would without reading the weights' elements, as `checkDecoder` does.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`
 */
export async function checkTowers(folder: string, plan: TowersPlan): Promise<Leftovers> {
  return withGraphs(folder, await designTowers(folder, plan), plan.precision, async () => undefined);
}

/** How the cosine of two towers' vectors becomes a score: `scale · cosine + bias`. */
export interface StoredSimilarity {
  readonly scale: number;
  readonly bias: number;
}

/**
 * Reads `logit_scale`, whose exponential is the scale, and `logit_bias`.
 *
 * @throws KvasirError `invalid_model`
 */
export async function readSimilarity(
  folder: string,
  { similarity: { shape, hasBias } }: TowersArchitecture,
): Promise<StoredSimilarity> {
  const checkpoint = await Checkpoint.open(folder);
  try {
    const read = async (name: string): Promise<number> => (await checkpoint.weight(name, shape).load())[0]!;
    return {
      scale: Math.exp(await read('logit_scale')),
      bias: hasBias ? await read('logit_bias') : 0,
    };
  } finally {
    await checkpoint.close();
  }
}

interface TowersDesign {
  readonly towers: TowersArchitecture;
  readonly whole: ModelConfig;
  readonly vision: VisionDesign;
  readonly textConfig: ModelConfig;
}

async function designTowers(folder: string, { pictures }: TowersPlan): Promise<TowersDesign> {
  const whole = await ModelConfig.read(folder);
  const towers = towersArchitecture(whole);
  refuseQuantized(whole);
  const config = visionConfig(towers.vision, whole);
  refuseUnwritten(config);
  requireSize(towers.vision, config, pictures.size);
  const head = unitVector(towers.picture(config, whole));
  const text = textConfig(towers, whole);
  refuseUnwritten(text);
  const { width } = towers.textProjection(text, whole);
  if (width !== head.width)
    whole.invalid(`texts lead to ${width} numbers, but pictures to ${head.width}: no common space`);
  return {
    towers,
    whole,
    vision: { architecture: towers.vision, config, head, pictures },
    textConfig: text,
  };
}

/** Composes both graphs, whose weights can be read as long as `use` takes. */
async function withGraphs(
  folder: string,
  design: TowersDesign,
  precision: EncoderPrecision,
  use: (vision: ModelGraph, text: ModelGraph) => Promise<void>,
): Promise<Leftovers> {
  const checkpoint = await Checkpoint.open(folder);
  try {
    const weights = new ModelWeights(checkpoint);
    // They are read with the folder, not with the graphs.
    const { shape, hasBias } = design.towers.similarity;
    for (const name of hasBias ? ['logit_scale', 'logit_bias'] : ['logit_scale']) weights.weight(name, shape);
    await use(visionGraph(design.vision, weights, precision), textGraph(design, weights, precision));
    return sortLeftovers(checkpoint.unused, fieldWarnings(design.vision.config, design.textConfig));
  } finally {
    await checkpoint.close();
  }
}

function textGraph(
  { towers, whole, textConfig: config }: TowersDesign,
  weights: ModelWeights,
  precision: EncoderPrecision,
): ModelGraph {
  const graph = new ModelGraph(encoderFormat(precision));
  const sizes = towers.text.sizes(config);
  const hidden = towers.text.hiddenStates({
    graph,
    config,
    sizes,
    batch: new PackedBatch(graph, 'listed'),
    weights,
    modules: new Map(),
    body: weights.within('text_model'),
    embedding: TOWER_EMBEDDING,
  });
  const { name, width, hasBias } = towers.textProjection(config, whole);
  const bias = hasBias ? weights.bias(name, width) : undefined;
  const vector = linear(graph, name, hidden, weights.matrix(name, width, sizes.hiddenSize), bias);
  graph.node({ op: 'Identity', inputs: [normalize(graph, 'normalized', vector)], name: 'output' });
  graph.output('output', DataType.FLOAT, ['texts', width]);
  return graph;
}
