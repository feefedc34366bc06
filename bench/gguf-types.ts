/**
 * What running a GGUF file as it is stored changes, by type: the perplexity of a file's matrices in a type, quantized by llama.cpp's own code,
 * run as stored and in floats of the very same numbers. Matrices whose rows a type cannot hold stay floats, which both sides have alike.
 *
 * Run: `KVASIR_BENCH_LLAMA=/path/to/llama.cpp/build/bin npm run bench:gguf-types -- MODEL.gguf [windows [types]]`. Each window is of 512 tokens of
 * stories. Writes `bench/results/gguf-types.md`.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import koffi from 'koffi';
import type { GgufMetadata } from '#gguf/metadata.js';
import { openGguf, type GgufFile } from '#gguf/reader.js';
import { sizeOfType } from '#gguf/types.js';
import { unfoldGguf } from '#gguf/unfold.js';
import { blockFloats } from '#graph/weights/gguf/block-floats.js';
import { BLOCK_TYPES, isBlockType, type BlockTypeName } from '#graph/weights/gguf/block-types.js';
import { Environment } from '#runtime/index.js';
import { gguf, TYPE_NUMBERS, type TestGgufTensor, type TestValue } from '#test/support/gguf.js';
import { prefill } from '#test/support/run-decoder.js';
import { loadTokenizer } from '#text/tokenizer.js';
import { openDecoder } from './support/open-decoder.js';

const WINDOW = 512;

const { KVASIR_BENCH_LLAMA: llama } = process.env;
const [source, windowsGiven = '4', typesGiven = Object.keys(BLOCK_TYPES).join(',')] = process.argv.slice(2);
if (llama === undefined || source === undefined)
  throw new Error(
    'KVASIR_BENCH_LLAMA names the folder of libggml-base.so, and the first argument a GGUF file',
  );
const types = typesGiven.split(',') as BlockTypeName[];

const library = koffi.load(path.join(llama, 'libggml-base.so'));
const quantizeChunk = library.func(
  'size_t ggml_quantize_chunk(int type, const float *src, void *dst, int64_t start, int64_t rows, int64_t columns, const float *imatrix)',
) as (
  type: number,
  from: Float32Array,
  to: Uint8Array,
  start: number,
  rows: number,
  columns: number,
  importance: null,
) => number;

const file = await openGguf(source);
const metadata = metadataOf(file.metadata);
const environment = new Environment();
const folder = await mkdtemp(path.join(tmpdir(), 'kvasir-bench-gguf-types-'));
const texts = await textWindows(Number(windowsGiven));
const lines: string[] = [];
try {
  for (const type of types) {
    const { tensors, share } = await inType({ tensors: file.tensors, read: name => file.read(name) }, type);
    const name = path.join(folder, `${type}.gguf`);
    await writeFile(name, gguf({ metadata, tensors }));
    const unfolded = await unfoldGguf(name);
    const floats = await perplexity(unfolded, 'f32');
    const stored = await perplexity(unfolded, 'stored');
    const change = `${(100 * (stored / floats - 1)).toFixed(2)} %`;
    lines.push(
      `| ${type} | ${(100 * share).toFixed(0)} % | ${floats.toFixed(3)} | ${stored.toFixed(3)} | ${change} |`,
    );
    console.log(lines.at(-1));
    await rm(unfolded, { recursive: true });
    await rm(name);
  }
} finally {
  await file.close();
  await rm(folder, { recursive: true, force: true });
}
const page = `# What is lost when GGUF files are run as stored

\`npm run bench:gguf-types -- ${path.basename(source)} ${windowsGiven}\`: perplexity of ${texts.length} windows of ${WINDOW} tokens of \`bench/texts/stories.txt\`. Each file has the matrices that a type can hold in that type, quantized by llama.cpp, and all else in floats; "in floats" are the very numbers of its blocks.

| type | of all weights | in floats | as stored | change |
| --- | --: | --: | --: | --: |
${lines.join('\n')}
`;
await writeFile(path.join(import.meta.dirname, '../../bench/results/gguf-types.md'), page);

/** The metadata as they can be written again: numbers whose type is not known as 32 bits of one kind or the other. */
function metadataOf(values: GgufMetadata): [string, TestValue][] {
  return [...values.keys()].map(key => {
    const value = values.get(key);
    if (typeof value === 'string') return [key, { type: 'string', value }];
    if (typeof value === 'boolean') return [key, { type: 'bool', value }];
    if (typeof value === 'number')
      return [key, { type: Number.isInteger(value) ? 'uint32' : 'float32', value }];
    if (value instanceof Int32Array) return [key, { type: 'array', of: 'int32', value: [...value] }];
    if (value instanceof Float32Array) return [key, { type: 'array', of: 'float32', value: [...value] }];
    if (Array.isArray(value) && typeof value[0] === 'string')
      return [key, { type: 'array', of: 'string', value }];
    throw new Error(`${key} is of a type that this does not write`);
  });
}

/** All tensors of a file, the matrices in a type where it can hold their rows, and their share of all weights. */
async function inType(
  { tensors, read }: { tensors: GgufFile['tensors']; read: (name: string) => Promise<Uint8Array> },
  type: BlockTypeName,
): Promise<{ tensors: Record<string, TestGgufTensor>; share: number }> {
  const { blockSize, blockBytes } = sizeOfType(type);
  const result: Record<string, TestGgufTensor> = {};
  let [all, held] = [0, 0];
  for (const [name, { type: stored, shape }] of tensors) {
    const bytes = await read(name);
    const columns = shape.at(-1)!;
    const count = shape.reduce((product, size) => product * size, 1);
    all += count;
    if (!isBlockType(stored)) {
      result[name] = { type: stored, shape, bytes };
      continue;
    }
    const floats = blockFloats(BLOCK_TYPES[stored], bytes);
    if (columns % blockSize !== 0) {
      result[name] = { type: 'F32', shape, bytes: new Uint8Array(floats.buffer) };
      continue;
    }
    const blocks = new Uint8Array((count / blockSize) * blockBytes);
    quantizeChunk(TYPE_NUMBERS[type]!, floats, blocks, 0, count / columns, columns, null);
    result[name] = { type, shape, bytes: blocks };
    held += count;
  }
  return { tensors: result, share: held / all };
}

async function textWindows(count: number): Promise<number[][]> {
  const tokenizer = await loadTokenizer(await unfoldGguf(source!));
  const story = await readFile(path.join(import.meta.dirname, '../../bench/texts/stories.txt'), 'utf8');
  const ids = tokenizer.encode(story);
  return Array.from({ length: count }, (_, i) => ids.slice(i * WINDOW, (i + 1) * WINDOW));
}

async function perplexity(model: string, precision: 'f32' | 'stored'): Promise<number> {
  const decoder = await openDecoder(environment, model, 1, precision);
  let [sum, count] = [0, 0];
  try {
    for (const ids of texts) {
      const logits = await prefill(decoder, 0, ids, 0, 'all');
      const width = logits.length / ids.length;
      ids.slice(1).forEach((next, row) => {
        const own = logits.subarray(row * width, (row + 1) * width);
        const most = own.reduce((largest, value) => Math.max(largest, value), -Infinity);
        const total = own.reduce((mass, value) => mass + Math.exp(value - most), 0);
        sum += most + Math.log(total) - own[next]!;
        count++;
      });
    }
  } finally {
    decoder.dispose();
  }
  return Math.exp(sum / count);
}
