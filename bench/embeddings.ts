/**
 * Short embeddings over HTTP beside OpenVINO behind FastAPI, and infinity where it is there: processor time of each
 * text and texts/s for 1, 8 and 32 clients, each of which sends its next text when it has the last one's vector. All
 * have a model in the shape of MiniLM-L6 with random weights, and take turns.
 *
 * Run: `KVASIR_BENCH_OPENVINO=/path/to/a/virtual/environment npm run bench:embeddings [-- seconds rounds clients...]`,
 * which has openvino, fastapi, uvicorn, tokenizers and orjson. `KVASIR_BENCH_INFINITY` names one with
 * `infinity-emb[all]`. Writes `bench/results/embeddings.md`; Linux alone tells processor times.
 */
import { writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { seededRandom } from '#test/support/seeded-random.js';
import { randomText, writeRandomMiniLm } from './support/random-encoder.js';
import { ServerProcess } from './support/server-process.js';
import { median } from './support/statistics.js';

const [seconds = 5, rounds = 5, ...numbers] = process.argv.slice(2).map(Number);
const CLIENTS = numbers.length > 0 ? numbers : [1, 8, 32];
const [SHORTEST, LONGEST] = [8, 16];
const WARM_UP = 1;

interface Side {
  readonly server: ServerProcess;
  readonly path: string;
  readonly model: string;
}

interface Measured {
  /** Processor milliseconds of each text. */
  readonly cost: number;
  /** Texts in a second. */
  readonly rate: number;
}

const at = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

async function kvasir(folder: string, precision: string): Promise<Side> {
  const args = [at('../src/cli/kvasir.cjs'), 'serve', `model=${folder}`, '--precision', precision];
  const server = await ServerProcess.start(
    `Kvasir ${precision}`,
    process.execPath,
    port => [...args, '--log-level', 'error', '--port', String(port)],
    '/health/ready',
  );
  return { server, path: '/v1/embeddings', model: 'model' };
}

async function openvino(venv: string, folder: string): Promise<Side> {
  const args = [at('../../bench/peers/openvino_server.py'), folder, String(availableParallelism())];
  const python = join(venv, 'bin/python');
  const server = await ServerProcess.start(
    'OpenVINO f32',
    python,
    port => [...args, String(port)],
    '/health',
  );
  return { server, path: '/v1/embeddings', model: 'model' };
}

async function infinity(venv: string, folder: string): Promise<Side> {
  const args = [
    'v2',
    '--model-id',
    folder,
    '--served-model-name',
    'model',
    '--device',
    'cpu',
    '--engine',
    'torch',
  ];
  const server = await ServerProcess.start(
    'infinity f32',
    join(venv, 'bin/infinity_emb'),
    port => [...args, '--dtype', 'float32', '--port', String(port)],
    '/health',
  );
  return { server, path: '/embeddings', model: 'model' };
}

function post({ server, path, model }: Side, agent: Agent, input: string): Promise<void> {
  const text = JSON.stringify({ model, input });
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
  return new Promise((resolve, reject) => {
    const sent = request(server.url + path, { agent, method: 'POST', headers }, answer => {
      answer.resume();
      answer.on('end', () =>
        answer.statusCode === 200 ? resolve() : reject(new Error(`${server.name}: ${answer.statusCode}`)),
      );
    });
    sent.on('error', reject).end(text);
  });
}

async function measure(side: Side, clients: number, length: number, seed: number): Promise<Measured> {
  const random = seededRandom(seed);
  const agent = new Agent({ keepAlive: true });
  let texts = 0;
  const load = async (duration: number): Promise<void> => {
    const end = performance.now() + duration * 1000;
    const client = async (): Promise<void> => {
      for (; performance.now() < end; texts++)
        await post(
          side,
          agent,
          randomText(SHORTEST + Math.floor((LONGEST - SHORTEST + 1) * random()), random),
        );
    };
    await Promise.all(Array.from({ length: clients }, client));
  };
  await load(WARM_UP);
  texts = 0;
  const before = await side.server.processorSeconds();
  const began = performance.now();
  await load(length);
  const took = (performance.now() - began) / 1000;
  const spent = (await side.server.processorSeconds()) - before;
  agent.destroy();
  return { cost: (1000 * spent) / texts, rate: texts / took };
}

const folder = await writeRandomMiniLm(join(tmpdir(), 'kvasir-bench-minilm-l6'));
const sides = [await kvasir(folder, 'f32'), await kvasir(folder, 'int8')];
const { KVASIR_BENCH_OPENVINO: openvinoVenv, KVASIR_BENCH_INFINITY: infinityVenv } = process.env;
if (openvinoVenv !== undefined) sides.push(await openvino(openvinoVenv, folder));
if (infinityVenv !== undefined) sides.push(await infinity(infinityVenv, folder));
const results = CLIENTS.map(() => sides.map((): Measured[] => []));
for (let round = 0; round < rounds; round++)
  for (const [load, clients] of CLIENTS.entries())
    for (let turn = 0; turn < sides.length; turn++) {
      const which = round % 2 === 0 ? turn : sides.length - 1 - turn;
      results[load]![which]!.push(await measure(sides[which]!, clients, seconds, round + 1));
    }
for (const { server } of sides) await server.close();

const lines = CLIENTS.flatMap((clients, load) =>
  sides.map(({ server }, which) => {
    const own = results[load]![which]!;
    const ratios = own.map(({ cost }, round) => results[load]![0]![round]!.cost / cost);
    const cells = [median(own.map(({ cost }) => cost)), median(ratios), median(own.map(({ rate }) => rate))];
    return `| ${clients} | ${server.name} | ${cells[0]!.toFixed(2)} | ${cells[1]!.toFixed(2)} | ${cells[2]!.toFixed(0)} |`;
  }),
);
const markdown = [
  '# Short embeddings over HTTP',
  '',
  `\`npm run bench:embeddings\`: a model in the shape of MiniLM-L6 with random weights, texts of ${SHORTEST} to ${LONGEST} tokens, tokenization and HTTP included; each client sends its next text when it has the last one's vector. OpenVINO is behind FastAPI and embeds what waits in one batch. ${cpus()[0]!.model}, ${availableParallelism()} cores, which the clients share, ${rounds} rounds of ${seconds} s in turns, medians.`,
  '',
  '| clients | server | processor time of a text, ms | Kvasir f32 ÷ it | texts/s |',
  '| --: | --- | --: | --: | --: |',
  ...lines,
  '',
].join('\n');
await writeFile(at('../../bench/results/embeddings.md'), markdown);
console.log(markdown);
