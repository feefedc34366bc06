/**
 * Speed of one matrix product in the formats that the graph writer may choose from: floats, and blocks of 4 or 8 bits (MatMulNBits) by
 * block size, zero points and accuracy level. Shapes are those of SmolLM2-135M; each is measured over 30 different matrices, as many as
 * the model has layers, so that weights come from memory as they do in the model. Formats take turns in every round.
 *
 * Run: `node dist/bench/quantized-matmul.js [shape] [rows of x]`
 */
import { randomFillSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { int } from '#graph/onnx/attributes.js';
import { DataType, GraphBuilder, NONE } from '#graph/onnx/graph-builder.js';
import { cpuMemoryInfo, Environment, IoBinding, RunOptions, Session, Tensor } from '#runtime/index.js';
import { median } from './support/statistics.js';

/** Name -> [outputs, inputs, how many there are]. */
const SHAPES: Record<string, readonly [number, number, number]> = {
  'query, key, value': [960, 576, 30],
  'attention output': [576, 576, 30],
  gate: [1536, 576, 30],
  'gate and up': [3072, 576, 30],
  down: [576, 1536, 30],
  vocabulary: [49152, 576, 1],
};
const ROWS = [1, 8, 512];
const ROUNDS = 7;

interface Format {
  readonly bits: number;
  readonly block: number;
  readonly symmetric: boolean;
  readonly accuracy: number;
}

const FORMATS: (Format | undefined)[] = [
  undefined,
  ...[8, 4].flatMap(bits => [
    { bits, block: 32, symmetric: true, accuracy: 4 },
    { bits, block: 32, symmetric: false, accuracy: 4 },
    { bits, block: 64, symmetric: true, accuracy: 4 },
    { bits, block: 128, symmetric: true, accuracy: 4 },
    { bits, block: 128, symmetric: false, accuracy: 4 },
    { bits, block: 32, symmetric: true, accuracy: 1 },
  ]),
];

function label(format: Format | undefined): string {
  if (format === undefined) return 'float';
  const { bits, block, symmetric, accuracy } = format;
  return `${bits} bits, blocks of ${block}, ${symmetric ? 'symmetric' : 'asymmetric'}, level ${accuracy}`;
}

const randomBytes = (count: number): Uint8Array => randomFillSync(new Uint8Array(count));
const smallFloats = (count: number): Float32Array =>
  Float32Array.from({ length: count }, () => (Math.random() - 0.5) / 50);

/** A graph that multiplies `x` by `count` different matrices. */
function productGraph(n: number, k: number, count: number, format: Format | undefined): GraphBuilder {
  const graph = new GraphBuilder();
  const x = graph.input('x', DataType.FLOAT, ['rows', k]);
  for (let i = 0; i < count; i++) {
    const name = `y${i}`;
    if (format === undefined) {
      const weight = graph.initializer(`w${i}`, DataType.FLOAT, [k, n], () => smallFloats(n * k));
      graph.node({ op: 'MatMul', inputs: [x, weight], name });
    } else {
      const blocks = Math.ceil(k / format.block);
      const bytes = (format.block * format.bits) / 8;
      const zeroBytes = Math.ceil((blocks * format.bits) / 8);
      const add = (what: string, shape: number[]): string =>
        graph.initializer(`${what}${i}`, DataType.UINT8, shape, () =>
          randomBytes(shape.reduce((product, size) => product * size, 1)),
        );
      const scales = graph.initializer(`s${i}`, DataType.FLOAT, [n, blocks], () => smallFloats(n * blocks));
      graph.node({
        op: 'MatMulNBits',
        domain: 'com.microsoft',
        inputs: [x, add('w', [n, blocks, bytes]), scales, format.symmetric ? NONE : add('z', [n, zeroBytes])],
        name,
        attributes: {
          K: int(k),
          N: int(n),
          bits: int(format.bits),
          block_size: int(format.block),
          accuracy_level: int(format.accuracy),
        },
      });
    }
    graph.output(name, DataType.FLOAT, ['rows', n]);
  }
  return graph;
}

/** Milliseconds of one run. */
async function time(session: Session, rows: number, k: number): Promise<number> {
  using binding = new IoBinding(session);
  using options = new RunOptions();
  using x = Tensor.fromArray(smallFloats(rows * k), [rows, k]);
  binding.bindInput('x', x);
  for (const { name } of session.outputs) binding.bindOutputToDevice(name, cpuMemoryInfo());
  const started = performance.now();
  await session.run(binding, options);
  const elapsed = performance.now() - started;
  for (const output of binding.outputs()) output.dispose();
  return elapsed;
}

const [onlyShape, onlyRows] = process.argv.slice(2);
const folder = await mkdtemp(join(tmpdir(), 'kvasir-bench-'));
const environment = new Environment();
try {
  for (const [shape, [n, k, count]] of Object.entries(SHAPES)) {
    if (onlyShape !== undefined && shape !== onlyShape) continue;
    const sessions: Session[] = [];
    for (const [i, format] of FORMATS.entries()) {
      const file = join(folder, `${i}.onnx`);
      await productGraph(n, k, count, format).save(file);
      sessions.push(await Session.load(environment, file));
    }
    for (const rows of onlyRows === undefined ? ROWS : [Number(onlyRows)]) {
      const times = sessions.map((): number[] => []);
      for (let round = 0; round <= ROUNDS; round++) {
        for (const [i, session] of sessions.entries()) {
          const elapsed = await time(session, rows, k);
          if (round > 0) times[i]!.push(elapsed);
        }
      }
      console.log(`\n${shape}: ${count} products ${rows} x ${k} by ${k} x ${n}, ms (fastest, median)`);
      for (const [i, format] of FORMATS.entries()) {
        const fastest = Math.min(...times[i]!).toFixed(2);
        console.log(
          `  ${label(format).padEnd(44)} ${fastest.padStart(8)} ${median(times[i]!).toFixed(2).padStart(8)}`,
        );
      }
    }
    for (const session of sessions) session.dispose();
  }
} finally {
  await rm(folder, { recursive: true });
}
