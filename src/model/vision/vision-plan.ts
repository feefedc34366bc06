import path from 'node:path';
import { KvasirError } from '#errors.js';
import type { ModelConfig } from '#graph/config.js';
import type { EncoderPrecision } from '#graph/encoder-graph.js';
import { findTowers, findVision } from '#graph/families/vision/index.js';
import type { PlanOptions } from '../decoder/decoder-plan.js';
import { defaultPrecision } from '#graph/precision.js';
import { findWeightsFile } from '#graph/weights/checkpoint.js';
import { builtPrecision, SAME_PRECISION } from '../encoder/encoder-plan.js';
import { chooseGraphs, chooseTowerGraphs, filesOf } from '../graph-files.js';
import { readOnnxFile, type OnnxFile } from '../onnx-file.js';
import { storedPrecision, type RunPath } from '../run-path.js';

/** What of a folder is to be run: graphs that are built of its weights, or those that it has. */
export type VisionRun =
  | { readonly source: 'weights'; readonly precision: EncoderPrecision; readonly path: RunPath }
  | {
      readonly source: 'onnx';
      /** Of pictures; of two towers, then of texts. */
      readonly graphs: readonly OnnxFile[];
      readonly path: RunPath;
    };

/**
 * Decides how a folder's model of pictures is run, without loading anything.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`; `invalid_configuration` where it cannot be built in that
 * precision
 */
export async function planVision(
  folder: string,
  config: ModelConfig,
  options: PlanOptions = {},
): Promise<VisionRun> {
  return plan(folder, config, options, findVision(config) !== undefined, chooseGraphs);
}

/**
 * Decides how a folder's two towers are run, as {@link planVision}.
 *
 * @throws KvasirError as there
 */
export async function planTowers(
  folder: string,
  config: ModelConfig,
  options: PlanOptions = {},
): Promise<VisionRun> {
  return plan(folder, config, options, findTowers(config) !== undefined, chooseTowerGraphs);
}

async function plan(
  folder: string,
  config: ModelConfig,
  { format, precision }: PlanOptions,
  isKnown: boolean,
  choose: typeof chooseGraphs,
): Promise<VisionRun> {
  const names = await filesOf(folder);
  const weights = findWeightsFile(folder);
  const hasWeights = weights !== undefined;
  const builds = format !== 'onnx' && hasWeights && isKnown;
  const chosen = builds || format === 'safetensors' ? [] : choose(names, precision);
  const type = config.string('model_type', '');
  if (chosen.length > 0) {
    const graphs = await Promise.all(chosen.map(name => readOnnxFile(path.join(folder, name))));
    const why =
      format === 'onnx'
        ? 'since ONNX was asked for'
        : hasWeights
          ? `since no graph can be built for '${type}'`
          : 'since there are no safetensors';
    const reason = `${chosen.join(' and ')}, ${why}`;
    return {
      source: 'onnx',
      graphs,
      path: { kind: 'ready-made', precision: storedPrecision(graphs[0]!), reason },
    };
  }
  if (format === 'onnx') {
    const exact = precision === undefined ? '' : ` of precision ${precision}`;
    throw new KvasirError('unsupported_model', `${folder} has no ONNX graphs of pictures${exact}`);
  }
  const written = builtPrecision(folder, precision ?? defaultPrecision(config));
  // What is unknown, or not there, is an error of the build, which names it.
  const reason = `${weights ?? 'safetensors'} of a known architecture, '${type}': Kvasir writes the graph${precision === 'w8a8' ? `; ${SAME_PRECISION}` : ''}`;
  return { source: 'weights', precision: written, path: { kind: 'built', precision: written, reason } };
}
