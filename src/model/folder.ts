import { existsSync } from 'node:fs';
import path from 'node:path';
import { findArchitecture } from '#graph/families/index.js';
import { ModelConfig } from '#graph/config.js';
import { decoderSizes, type DescribedDecoder } from './decoder/decoder-sizes.js';
import { planDecoder, type DecoderPlan, type PlanOptions } from './decoder/decoder-plan.js';
import { describeEncoder, modelKind, type EncoderDescription } from './encoder-description.js';
import { planEncoder, type EncoderRun } from './encoder/encoder-plan.js';
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
    };

/**
 * Reads what a folder holds, without loading or building anything. Everybody who asks a folder what it is asks here: loading, building,
 * reports, and the cards of models that are not loaded.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`, `invalid_configuration`
 */
export async function readModelFolder(folder: string, options: PlanOptions = {}): Promise<ModelFolder> {
  const graph = await rawGraph(folder, options.precision);
  if (graph !== undefined) return { kind: 'raw', graph: await readOnnxFile(graph) };
  if ((await modelKind(folder)) === 'encoder') {
    const description = await describeEncoder(folder);
    const plan = await planEncoder(folder, description, options);
    return { kind: 'encoder', description, plan, contextLength: encoderLength(description) };
  }
  const plan = await planDecoder(folder, options);
  const config = existsSync(path.join(folder, 'config.json')) ? await ModelConfig.read(folder) : undefined;
  return { kind: 'decoder', config, plan, sizes: decoderSizes(plan, config) };
}

/** The longest input that an encoder and what stands behind it can take, in tokens. */
export function encoderLength({ config, modules }: EncoderDescription): number {
  const own =
    findArchitecture(config)?.sizes(config).contextLength ?? config.size('max_position_embeddings', 512);
  return Math.min(own, modules.contextLength ?? Infinity);
}
