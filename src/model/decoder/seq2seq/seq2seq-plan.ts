import type { Seq2SeqSizes } from '#graph/assembly/seq2seq/architecture.js';
import { ModelConfig } from '#graph/config.js';
import { seq2seqArchitecture } from '#graph/families/index.js';
import { KvasirError } from '#errors.js';
import type { RunPath } from '../../run-path.js';
import type { PlanOptions } from '../decoder-plan.js';

/** What of an encoder-decoder's folder is to be run. */
export interface Seq2SeqPlan {
  readonly config: ModelConfig;
  readonly path: RunPath;
  readonly sizes: Seq2SeqSizes;
}

/**
 * Decides how a folder's encoder-decoder is run, without loading anything.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`
 */
export async function planSeq2Seq(
  folder: string,
  {
    format,
    precision = 'f32',
    contextLength,
  }: PlanOptions & { readonly contextLength?: number | undefined } = {},
): Promise<Seq2SeqPlan> {
  if (format === 'onnx')
    throw new KvasirError(
      'unsupported_model',
      `${folder}: of encoder-decoders, Kvasir runs graphs that it writes itself, of safetensors; ONNX was asked for`,
    );
  const config = await ModelConfig.read(folder);
  const sizes = seq2seqArchitecture(config).sizes(config, contextLength);
  const reason = `safetensors of a known encoder-decoder, '${config.modelType}': Kvasir writes its two graphs, whose caches are filled in place`;
  return { config, sizes, path: { kind: 'built', precision, reason } };
}
