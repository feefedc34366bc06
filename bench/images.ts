/**
 * Pictures/s over HTTP of models in the shapes of ViT-B/16 (a classifier of a thousand labels) and CLIP ViT-B/32 (vectors), random weights, for 1,
 * 8 and 32 clients that each send their next JPEG of 640x480 when they have the last one's answer: Kvasir in f32 and int8, transformers.js
 * behind Fastify, and ONNX Runtime with Pillow behind FastAPI. Whoever does not have its turn is stopped.
 *
 * Run: `KVASIR_BENCH_PYTHON=/path/to/a/virtual/environment KVASIR_BENCH_TRANSFORMERS=/path/to/node_modules/@huggingface/transformers npm run
 * bench:images [-- rounds [shapes]]`; the environment has torch, transformers, onnx, onnxruntime, Pillow, fastapi and uvicorn. Writes
 * `bench/results/images.md`.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { seededRandom } from '#test/support/seeded-random.js';
import { VISION_SHAPES, writeRandomVision } from './support/random-vision.js';
import { ServerProcess } from './support/server-process.js';
import { median, quantile } from './support/statistics.js';

const { KVASIR_BENCH_PYTHON: venv, KVASIR_BENCH_TRANSFORMERS: transformers } = process.env;
if (venv === undefined || transformers === undefined)
  throw new Error('KVASIR_BENCH_PYTHON and KVASIR_BENCH_TRANSFORMERS name the peers');
const rounds = Number(process.argv[2] ?? 3);
const shapes = VISION_SHAPES.filter(shape => (process.argv[3] ?? shape).split(',').includes(shape));
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const python = join(venv, 'bin/python');
/** Clients, and how many pictures each of them sends in a turn. */
const LOADS = [
  { clients: 1, each: 10 },
  { clients: 8, each: 3 },
  { clients: 32, each: 2 },
];

interface Side {
  readonly name: string;
  readonly server: ServerProcess;
  readonly path: string;
  readonly type: string;
  readonly body: (file: Buffer) => Buffer | string;
  /** File with how late the event loop's timers came; see delays-on-signal.ts. */
  readonly delays?: string;
}

async function kvasir(folder: string, precision: 'f32' | 'int8', path: string): Promise<Side> {
  const delays = join(tmpdir(), `kvasir-bench-delays-${precision}`);
  const args = [here('../src/cli/kvasir.cjs'), 'serve', `model=${folder}`, '--precision', precision];
  args.push('--log-level', 'error');
  const server = await ServerProcess.start(
    `Kvasir ${precision}`,
    process.execPath,
    port => ['--import', here('support/delays-on-signal.js'), ...args, '--port', String(port)],
    '/health/ready',
    { KVASIR_BENCH_DELAYS: delays },
  );
  return {
    name: `Kvasir ${precision}`,
    server,
    path,
    delays,
    type: 'application/json',
    body: file =>
      JSON.stringify({
        model: 'model',
        input: [{ image: `data:image/jpeg;base64,${file.toString('base64')}` }],
      }),
  };
}

async function peer(name: string, command: string, args: readonly string[]): Promise<Side> {
  const server = await ServerProcess.start(name, command, port => [...args, String(port)], '/health');
  return { name, server, path: '/pictures', type: 'image/jpeg', body: file => file };
}

function post({ server, path, type, body }: Side, file: Buffer): Promise<void> {
  const content = body(file);
  // A connection each: a server that was stopped for a while closes those that were open.
  const headers = { 'content-type': type, 'content-length': Buffer.byteLength(content) };
  return new Promise((resolve, reject) => {
    const sent = request(server.url + path, { agent: false, method: 'POST', headers }, answer => {
      let said = '';
      answer.setEncoding('utf8').on('data', (piece: string) => (said += piece));
      answer.on('end', () => (answer.statusCode === 200 ? resolve() : reject(new Error(said))));
    });
    sent.on('error', reject).end(content);
  });
}

/** Pictures as cameras make them: smooth shapes and some noise. */
async function pictures(count: number): Promise<Buffer[]> {
  const random = seededRandom(29);
  const [width, height] = [640, 480];
  return Promise.all(
    Array.from({ length: count }, (_, i) => {
      const pixels = Buffer.alloc(width * height * 3);
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++)
          for (let c = 0; c < 3; c++)
            pixels[(y * width + x) * 3 + c] =
              120 + 80 * Math.sin((x * (i + 2) + y * c) / 90) + 40 * Math.cos(y / (20 + i)) + 12 * random();
      return sharp(pixels, { raw: { width, height, channels: 3 } })
        .jpeg({ quality: 85 })
        .toBuffer();
    }),
  );
}

interface Measured {
  /** Pictures/s. */
  readonly rate: number;
  /** How late the event loop's timers came, in ms; none where the side does not tell. */
  readonly delays: readonly number[];
}

async function measure(
  side: Side,
  { clients, each }: (typeof LOADS)[number],
  files: readonly Buffer[],
): Promise<Measured> {
  side.server.resume();
  if (side.delays !== undefined) {
    await sleep(100);
    side.server.tell('SIGUSR2');
  }
  let next = 0;
  const began = performance.now();
  const client = async (): Promise<void> => {
    while (next < clients * each) await post(side, files[next++ % files.length]!);
  };
  await Promise.all(Array.from({ length: clients }, client));
  const rate = (clients * each * 1000) / (performance.now() - began);
  let delays: number[] = [];
  if (side.delays !== undefined) {
    side.server.tell('SIGUSR2');
    await sleep(100);
    delays = JSON.parse(readFileSync(side.delays, 'utf8')) as number[];
  }
  side.server.pause();
  return { rate, delays };
}

const files = await pictures(16);
const lines: string[] = [];
for (const shape of shapes) {
  const folder = await writeRandomVision(join(tmpdir(), `kvasir-bench-${shape}`), shape);
  const exported = `${folder}-onnx`;
  execFileSync(python, [here('../../bench/peers/export_vision.py'), folder, exported], { stdio: 'inherit' });
  const path = shape === 'vit-b-16' ? '/v1/classify' : '/v1/embeddings';
  const script = here('support/transformers-pictures.js');
  const opened = [
    () => kvasir(folder, 'f32', path),
    () => kvasir(folder, 'int8', path),
    () => peer('transformers.js, one by one', process.execPath, [script, exported, 'alone']),
    () => peer('transformers.js, batched', process.execPath, [script, exported, 'batched']),
    () => peer('ONNX Runtime', python, [here('../../bench/peers/picture_server.py'), exported]),
  ];
  const sides: Side[] = [];
  for (const open of opened) {
    sides.push(await open());
    sides.at(-1)!.server.pause();
  }
  for (const load of LOADS) {
    const results = sides.map((): Measured[] => []);
    for (let round = -1; round < rounds; round++)
      for (let turn = 0; turn < sides.length; turn++) {
        const at = round % 2 === 0 ? turn : sides.length - 1 - turn;
        const result = await measure(sides[at]!, load, files);
        // The first round warms up.
        if (round >= 0) results[at]!.push(result);
      }
    const [own, int8, ...others] = results as [Measured[], Measured[], ...Measured[][]];
    const cells = [
      shape,
      String(load.clients),
      median(own.map(({ rate }) => rate)).toFixed(1),
      ...others.flatMap(side => [median(side.map(({ rate }) => rate)).toFixed(1), times(own, side)]),
      median(int8.map(({ rate }) => rate)).toFixed(1),
      times(int8, own),
      `${latest(own)}, ${latest(int8)}`,
    ];
    lines.push(`| ${cells.join(' | ')} |`);
    console.log(lines.at(-1));
  }
  for (const { server } of sides) {
    server.resume();
    await server.close();
  }
}

/** How late the event loop's timers came in all rounds, the 99th percentile. A round alone has too few. */
function latest(rounds: readonly Measured[]): string {
  return quantile(
    rounds.flatMap(({ delays }) => delays),
    0.99,
  ).toFixed(0);
}

/** The median of the rounds' ratios. */
function times(one: readonly Measured[], other: readonly Measured[]): string {
  return median(one.map(({ rate }, round) => rate / other[round]!.rate)).toFixed(2);
}

const { version } = JSON.parse(readFileSync(join(transformers, 'package.json'), 'utf8')) as {
  version: string;
};
const markdown = `# Pictures over HTTP

\`npm run bench:images -- ${rounds}\`: models in the shapes of ViT-B/16 (\`/v1/classify\`, a thousand labels) and CLIP ViT-B/32 (\`/v1/embeddings\`), random weights, JPEGs of 640x480, whole requests; transformers.js ${version} behind Fastify, one picture after the other and up to 8 that wait in one batch; Python's ONNX Runtime behind FastAPI, Pillow on a pool of threads, batches of up to 8. ${cpus()[0]!.model}, ${availableParallelism()} cores, ${rounds} rounds in turns, medians; times are medians of the rounds' ratios. Kvasir gets its pictures as base64 in JSON, the peers the file itself.

| model | clients | Kvasir f32, pictures/s | transformers.js, one by one | times | batched | times | ONNX Runtime | times | Kvasir int8 | times f32 | event loop p99 f32, int8, ms |
| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |
${lines.join('\n')}
`;
await writeFile(here('../../bench/results/images.md'), markdown);
console.log(markdown);
