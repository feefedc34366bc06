import { cacheLengths } from '../blocks/grouped-query-attention.js';
import { pagedBatch } from '../blocks/paged-attention.js';
import type { CacheKind } from '../cache-kind.js';
import { DataType } from '../onnx/graph-builder.js';
import { decoderBody } from './decoder-body.js';
import type { DecoderArchitecture, DecoderCache } from './decoder-design.js';
import type { DecoderSource } from './decoder-source.js';
import { languageModelHead } from './heads/language-model.js';

/**
 * Writes a decoder that generates text. The graph has the inputs `input_ids` (int64 `[batch, sequence]`; with
 * a paged cache `[tokens]`), those of {@link cacheLengths} or {@link pagedBatch}, `past.N.key` and
 * `past.N.value`, and `logits_positions`; the outputs `logits`, `present.N.key` and `present.N.value`.
 *
 * @throws KvasirError `invalid_model` where a weight is missing or has another shape than config.json says;
 * `unsupported_model`
 */
export function writeGenerator(
  architecture: DecoderArchitecture,
  source: DecoderSource,
  kind: CacheKind,
): void {
  const { graph } = source;
  const design = architecture.design(source);
  const isPaged = kind === 'paged';
  const ids = graph.input('input_ids', DataType.INT64, isPaged ? ['tokens'] : ['batch', 'sequence']);
  const cache: DecoderCache = isPaged
    ? { kind, batch: pagedBatch(graph) }
    : { kind, lengths: cacheLengths(graph) };
  const body = decoderBody(source, design, ids, cache, architecture.names);
  languageModelHead(source, body, { factor: design.logitsFactor, softCap: design.logitsSoftCap });
}
