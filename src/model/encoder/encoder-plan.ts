import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { KvasirError } from '#errors.js';
import { findArchitecture } from '#graph/families/index.js';
import { ENCODER_PRECISIONS, type EncoderPrecision } from '#graph/encoder-graph.js';
import { defaultPrecision, type Precision } from '#graph/precision.js';
import { findWeightsFile } from '#graph/weights/checkpoint.js';
import type { PlanOptions } from '../decoder/decoder-plan.js';
import type { EncoderDescription } from '../encoder-description.js';
import { chooseGraphs } from '../graph-files.js';
import { readOnnxFile, type OnnxFile } from '../onnx-file.js';
import { storedPrecision, type RunPath } from '../run-path.js';

/** What of a folder is to be run. */
export type EncoderRun =
  | { readonly source: 'weights'; readonly precision: EncoderPrecision; readonly path: RunPath }
  | { readonly source: 'onnx'; readonly graph: OnnxFile; readonly path: RunPath };

/**
 * Decides how a folder's encoder is run, without loading anything.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`; `invalid_configuration` where it cannot be built
 * in that precision
 */
export async function planEncoder(
  folder: string,
  { config, modules }: EncoderDescription,
  { format, precision }: PlanOptions = {},
): Promise<EncoderRun> {
  const inner = path.join(folder, modules.encoderFolder);
  const names = (await readdir(inner, { recursive: true })).map(name => name.replaceAll(path.sep, '/'));
  const weights = findWeightsFile(inner);
  const hasWeights = weights !== undefined;
  const isKnown = findArchitecture(config) !== undefined;
  const builds = format !== 'onnx' && hasWeights && isKnown;
  const [graph] = builds || format === 'safetensors' ? [] : chooseGraphs(names, precision);
  if (graph !== undefined) {
    const file = await readOnnxFile(path.join(inner, graph));
    const type = config.string('model_type', '');
    const why =
      format === 'onnx'
        ? 'since ONNX was asked for'
        : hasWeights
          ? `since no graph can be built for '${type}'`
          : 'since there are no safetensors';
    const reason = `${graph}, ${why}`;
    return {
      source: 'onnx',
      graph: file,
      path: { kind: 'ready-made', precision: storedPrecision(file), reason },
    };
  }
  if (format === 'onnx') {
    const exact = precision === undefined ? '' : ` of precision ${precision}`;
    throw new KvasirError('unsupported_model', `${inner} has no ONNX encoder${exact}`);
  }
  const written = builtPrecision(folder, precision ?? defaultPrecision(config));
  // What is unknown, or not there, is an error of the build, which names it.
  const reason = `${weights ?? 'safetensors'} of a known architecture, '${config.string('model_type', '')}': Kvasir writes the graph${precision === 'w8a8' ? `; ${SAME_PRECISION}` : ''}`;
  return {
    source: 'weights',
    precision: written,
    path: { kind: 'built', precision: written, reason },
  };
}

/** What there is to say where an encoder is asked for in a decoder's words. */
export const SAME_PRECISION =
  'w8a8 and int8 are the same for an encoder, 8-bit weights times 8-bit activations';

/**
 * The precision that an encoder is built in.
 *
 * @throws KvasirError `invalid_configuration` for one that encoders have not
 */
export function builtPrecision(folder: string, asked: Precision): EncoderPrecision {
  if (asked === 'w8a8') return 'int8';
  const precision = ENCODER_PRECISIONS.find(known => known === asked);
  if (precision !== undefined) return precision;
  throw new KvasirError(
    'invalid_configuration',
    `${folder}: an encoder cannot be built in ${asked}, only in ${ENCODER_PRECISIONS.join(', ')}; ${SAME_PRECISION}`,
  );
}
