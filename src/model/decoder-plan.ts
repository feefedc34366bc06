import { existsSync } from 'node:fs';
import path from 'node:path';
import { KvasirError } from '../errors.js';
import { decoderArchitecture } from '../graph/architectures/index.js';
import { ModelConfig } from '../graph/config.js';
import type { DecoderPath } from './decoder-path.js';
import type { Precision } from './graph-files.js';
import { findDecoder, hasGraphs, type ReadyMadeDecoder } from './ready-made/find-graphs.js';
import { describePath } from './ready-made/load.js';

/** What of a folder is to be run. */
export type DecoderPlan =
  | { readonly source: 'weights'; readonly path: DecoderPath }
  | { readonly source: 'onnx'; readonly found: ReadyMadeDecoder; readonly path: DecoderPath };

export interface PlanOptions {
  /** Which of a folder's files to take; undefined: the weights where a graph can be built for them, else ONNX. */
  readonly source?: DecoderPlan['source'] | undefined;
  /** Of a ready-made graph; undefined: the most exact that there is. */
  readonly precision?: Precision | undefined;
}

/**
 * Decides how a folder's decoder is run, without loading anything.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`
 */
export async function planDecoder(
  folder: string,
  { source, precision }: PlanOptions = {},
): Promise<DecoderPlan> {
  if (source === 'onnx') return planGraphs(folder, precision, 'ONNX was asked for');
  const weights = ['model.safetensors', 'model.safetensors.index.json'].find(name =>
    existsSync(path.join(folder, name)),
  );
  const mayUseGraphs = source === undefined && (await hasGraphs(folder));
  if (weights === undefined && mayUseGraphs) return planGraphs(folder, precision, 'there are no safetensors');
  try {
    const config = await ModelConfig.read(folder);
    decoderArchitecture(config).sizes(config);
    const reason = `${weights ?? 'safetensors'} of a known architecture, '${config.modelType}': Kvasir writes the graph, whose cache is filled in place`;
    return { source: 'weights', path: { kind: 'built', reason } };
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
  const { kind, reason } = describePath(found);
  return { source: 'onnx', found, path: { kind, reason: `${reason}; taken since ${why}` } };
}
