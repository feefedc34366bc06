import { int } from '../onnx/attributes.js';
import type { ModelGraph, QuantizedWeight } from '../model-graph.js';
import type { Value } from '../onnx/graph-builder.js';
import { blockBytes, blocksPerRow, type BlockFormat } from '../quantization/block-format.js';
import { loadMatrix, matrix, type Matrix } from '../weights/matrix.js';
import type { Weight } from '../weights/checkpoint.js';
import { packedColumns } from '../weights/packed-rows.js';
import { integerProduct } from './integer-product.js';
import { quantizedProduct } from './quantized-product.js';

/** A table of vectors `[rows, features]` in a graph, which can be read by row and multiplied by. */
export type EmbeddingTable = { readonly floats: Value } | { readonly quantized: QuantizedWeight };

/**
 * Adds an embedding table.
 *
 * @param format how it is stored; by default as the graph stores what has the size of the vocabulary. A table
 * that is quantized here must have whole blocks in a row, or it is stored in floats.
 */
export function embeddingTable(
  graph: ModelGraph,
  name: string,
  weight: Weight,
  format: BlockFormat | undefined = graph.format.vocabulary,
): EmbeddingTable {
  const rows: Matrix = matrix(weight);
  const form = graph.formOf(rows, format);
  if (form !== undefined && ('layout' in form || rows.columns % form.blockSize === 0))
    return { quantized: graph.quantized(name, rows, form) };
  return { floats: graph.floats(`${name}.weight`, weight.shape, () => loadMatrix(rows)) };
}

/** The table's rows at integer ids of any shape. */
export function embed(graph: ModelGraph, name: string, table: EmbeddingTable, ids: Value): Value {
  if ('floats' in table) return graph.node({ op: 'Gather', inputs: [table.floats, ids], name });
  const { codes, scales, zeroPoints, format, rows, columns, sumCopies } = table.quantized;
  const width = packedColumns({ layout: format, sumCopies }, columns);
  const rowBytes = blocksPerRow(format, width) * blockBytes(format);
  // GatherBlockQuantized wants a row's blocks in one axis; the bytes are the same.
  const shape = graph.constant(`${name}.codes_shape`, [2], [rows, rowBytes]);
  const data = graph.node({ op: 'Reshape', inputs: [codes, shape], name: `${name}.codes` });
  const gathered = graph.node({
    op: 'GatherBlockQuantized',
    domain: 'com.microsoft',
    inputs: [data, ids, scales, zeroPoints],
    name: sumCopies === 0 ? name : `${name}.packed`,
    attributes: {
      bits: int(format.bits),
      block_size: int(format.blockSize),
      gather_axis: int(0),
      quantize_axis: int(1),
    },
  });
  return sumCopies === 0 ? gathered : withMinimums(graph, name, gathered, table.quantized);
}

/** Adds to every element of rows what the columns for sums say of its block. */
function withMinimums(
  graph: ModelGraph,
  name: string,
  packed: Value,
  { format: { blockSize }, columns, sumCopies }: QuantizedWeight,
): Value {
  const blocks = columns / blockSize;
  const pick = (part: string, place: (column: number) => number): Value => {
    const places = Array.from({ length: columns }, (_, column) => place(column));
    return graph.node({
      op: 'Gather',
      inputs: [packed, graph.constant(`${name}.${part}.places`, [columns], places)],
      name: `${name}.${part}`,
      attributes: { axis: int(-1) },
    });
  };
  const parts = Array.from({ length: sumCopies }, (_, copy) =>
    pick(`minimums.${copy}`, column => columns + copy * blocks + Math.floor(column / blockSize)),
  );
  return graph.node({ op: 'Sum', inputs: [pick('own', column => column), ...parts], name });
}

/** A table that is only multiplied by. */
export type Projection = EmbeddingTable | { readonly w8a8: Matrix };

/**
 * The projection onto the vocabulary.
 *
 * @param table the embedding's, where its weight is the same.
 */
export function outputProjection(
  graph: ModelGraph,
  name: string,
  weight: Weight,
  table?: EmbeddingTable,
): Projection {
  return graph.format.w8a8 ? { w8a8: matrix(weight) } : (table ?? embeddingTable(graph, name, weight));
}

/** `x Eᵀ`: how well each row of the table fits `x`, `[n, features]`. */
export function similarities(graph: ModelGraph, name: string, table: Projection, x: Value): Value {
  if ('w8a8' in table) return integerProduct(graph, name, x, table.w8a8, undefined, 1);
  if ('quantized' in table) return quantizedProduct(graph, name, x, table.quantized);
  return graph.node({ op: 'Gemm', inputs: [x, table.floats], name, attributes: { transB: int(1) } });
}
