/**
 * What quantization costs a model, as a table in Markdown: the error of every quantized matrix, and on held-out texts the perplexity, the
 * divergence of the predicted distributions from those of the f32 graph, and how often both find the same token most probable. w8a8 is measured with what it
 * does to activations, and int4 comes rounded to nearest and by the better method (half-quadratic), in blocks of 32 and 128; the vocabulary has 8 bits in all of them, as in
 * what `kvasir build` makes.
 *
 * Run: `npm run build && node dist/bench/quantization.js TEXTS MODEL...`, with a file of texts between empty lines, and model folders
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { argmax } from '#engine/sampling/argmax.js';
import { decoderArchitecture } from '#graph/families/index.js';
import { paddedHeadSize } from '#graph/blocks/attention-projections.js';
import { writeGenerator } from '#graph/assembly/generator.js';
import { ModelConfig } from '#graph/config.js';
import {
  ModelGraph,
  type NumberFormat,
  type QuantizedWeight,
  type PerChannelWeight,
} from '#graph/model-graph.js';
import { NUMBER_FORMATS } from '#graph/precision.js';
import type { BlockFormat } from '#graph/quantization/block-format.js';
import { quantizePerChannel } from '#graph/quantization/per-channel.js';
import { quantize } from '#graph/quantization/quantize.js';
import { Checkpoint } from '#graph/weights/checkpoint.js';
import { loadMatrix, type Matrix } from '#graph/weights/matrix.js';
import { ModelWeights } from '#graph/weights/model-weights.js';
import { attentionLayers } from '#model/cache/layer-cache.js';
import type { Decoder } from '#model/decoder/contract.js';
import { SlotDecoder } from '#model/decoder/slots/slot-decoder.js';
import { Environment, Session } from '#runtime/index.js';
import { loadTokenizer } from '#text/tokenizer.js';
import { dequantize, dequantizePerChannel } from '#test/support/dequantize.js';
import { prefill } from '#test/support/run-decoder.js';

/** A way to store a model. */
interface Variant {
  readonly name: string;
  readonly format: NumberFormat;
}

function int4(method: BlockFormat['method'], blockSize: number): Variant {
  const { matrices, ...others } = NUMBER_FORMATS.int4;
  const name = `int4 ${method === 'round-to-nearest' ? 'nearest' : 'half-quadratic'} ${blockSize}`;
  return { name, format: { ...others, matrices: { ...matrices!, method, blockSize } } };
}

const EXACT: Variant = { name: 'f32', format: NUMBER_FORMATS.f32 };
/** As llama.cpp's Q4_0 rounds. */
const SYMMETRIC: Variant = {
  name: 'int4 symmetric 32',
  format: {
    ...NUMBER_FORMATS.int4,
    matrices: { bits: 4, blockSize: 32, symmetric: true, method: 'round-to-nearest' },
  },
};
const VARIANTS: readonly Variant[] = [
  { name: 'int8', format: NUMBER_FORMATS.int8 },
  { name: 'w8a8', format: NUMBER_FORMATS.w8a8 },
  SYMMETRIC,
  int4('round-to-nearest', 32),
  int4('half-quadratic', 32),
  int4('half-quadratic', 64),
  int4('round-to-nearest', 128),
  int4('half-quadratic', 128),
];

/** Remembers which matrices are quantized. */
class RecordingGraph extends ModelGraph {
  readonly matrices = new Map<string, { matrix: Matrix; format: BlockFormat | 'rows' }>();

  override quantized(name: string, matrix: Matrix, format: BlockFormat): QuantizedWeight {
    this.matrices.set(name, { matrix, format });
    return super.quantized(name, matrix, format);
  }

  override perChannel(name: string, matrix: Matrix): PerChannelWeight {
    this.matrices.set(name, { matrix, format: 'rows' });
    return super.perChannel(name, matrix);
  }
}

async function main(textFile: string, folders: readonly string[]): Promise<void> {
  const texts = (await readFile(textFile, 'utf8')).trim().split(/\n{2,}/);
  const work = await mkdtemp(join(tmpdir(), 'kvasir-'));
  try {
    for (const folder of folders) {
      console.log(`## ${basename(folder)}\n`);
      const variants = [EXACT, ...VARIANTS];
      const built: BuiltVariant[] = [];
      for (const variant of variants) built.push(await build(folder, variant, work));
      const tallies = await predict(folder, built, texts);
      printSummary(built, tallies);
      printErrors(built.slice(1));
    }
  } finally {
    await rm(work, { recursive: true });
  }
}

interface BuiltVariant extends Variant {
  readonly graphPath: string;
  /** Relative error of each quantized matrix, by its name. */
  readonly errors: ReadonlyMap<string, number>;
}

async function build(folder: string, variant: Variant, work: string): Promise<BuiltVariant> {
  const config = await ModelConfig.read(folder);
  const checkpoint = await Checkpoint.open(folder);
  try {
    const graph = new RecordingGraph(variant.format);
    const architecture = decoderArchitecture(config);
    const sizes = architecture.sizes(config);
    const weights = new ModelWeights(checkpoint);
    writeGenerator(architecture, { graph, config, weights, sizes }, 'slots');
    const graphPath = join(work, `${basename(folder)} ${variant.name}.onnx`);
    await graph.save(graphPath);
    const errors = new Map<string, number>();
    for (const [name, { matrix, format }] of graph.matrices)
      errors.set(name, await matrixError(matrix, format));
    return { ...variant, graphPath, errors };
  } finally {
    await checkpoint.close();
  }
}

/** Frobenius norm of the error, relative to the matrix's own. */
async function matrixError(matrix: Matrix, format: BlockFormat | 'rows'): Promise<number> {
  const { rows, columns } = matrix;
  const exact = await loadMatrix(matrix);
  const rounded =
    format === 'rows'
      ? dequantizePerChannel(await quantizePerChannel(matrix), columns)
      : dequantize(await quantize(matrix, format), format, rows, columns);
  let [difference, norm] = [0, 0];
  for (let i = 0; i < exact.length; i++) {
    difference += (exact[i]! - rounded[i]!) ** 2;
    norm += exact[i]! ** 2;
  }
  return Math.sqrt(difference / norm);
}

/** What a variant made of the texts, summed over all predictions. */
interface Tally {
  /** Of `-log p(next token)`, in nats. */
  surprise: number;
  /** Of Kullback-Leibler divergences from the f32 graph's predictions, in nats. */
  divergence: number;
  sameChoice: number;
  predictions: number;
}

/** Lets all variants predict every token of every text. */
async function predict(
  folder: string,
  variants: readonly BuiltVariant[],
  texts: readonly string[],
): Promise<Tally[]> {
  const tokenizer = await loadTokenizer(folder);
  const config = await ModelConfig.read(folder);
  const { layers, kvHeads, headSize, vocabularySize, contextLength } =
    decoderArchitecture(config).sizes(config);
  const heads = { kvHeads, headSize: paddedHeadSize(headSize) };
  const shape = { layers: attentionLayers(layers, heads), vocabularySize, contextLength };
  const environment = new Environment();
  const decoders: Decoder[] = [];
  try {
    for (const { graphPath } of variants)
      decoders.push(new SlotDecoder(await Session.load(environment, graphPath), shape, 1));
    const tallies = variants.map((): Tally => ({
      surprise: 0,
      divergence: 0,
      sameChoice: 0,
      predictions: 0,
    }));
    for (const text of texts) {
      const ids = tokenizer.encode(text).slice(0, contextLength);
      const logits: Float32Array[] = [];
      for (const decoder of decoders) logits.push(await prefill(decoder, 0, ids, 0, 'all'));
      for (let position = 0; position + 1 < ids.length; position++) {
        const rows = logits.map(all =>
          all.subarray(position * vocabularySize, (position + 1) * vocabularySize),
        );
        const logProbabilities = rows.map(logSoftmax);
        tallies.forEach((tally, i) => {
          tally.surprise -= logProbabilities[i]![ids[position + 1]!]!;
          tally.divergence += divergence(logProbabilities[0]!, logProbabilities[i]!);
          tally.sameChoice += Number(argmax(rows[i]!) === argmax(rows[0]!));
          tally.predictions++;
        });
      }
    }
    return tallies;
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

function printSummary(variants: readonly BuiltVariant[], tallies: readonly Tally[]): void {
  console.log(`${tallies[0]!.predictions} predictions\n`);
  printTable(
    ['stored as', 'perplexity', 'divergence from f32', 'same choice as f32', 'mean matrix error'],
    variants.map(({ name, errors }, i) => {
      const { surprise, divergence, sameChoice, predictions } = tallies[i]!;
      const layers = [...errors].filter(([matrix]) => matrix.startsWith('layer.')).map(([, error]) => error);
      return [
        name,
        Math.exp(surprise / predictions).toFixed(4),
        (divergence / predictions).toFixed(5),
        `${((100 * sameChoice) / predictions).toFixed(2)} %`,
        layers.length === 0 ? '' : (layers.reduce((a, b) => a + b) / layers.length).toFixed(5),
      ];
    }),
  );
}

function printErrors(variants: readonly BuiltVariant[]): void {
  printTable(
    ['relative error', ...variants.map(({ name }) => name)],
    [...variants[0]!.errors.keys()].map(matrix => [
      matrix,
      ...variants.map(({ errors }) => errors.get(matrix)!.toFixed(5)),
    ]),
  );
}

function printTable(header: readonly string[], rows: readonly (readonly string[])[]): void {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rule = header.map((_, i) => (i === 0 ? '---' : '---:'));
  console.log([header, rule, ...rows].map(line).join('\n'));
  console.log('');
}

const [textFile, ...folders] = process.argv.slice(2);
if (textFile === undefined || folders.length === 0) {
  console.error('usage: node dist/bench/quantization.js TEXTS MODEL...');
  process.exitCode = 2;
} else {
  await main(textFile, folders);
}
