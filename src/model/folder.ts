import { existsSync } from 'node:fs';
import path from 'node:path';
import { checkDecoder } from '#graph/build.js';
import { checkEncoder, type EncoderPlan } from '#graph/build-encoder.js';
import { checkSeq2Seq } from '#graph/build-seq2seq.js';
import type { EncoderPrecision } from '#graph/encoder-graph.js';
import { findArchitecture } from '#graph/families/index.js';
import { ModelConfig } from '#graph/config.js';
import { decoderSizes, type DescribedDecoder } from './decoder/decoder-sizes.js';
import { planDecoder, type DecoderPlan, type PlanOptions } from './decoder/decoder-plan.js';
import { planSeq2Seq, type Seq2SeqPlan } from './decoder/seq2seq/seq2seq-plan.js';
import { describeEncoder, modelKind, type EncoderDescription } from './encoder-description.js';
import { planEncoder, type EncoderRun } from './encoder/encoder-plan.js';
import { checkReadyMade } from './encoder/padded/ports.js';
import { readOnnxFile, type OnnxFile } from './onnx-file.js';
import { rawGraph } from './raw-graph.js';

/** A model folder as it was read: the kind of model that it holds, and which of its files are to be run. */
export type ModelFolder =
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
  | (Seq2SeqPlan & { readonly kind: 'seq2seq' });

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
  const graph = await rawGraph(folder, options.precision);
  if (graph !== undefined) return { kind: 'raw', graph: await readOnnxFile(graph) };
  const kind = await modelKind(folder);
  if (kind === 'seq2seq') {
    const planned = await planSeq2Seq(folder, options);
    if (planned.found === undefined && !options.withoutWeights) await checkSeq2Seq(folder, options);
    return { kind, ...planned };
  }
  if (kind === 'encoder') {
    const description = await describeEncoder(folder);
    const plan = await planEncoder(folder, description, options);
    if (plan.source === 'onnx') checkReadyMade(plan.graph, description);
    else if (!options.withoutWeights) await checkEncoder(folder, encoderBuild(description, plan.precision));
    return { kind: 'encoder', description, plan, contextLength: encoderLength(description) };
  }
  const plan = await planDecoder(folder, options);
  if (plan.source === 'weights' && !options.withoutWeights) await checkDecoder(folder, options);
  const config = existsSync(path.join(folder, 'config.json')) ? await ModelConfig.read(folder) : undefined;
  return { kind: 'decoder', config, plan, sizes: decoderSizes(plan, config) };
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

/** The longest input that an encoder and what stands behind it can take, in tokens. */
export function encoderLength({ config, modules }: EncoderDescription): number {
  const own =
    findArchitecture(config)?.sizes(config).contextLength ?? config.size('max_position_embeddings', 512);
  return Math.min(own, modules.contextLength ?? Infinity);
}
