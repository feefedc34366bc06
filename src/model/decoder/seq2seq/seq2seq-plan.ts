import { KvasirError } from '#errors.js';
import type { Seq2SeqSizes } from '#graph/assembly/seq2seq/architecture.js';
import { ModelConfig } from '#graph/config.js';
import { seq2seqArchitecture } from '#graph/families/index.js';
import { defaultPrecision } from '#graph/precision.js';
import { findWeightsFile } from '#graph/weights/checkpoint.js';
import { chooseSeq2SeqGraphs } from '../../graph-files.js';
import type { RunPath } from '../../run-path.js';
import { checkFeatures } from '../../speech/check-features.js';
import type { PlanOptions } from '../decoder-plan.js';
import { namesIn } from '../ready-made/find-graphs.js';
import {
  describeSeq2SeqPath,
  findReadyMadeSeq2Seq,
  type ReadyMadeSeq2Seq,
} from '../ready-made/find-seq2seq.js';

/** What of an encoder-decoder's folder is to be run. */
export type Seq2SeqPlan = {
  readonly config: ModelConfig;
  readonly path: RunPath;
  readonly sizes: Seq2SeqSizes;
} & ({ readonly source: 'weights' } | { readonly source: 'onnx'; readonly found: ReadyMadeSeq2Seq });

export interface Seq2SeqPlanOptions extends PlanOptions {
  /** The context that is to be served; by default the model's own. */
  readonly contextLength?: number | undefined;
}

/**
 * Decides how a folder's encoder-decoder is run, without loading anything.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`, `invalid_configuration`
 */
export async function planSeq2Seq(folder: string, options: Seq2SeqPlanOptions = {}): Promise<Seq2SeqPlan> {
  const plan = await chooseSeq2Seq(folder, options);
  if (plan.sizes.sound !== undefined) await checkFeatures(folder, plan.sizes.sound);
  return plan;
}

async function chooseSeq2Seq(folder: string, options: Seq2SeqPlanOptions): Promise<Seq2SeqPlan> {
  const { format, contextLength } = options;
  const config = await ModelConfig.read(folder);
  const precision = options.precision ?? defaultPrecision(config);
  const graphs = (why: string): Promise<Seq2SeqPlan> => planGraphs(folder, config, options, why);
  if (format === 'onnx') return graphs('ONNX was asked for');
  const names = format === undefined ? await namesIn(folder) : [];
  const weights = findWeightsFile(folder);
  if (names.length > 0 && weights === undefined) return graphs('there are no safetensors');
  try {
    const sizes = seq2seqArchitecture(config).sizes(config, contextLength);
    const reason = `${weights ?? 'safetensors'} of a known encoder-decoder, '${config.modelType}': Kvasir writes its two graphs, whose caches are filled in place`;
    return { source: 'weights', config, sizes, path: { kind: 'built', precision, reason } };
  } catch (error) {
    const isUnknown = error instanceof KvasirError && error.code === 'unsupported_model';
    if (!isUnknown || chooseSeq2SeqGraphs(names).length === 0) throw error;
    return graphs(`no graph can be built for the weights (${error.message})`);
  }
}

async function planGraphs(
  folder: string,
  config: ModelConfig,
  { precision, contextLength }: Seq2SeqPlanOptions,
  why: string,
): Promise<Seq2SeqPlan> {
  const found = await findReadyMadeSeq2Seq(folder, config, precision, contextLength);
  const described = describeSeq2SeqPath(found);
  const reason = `${described.reason}; taken since ${why}`;
  return { source: 'onnx', config, found, sizes: found.sizes, path: { ...described, reason } };
}
