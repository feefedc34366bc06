import { KvasirError } from '#errors.js';
import { decoderArchitecture } from '#graph/families/index.js';
import { ModelConfig } from '#graph/config.js';
import { defaultPrecision, type Precision } from '#graph/precision.js';
import { findWeightsFile } from '#graph/weights/checkpoint.js';
import { findDecoder, hasGraphs, type ReadyMadeDecoder } from './ready-made/find-graphs.js';
import { describePath } from './ready-made/load.js';
import type { RunPath } from '../run-path.js';
import type { WeightsFormat } from '../weights-format.js';

/** What of a folder is to be run. */
export type DecoderPlan =
  | { readonly source: 'weights'; readonly path: RunPath }
  | { readonly source: 'onnx'; readonly found: ReadyMadeDecoder; readonly path: RunPath };

export interface PlanOptions {
  /**
   * Which of a folder's files to take; undefined: safetensors where a graph can be built of them, else ONNX.
   */
  readonly format?: WeightsFormat | undefined;
  /**
   * What to build; undefined: `stored` where weights are quantized, else `f32`. Which of several ready-made graphs to take; undefined: the most exact.
   */
  readonly precision?: Precision | undefined;
}

/**
 * Decides how a folder's decoder is run, without loading anything.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`
 */
export async function planDecoder(
  folder: string,
  { format, precision }: PlanOptions = {},
): Promise<DecoderPlan> {
  if (format === 'onnx') return planGraphs(folder, precision, 'ONNX was asked for');
  const weights = findWeightsFile(folder);
  const mayUseGraphs = format === undefined && (await hasGraphs(folder));
  if (weights === undefined && mayUseGraphs) return planGraphs(folder, precision, 'there are no safetensors');
  try {
    const config = await ModelConfig.read(folder);
    decoderArchitecture(config).sizes(config);
    const reason = `${weights ?? 'safetensors'} of a known architecture, '${config.modelType}': Kvasir writes the graph, whose cache is filled in place`;
    const written = precision ?? defaultPrecision(config);
    return { source: 'weights', path: { kind: 'built', precision: written, reason } };
  } catch (error) {
    const unknown = error instanceof KvasirError && error.code === 'unsupported_model';
    if (!unknown || !mayUseGraphs) throw error;
    return planGraphs(folder, precision, `no graph can be built for the weights (${error.message})`);
  }
}

async function planGraphs(
  folder: string,
  precision: Precision | undefined,
  why: string,
): Promise<DecoderPlan> {
  const found = await findDecoder(folder, precision);
  const described = describePath(found);
  return {
    source: 'onnx',
    found,
    path: { ...described, reason: `${described.reason}; taken since ${why}` },
  };
}
