import { cacheLengths } from '../blocks/grouped-query-attention.js';
import { mixedBatch } from '../blocks/mixed-attention.js';
import { pagedBatch } from '../blocks/paged-attention.js';
import type { DecoderForm } from '../cache-kind.js';
import type { ModelGraph } from '../model-graph.js';
import { DataType } from '../onnx/graph-builder.js';
import { decoderBody } from './decoder-body.js';
import { headOfDesign, ownSource, type DecoderArchitecture, type DecoderCache } from './decoder-design.js';
import type { DecoderSource } from './decoder-source.js';
import { languageModelHead } from './heads/language-model.js';

const IDS_SHAPES = {
  slots: ['batch', 'sequence'],
  mixed: ['tokens', 1],
  paged: ['tokens'],
} as const;

/**
 * Writes a decoder that generates text. The graph has the inputs `input_ids` (int64, {@link IDS_SHAPES}), those
 * of {@link cacheLengths}, {@link mixedBatch} or {@link pagedBatch}, `past.N.key` and `past.N.value`, and
 * `logits_positions`; the outputs `logits`, `present.N.key` and `present.N.value`.
 *
 * @throws KvasirError `invalid_model` where a weight is missing or has another shape than config.json says;
 * `unsupported_model`
 */
export function writeGenerator(
  architecture: DecoderArchitecture,
  given: DecoderSource,
  kind: DecoderForm,
): void {
  const source = ownSource(architecture, given);
  const { graph } = source;
  const design = architecture.design(source);
  const ids = graph.input('input_ids', DataType.INT64, IDS_SHAPES[kind]);
  const cache = declareCache(graph, kind);
  const body = decoderBody(source, design, ids, cache, architecture.names);
  languageModelHead(source, body, headOfDesign(design));
}

function declareCache(graph: ModelGraph, kind: DecoderForm): DecoderCache {
  switch (kind) {
    case 'slots':
      return { kind, lengths: cacheLengths(graph) };
    case 'mixed':
      return { kind, batch: mixedBatch(graph) };
    case 'paged':
      return { kind, batch: pagedBatch(graph) };
  }
}
