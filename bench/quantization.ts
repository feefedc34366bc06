/**
 * What quantization costs a model: the error of every quantized matrix, and on a held-out text the perplexity, the divergence of the
 * predicted distributions from those of the f32 graph, and how often both find the same token most probable.
 *
 * Run: `npm run build && node dist/bench/quantization.js MODEL TEXT`, with a model folder and a text file
 */
import { readFile } from 'node:fs/promises';
import { decoderArchitecture } from '../src/graph/architectures/index.js';
import { ModelConfig } from '../src/graph/config.js';
import { ModelGraph, type QuantizedWeight } from '../src/graph/model-graph.js';
import { NUMBER_FORMATS, type Precision } from '../src/graph/precision.js';
import type { BlockFormat } from '../src/graph/quantization/block-format.js';
import { dequantize, quantize } from '../src/graph/quantization/quantize.js';
import { Checkpoint } from '../src/graph/weights/checkpoint.js';
import { loadMatrix, type Matrix } from '../src/graph/weights/matrix.js';
import { ModelWeights } from '../src/graph/weights/model-weights.js';
import { argmax } from '../src/engine/sampler.js';
import type { Decoder } from '../src/model/decoder.js';
import { Environment } from '../src/runtime/index.js';
import { loadTokenizer } from '../src/text/tokenizer.js';
import { openDecoder } from './support/open-decoder.js';

const QUANTIZED: readonly Precision[] = ['int8', 'int4'];
/** Positions of a piece of text that is predicted by itself. */
const LONGEST_WINDOW = 512;

/** Remembers which matrices are quantized. */
class RecordingGraph extends ModelGraph {
  readonly matrices = new Map<string, { matrix: Matrix; format: BlockFormat }>();

  override quantized(name: string, matrix: Matrix, format: BlockFormat): QuantizedWeight {
    this.matrices.set(name, { matrix, format });
    return super.quantized(name, matrix, format);
  }
}

/** Prints the error of all matrices, and the perplexity. */
async function main(folder: string, textFile: string): Promise<void> {
  await printMatrixErrors(folder);
  console.log();
  await printPerplexity(folder, await readFile(textFile, 'utf8'));
}

async function printMatrixErrors(folder: string): Promise<void> {
  const config = await ModelConfig.read(folder);
  const checkpoint = await Checkpoint.open(folder);
  try {
    const graphs = QUANTIZED.map(precision => {
      const graph = new RecordingGraph(NUMBER_FORMATS[precision]);
      const weights = new ModelWeights(checkpoint);
      const architecture = decoderArchitecture(config);
      architecture.write({ graph, config, weights, sizes: architecture.sizes(config) });
      return graph;
    });
    const names = [...graphs[0]!.matrices.keys()];
    printRow('|W - quantized W| / |W|', QUANTIZED);
    for (const name of names) {
      const errors: string[] = [];
      for (const { matrices } of graphs) {
        const { matrix, format } = matrices.get(name)!;
        errors.push((await matrixError(matrix, format)).toFixed(5));
      }
      printRow(`  ${name}`, errors);
    }
  } finally {
    await checkpoint.close();
  }
}

/** Frobenius norm of the error, relative to the matrix's own. */
async function matrixError(matrix: Matrix, format: BlockFormat): Promise<number> {
  const { rows, columns } = matrix;
  const exact = await loadMatrix(matrix);
  const rounded = dequantize(await quantize(matrix, format), format, rows, columns);
  let [difference, norm] = [0, 0];
  for (let i = 0; i < exact.length; i++) {
    difference += (exact[i]! - rounded[i]!) ** 2;
    norm += exact[i]! ** 2;
  }
  return Math.sqrt(difference / norm);
}

interface Tally {
  /** Sum of `-log p(next token)`, in nats. */
  surprise: number;
  /** Sum of Kullback-Leibler divergences from the f32 graph's predictions, in nats. */
  divergence: number;
  sameChoice: number;
}

async function printPerplexity(folder: string, text: string): Promise<void> {
  const ids = (await loadTokenizer(folder)).encode(text);
  const environment = new Environment();
  const precisions: Precision[] = ['f32', 'f16', ...QUANTIZED];
  const decoders: Decoder[] = [];
  for (const precision of precisions) decoders.push(await openDecoder(environment, folder, 1, precision));
  try {
    const { contextLength, vocabularySize } = decoders[0]!.shape;
    const window = Math.min(contextLength, LONGEST_WINDOW);
    const tallies = decoders.map((): Tally => ({ surprise: 0, divergence: 0, sameChoice: 0 }));
    let predicted = 0;
    for (let begin = 0; begin + 1 < ids.length; begin += window) {
      const piece = ids.slice(begin, begin + window);
      const logits: Float32Array[] = [];
      for (const decoder of decoders) logits.push(await decoder.prefill(0, piece, 0, 'all'));
      for (let position = 0; position + 1 < piece.length; position++, predicted++) {
        const rows = logits.map(all =>
          all.subarray(position * vocabularySize, (position + 1) * vocabularySize),
        );
        const logProbabilities = rows.map(logSoftmax);
        tallies.forEach((tally, i) => {
          tally.surprise -= logProbabilities[i]![piece[position + 1]!]!;
          tally.divergence += divergence(logProbabilities[0]!, logProbabilities[i]!);
          tally.sameChoice += Number(argmax(rows[i]!) === argmax(rows[0]!));
        });
      }
    }
    printRow(`${predicted} predictions`, precisions);
    printRow(
      '  perplexity',
      tallies.map(({ surprise }) => Math.exp(surprise / predicted).toFixed(4)),
    );
    printRow(
      '  divergence from f32',
      tallies.map(tally => (tally.divergence / predicted).toFixed(5)),
    );
    printRow(
      '  same choice as f32',
      tallies.map(tally => (tally.sameChoice / predicted).toFixed(4)),
    );
  } finally {
    for (const decoder of decoders) decoder.dispose();
  }
}

function logSoftmax(logits: Float32Array): Float64Array {
  const max = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const logSum = max + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - max), 0));
  return Float64Array.from(logits, logit => logit - logSum);
}

function divergence(p: Float64Array, q: Float64Array): number {
  return p.reduce((sum, logP, i) => sum + Math.exp(logP) * (logP - q[i]!), 0);
}

function printRow(name: string, cells: readonly string[]): void {
  console.log(name.padEnd(36) + cells.map(cell => cell.padStart(10)).join(''));
}

const [folder, textFile] = process.argv.slice(2);
if (folder === undefined || textFile === undefined) {
  console.error('usage: node dist/bench/quantization.js MODEL TEXT');
  process.exitCode = 2;
} else {
  await main(folder, textFile);
}
