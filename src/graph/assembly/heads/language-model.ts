import { outputProjection, similarities, type Projection } from '../../blocks/embedding.js';
import { addBias, linear, type Bias } from '../../blocks/linear.js';
import { scale } from '../../blocks/scale.js';
import { int } from '../../onnx/attributes.js';
import type { ModelGraph } from '../../model-graph.js';
import { DataType, type Value } from '../../onnx/graph-builder.js';
import type { Weight } from '../../weights/checkpoint.js';
import { rowsOf, stackRows } from '../../weights/matrix.js';
import type { Vector } from '../../weights/model-weights.js';
import type { DecoderBody } from '../decoder-body.js';
import { embeddingSize, type DecoderSource } from '../decoder-source.js';

/** Changes of the logits behind the projection. */
export interface LogitsOptions {
  readonly factor?: number | undefined;
  /** `c` of `c · tanh(logit / c)` (Gemma 2), after the factor; undefined: logits are not capped. */
  readonly softCap?: number | undefined;
  /** Added to the logits, after the factor. */
  readonly bias?: Bias | undefined;
  /** Whether what makes log-probabilities of logits is an output, too; default false. */
  readonly logSums?: boolean | undefined;
}

/** Names of the projection: Hugging Face's today, and GPT-NeoX's of old. */
const NAMES = ['lm_head', 'embed_out'];

/** The head of a decoder. */
export interface LanguageModelHead extends Omit<LogitsOptions, 'bias'> {
  /** True if it has a bias. */
  readonly biased?: boolean | undefined;
}

/**
 * The head of a decoder ({@link vocabularyHead}), whose projection is one of {@link NAMES}, or the embedding's own matrix
 * where the weights are tied (Press and Wolf 2017).
 */
export function languageModelHead(
  source: DecoderSource,
  { hidden, words, table }: DecoderBody,
  { biased = false, ...options }: LanguageModelHead,
): void {
  const { graph, sizes } = source;
  const { vocabularySize } = sizes;
  const { weight, bias } = projectionOf(source, words, biased);
  const projection = outputProjection(graph, 'output', weight, weight === words ? table : undefined);
  const shape = { hiddenSize: embeddingSize(sizes), vocabularySize };
  vocabularyHead(graph, hidden, projection, shape, { ...options, bias });
}

/** The projection onto the vocabulary, which is the embedding's own matrix where the weights are tied. */
function projectionOf(
  source: DecoderSource,
  words: Weight,
  biased: boolean,
): { readonly weight: Weight; readonly bias: Vector | undefined } {
  const { weights, sizes } = source;
  const { vocabularySize } = sizes;
  const name = NAMES.find(head => weights.has(`${head}.weight`)) ?? 'lm_head';
  return {
    weight: isTied(source, name)
      ? words
      : weights.weight(`${name}.weight`, [vocabularySize, embeddingSize(sizes)]),
    bias: biased ? weights.bias(name, vocabularySize) : undefined,
  };
}

/**
 * The logits of a few tokens behind each row, float32 `[rows, ids]`, of whose projection only their rows are stored.
 *
 * @param ids in `[0, vocabularySize)`.
 */
export function logitsOfTokens(
  source: DecoderSource,
  { hidden, words }: DecoderBody,
  { biased = false, factor = 1, softCap }: LanguageModelHead,
  ids: readonly number[],
): Value {
  const { graph } = source;
  const { weight, bias } = projectionOf(source, words, biased);
  const rows = stackRows(ids.map(id => rowsOf(weight, id, id + 1)));
  const product = linear(graph, 'logits.product', hidden, rows, undefined, 'floats');
  const shifts = bias && {
    size: ids.length,
    load: async () => {
      const all = await bias.load();
      return Float32Array.from(ids, id => all[id]!);
    },
  };
  const logits = addBias(graph, 'logits', scale(graph, 'logits.scaled', product, factor), shifts);
  return softCap === undefined ? logits : capped(graph, logits, softCap);
}

/**
 * Projects some positions onto the vocabulary: `logits = h[positions] Eᵀ`. Only these reach the product,
 * which for a long prompt saves most of its cost. Declares the input `logits_positions` (int64 `[positions]`,
 * indexes into batch × sequence, row by row) and the output `logits` (`[positions, vocabulary]`), and
 * `logits_maxima` (`[positions, blocks]`), the largest logit of each of equal blocks of the vocabulary, where
 * it has a size that divides so: whoever looks for the best token then reads a block, not the vocabulary.
 * With `logSums`, the output `logits_log_sums` (`[positions]`) is the logarithm of the sum of all logits'
 * exponentials.
 *
 * @param hidden `[...tokens, hidden]`
 */
export function vocabularyHead(
  graph: ModelGraph,
  hidden: Value,
  projection: Projection,
  { hiddenSize, vocabularySize }: { readonly hiddenSize: number; readonly vocabularySize: number },
  { factor = 1, softCap, bias, logSums = false }: LogitsOptions,
): void {
  const positions = graph.input('logits_positions', DataType.INT64, ['positions']);
  const shape = graph.constant('logits.rows_shape', [2], [-1, hiddenSize]);
  const rows = graph.node({ op: 'Reshape', inputs: [hidden, shape], name: 'logits.rows' });
  const wanted = graph.node({ op: 'Gather', inputs: [rows, positions], name: 'logits.hidden' });
  const product = similarities(graph, 'logits.product', projection, wanted);
  const inputs = [addBias(graph, 'logits', scale(graph, 'logits.scaled', product, factor), bias)];
  const name = softCap === undefined ? 'logits' : 'logits.uncapped';
  // ONNX Runtime removes an Identity, but would run a Cast that changes nothing.
  let logits =
    graph.floatType === DataType.FLOAT
      ? graph.node({ op: 'Identity', inputs, name })
      : graph.node({ op: 'Cast', inputs, name, attributes: { to: int(DataType.FLOAT) } });
  if (softCap !== undefined) logits = capped(graph, logits, softCap);
  graph.output('logits', DataType.FLOAT, ['positions', vocabularySize]);

  const maxima = logitsMaxima(graph, logits, vocabularySize);
  if (logSums) logSumExp(graph, 'logits_log_sums', logits, maxima ?? logits);
}

/** `c · tanh(logit / c)`. */
function capped(graph: ModelGraph, logits: Value, softCap: number): Value {
  const cap = graph.constant('logits.cap', [], [softCap], DataType.FLOAT);
  const share = graph.node({ op: 'Div', inputs: [logits, cap], name: 'logits.share' });
  const squashed = graph.node({ op: 'Tanh', inputs: [share], name: 'logits.squashed' });
  return graph.node({ op: 'Mul', inputs: [squashed, cap], name: 'logits' });
}

/** The output `logits_maxima`; undefined where the vocabulary has no equal blocks. */
function logitsMaxima(graph: ModelGraph, logits: Value, vocabularySize: number): Value | undefined {
  const block = blockSize(vocabularySize);
  if (block === undefined) return undefined;
  const blocks = vocabularySize / block;
  const blocked = graph.node({
    op: 'Reshape',
    inputs: [logits, graph.constant('logits.blocks_shape', [3], [0, blocks, block])],
    name: 'logits.blocks',
  });
  const maxima = graph.node({
    op: 'ReduceMax',
    inputs: [blocked, graph.constant('logits.blocks_axis', [1], [2])],
    name: 'logits_maxima',
    attributes: { keepdims: int(0) },
  });
  graph.output('logits_maxima', DataType.FLOAT, ['positions', blocks]);
  return maxima;
}

/**
 * An output of this name, `[positions]`. One by one these operators take a third of the time of
 * ReduceLogSumExp on the CPU.
 *
 * @param maxima `[positions, blocks]`, the largest logits of blocks.
 */
function logSumExp(graph: ModelGraph, name: string, logits: Value, maxima: Value): void {
  const axis = graph.constant(`${name}.axis`, [1], [1]);
  const part = (op: string, inputs: Value[]): Value => graph.node({ op, inputs, name: `${name}.${op}` });
  const max = part('ReduceMax', [maxima, axis]);
  const sum = part('ReduceSum', [part('Exp', [part('Sub', [logits, max])]), axis]);
  const inputs = [part('Add', [part('Log', [sum]), max]), axis];
  graph.node({ op: 'Squeeze', inputs, name });
  graph.output(name, DataType.FLOAT, ['positions']);
}

/**
 * True if the embedding is the output projection, too. Families differ in what they assume where config.json
 * is silent: the weights tell.
 */
function isTied({ config, weights }: DecoderSource, name: string): boolean {
  return config.flag('tie_word_embeddings', !weights.has(`${name}.weight`));
}

/**
 * Largest divisor of a vocabulary's size up to 128; undefined where only small ones are left, which would
 * save nothing.
 */
function blockSize(vocabularySize: number): number | undefined {
  for (let size = 128; size >= 16; size--) if (vocabularySize % size === 0) return size;
  return undefined;
}
