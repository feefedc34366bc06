import { existsSync } from 'node:fs';
import path from 'node:path';
import { checkDecoder } from '#graph/build.js';
import { checkEncoder, type EncoderPlan } from '#graph/build-encoder.js';
import { checkSeq2Seq } from '#graph/build-seq2seq.js';
import { checkTowers } from '#graph/build-towers.js';
import { checkVision } from '#graph/build-vision.js';
import type { EncoderPrecision } from '#graph/encoder-graph.js';
import { findArchitecture } from '#graph/families/index.js';
import { ModelConfig } from '#graph/config.js';
import type { Leftovers } from '#graph/weights/leftovers.js';
import { decoderSizes, type DescribedDecoder } from './decoder/decoder-sizes.js';
import { planDecoder, type DecoderPlan, type PlanOptions } from './decoder/decoder-plan.js';
import { planSeq2Seq, type Seq2SeqPlan } from './decoder/seq2seq/seq2seq-plan.js';
import { describeEncoder, modelKind, type EncoderDescription } from './encoder-description.js';
import { planEncoder, type EncoderRun } from './encoder/encoder-plan.js';
import { checkReadyMade } from './encoder/padded/ports.js';
import { readOnnxFile, type OnnxFile } from './onnx-file.js';
import { rawGraph } from './raw-graph.js';
import type { TowersDescription, VisionDescription } from './vision/loaded.js';
import { checkReadyMadePictures, checkReadyMadeTowers } from './vision/ready-made/open.js';
import {
  describeTowers,
  describeVision,
  towersBuild,
  visionBuild,
  visionKind,
} from './vision/vision-description.js';
import { planTowers, planVision, type VisionRun } from './vision/vision-plan.js';

/** A model folder as it was read: the kind of model that it holds, and which of its files are to be run. */
export type ModelFolder = KindOfFolder & {
  /** What a graph that is built leaves of the weights; undefined where none is built, or nothing is known yet. */
  readonly leftovers?: Leftovers | undefined;
};

type KindOfFolder =
  | { readonly kind: 'raw'; readonly graph: OnnxFile }
  | {
      readonly kind: 'encoder';
      readonly description: EncoderDescription;
      readonly plan: EncoderRun;
      /** Longest input, in tokens. */
      readonly contextLength: number;
    }
  | {
      readonly kind: 'decoder';
      readonly config: ModelConfig | undefined;
      readonly plan: DecoderPlan;
      readonly sizes: DescribedDecoder;
    }
  | ({ readonly kind: 'seq2seq' } & Seq2SeqPlan)
  /** Pictures alone. */
  | { readonly kind: 'vision'; readonly description: VisionDescription; readonly plan: VisionRun }
  /** Texts and pictures in one space. */
  | { readonly kind: 'towers'; readonly description: TowersDescription; readonly plan: VisionRun };

export interface FolderOptions extends PlanOptions {
  /** Longest sequence to serve, in tokens; by default the model's own. */
  readonly contextLength?: number | undefined;
  /** True for a folder with the small files of a model only, whose weights cannot be checked. */
  readonly withoutWeights?: boolean | undefined;
}

/**
 * Reads what a folder holds, without loading or building anything. Everybody who asks a folder what it is
 * asks here: loading, building, reports, and the cards of models that are not loaded. Weights of which a
 * graph is to be built are checked against config.json by their names, shapes and types, and by those of
 * ready-made graphs where their data lies.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`, `invalid_configuration`
 */
export async function readModelFolder(folder: string, options: FolderOptions = {}): Promise<ModelFolder> {
  const seen = await visionKind(folder);
  if (seen !== undefined)
    return seen === 'vision' ? readVision(folder, options) : readTowers(folder, options);
  const graph = await rawGraph(folder, options.precision);
  if (graph !== undefined) return { kind: 'raw', graph: await readOnnxFile(graph) };
  const kind = await modelKind(folder);
  if (kind === 'seq2seq') {
    const planned = await planSeq2Seq(folder, options);
    const isBuilt = planned.source === 'weights' && !options.withoutWeights;
    return { kind, ...planned, leftovers: isBuilt ? await checkSeq2Seq(folder, options) : undefined };
  }
  if (kind === 'encoder') {
    const description = await describeEncoder(folder);
    const plan = await planEncoder(folder, description, options);
    if (plan.source === 'onnx') checkReadyMade(plan.graph, description);
    const leftovers =
      plan.source === 'onnx' || options.withoutWeights
        ? undefined
        : await checkEncoder(folder, encoderBuild(description, plan.precision));
    return { kind: 'encoder', description, plan, contextLength: encoderLength(description), leftovers };
  }
  const plan = await planDecoder(folder, options);
  const leftovers =
    plan.source === 'weights' && !options.withoutWeights ? await checkDecoder(folder, options) : undefined;
  const config = existsSync(path.join(folder, 'config.json')) ? await ModelConfig.read(folder) : undefined;
  return { kind: 'decoder', config, plan, sizes: decoderSizes(plan, config), leftovers };
}

async function readVision(folder: string, options: FolderOptions): Promise<ModelFolder> {
  const description = await describeVision(folder);
  const plan = await planVision(folder, description.config, options);
  if (plan.source === 'onnx') checkReadyMadePictures(plan.graphs[0]!, description);
  const leftovers =
    plan.source === 'onnx' || options.withoutWeights
      ? undefined
      : await checkVision(folder, visionBuild(description, plan.precision));
  return { kind: 'vision', description, plan, leftovers };
}

async function readTowers(folder: string, options: FolderOptions): Promise<ModelFolder> {
  const description = await describeTowers(folder);
  const plan = await planTowers(folder, description.config, options);
  if (plan.source === 'onnx') checkReadyMadeTowers(plan.graphs, description);
  const leftovers =
    plan.source === 'onnx' || options.withoutWeights
      ? undefined
      : await checkTowers(folder, towersBuild(description, plan.precision));
  return { kind: 'towers', description, plan, leftovers };
}

/** What is to be built of an encoder's folder. */
export function encoderBuild(
  { task, modules, labels }: EncoderDescription,
  precision: EncoderPrecision,
  contextLength = Infinity,
): EncoderPlan {
  const served = Math.min(contextLength, modules.contextLength ?? Infinity);
  return { task, modules, labels: labels.length, precision, contextLength: served };
}

/** How families that are only run ready-made call their longest input. */
const CONTEXT_FIELDS = ['max_position_embeddings', 'n_positions', 'max_sequence_length', 'max_seq_len'];
/** Taken where nothing says how long an input may be: most encoders were made for it. */
const SHORTEST = 512;

/** The longest input that an encoder and what stands behind it can take, in tokens. */
export function encoderLength({ config, modules }: EncoderDescription): number {
  const named = CONTEXT_FIELDS.find(name => config.has(name));
  const own =
    findArchitecture(config)?.sizes(config).contextLength ??
    (named === undefined ? undefined : config.size(named));
  return Math.min(own ?? modules.contextLength ?? SHORTEST, modules.contextLength ?? Infinity);
}
