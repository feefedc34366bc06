import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Seq2SeqSizes } from '#graph/assembly/seq2seq/architecture.js';
import { ModelConfig } from '#graph/config.js';
import { seq2seqArchitecture } from '#graph/families/index.js';
import type { RunPath } from '../../run-path.js';
import type { PlanOptions } from '../decoder-plan.js';
import { namesIn } from '../ready-made/find-graphs.js';
import { findSeq2SeqGraphs, seq2seqPath, type ReadyMadeSeq2Seq } from '../ready-made/seq2seq/find-seq2seq.js';

/** What of an encoder-decoder's folder is to be run. */
export interface Seq2SeqPlan {
  readonly config: ModelConfig;
  readonly path: RunPath;
  readonly sizes: Seq2SeqSizes;
  /** Graphs that are there; undefined: Kvasir writes them. */
  readonly found?: ReadyMadeSeq2Seq | undefined;
}

/**
 * Decides how a folder's encoder-decoder is run, without loading anything.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`
 */
export async function planSeq2Seq(
  folder: string,
  { format, precision, contextLength }: PlanOptions & { readonly contextLength?: number | undefined } = {},
): Promise<Seq2SeqPlan> {
  const config = await ModelConfig.read(folder);
  const sizes = seq2seqArchitecture(config).sizes(config, contextLength);
  const hasWeights = ['model.safetensors', 'model.safetensors.index.json'].some(name =>
    existsSync(path.join(folder, name)),
  );
  if (format === 'onnx' || (format === undefined && !hasWeights && (await namesIn(folder)).length > 0)) {
    const found = await findSeq2SeqGraphs(folder, precision);
    const why = format === 'onnx' ? 'ONNX was asked for' : 'there are no safetensors';
    return { config, sizes, found, path: seq2seqPath(found, why) };
  }
  const reason = `safetensors of a known encoder-decoder, '${config.modelType}': Kvasir writes its two graphs, whose caches are filled in place`;
  return { config, sizes, path: { kind: 'built', precision: precision ?? 'f32', reason } };
}
