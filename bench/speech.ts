/**
 * Transcription against faster-whisper behind FastAPI, over HTTP, with the same trained weights: real-time factors
 * (seconds of work for a second of sound) of one recording with beams of 1 and 5, and of eight at once. All servers
 * are up from the beginning; whoever does not have its turn is stopped.
 *
 * Run: `KVASIR_BENCH_PYTHON=VENV KVASIR_REAL_WHISPER=FOLDER KVASIR_BENCH_WHISPER_CT2=FOLDER KVASIR_BENCH_SPEECH=SPEECH.wav
 * npm run bench:speech [-- rounds [seconds]]`: a virtual environment with faster-whisper, fastapi and uvicorn; Whisper in
 * Hugging Face's layout and in CTranslate2's; English speech, 16 kHz, 16 bit, one channel, repeated as often as
 * needed. Writes `bench/results/speech.md`.
 *
 * With eight recordings faster-whisper has a worker for each core, otherwise one with all of them.
 */
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ServerProcess } from './support/server-process.js';
import { median } from './support/statistics.js';
import { WAV_HEADER, wavOf } from './support/wav.js';

const variable = (name: string): string => {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
};
const python = join(variable('KVASIR_BENCH_PYTHON'), 'bin/python');
const own = variable('KVASIR_REAL_WHISPER');
const peer = variable('KVASIR_BENCH_WHISPER_CT2');
const rounds = Number(process.argv[2] ?? 3);
const seconds = Number(process.argv[3] ?? 600);
const cores = availableParallelism();

const RATE = 16_000;
const speech = readFileSync(variable('KVASIR_BENCH_SPEECH')).subarray(WAV_HEADER);

/** A recording of the speech from some place on, over and over. */
function recording(length: number, offset: number): Buffer<ArrayBuffer> {
  const samples = Buffer.alloc(2 * RATE * length);
  for (let at = 0, from = 2 * RATE * offset; at < samples.length; from = 0)
    at += speech.copy(samples, at, from % speech.length);
  return wavOf(samples, { format: 'pcm', rate: RATE, bits: 16 });
}

interface Load {
  readonly name: string;
  readonly beams: number;
  readonly recordings: readonly Buffer<ArrayBuffer>[];
  /** Least that is asked of faster-whisper's time by Kvasir's. */
  readonly target: number;
}

const one = [recording(seconds, 0)];
/** An eighth each, of different places. */
const eight = Array.from({ length: 8 }, (_, i) => recording(Math.round(seconds / 8), 11 * i));
const LOADS: readonly Load[] = [
  { name: `one of ${seconds} s, beam 1`, beams: 1, recordings: one, target: 1.5 },
  { name: `one of ${seconds} s, beam 5`, beams: 5, recordings: one, target: 1.3 },
  { name: `8 of ${Math.round(seconds / 8)} s at once, beam 1`, beams: 1, recordings: eight, target: 2 },
];

interface Side {
  readonly name: string;
  /** By the number of recordings. */
  readonly server: (recordings: number) => ServerProcess;
  readonly send: (server: ServerProcess, recording: Buffer<ArrayBuffer>, beams: number) => Promise<string>;
  readonly servers: readonly ServerProcess[];
}

async function kvasir(precision: string): Promise<Side> {
  const command = join(dirname(fileURLToPath(import.meta.url)), '../src/cli/kvasir.cjs');
  const args = [command, 'serve', `model=${own}`, '--precision', precision, '--log-level', 'error'];
  const server = await ServerProcess.start(
    `Kvasir ${precision}`,
    process.execPath,
    port => [...args, '--port', String(port)],
    '/health/ready',
  );
  return {
    name: server.name,
    servers: [server],
    server: () => server,
    send: async ({ url }, sound, beams) => {
      const form = new FormData();
      form.set('file', new Blob([sound]), 'speech.wav');
      form.set('model', 'model');
      form.set('language', 'en');
      form.set('beam_size', String(beams));
      return text(await fetch(`${url}/v1/audio/transcriptions`, { method: 'POST', body: form }));
    },
  };
}

async function fasterWhisper(type: string): Promise<Side> {
  const script = fileURLToPath(new URL('../../bench/peers/faster_whisper_server.py', import.meta.url));
  const start = (workers: number): Promise<ServerProcess> =>
    ServerProcess.start(
      `faster-whisper ${type}`,
      python,
      port => [script, peer, type, String(workers), String(cores / workers), String(port)],
      '/health',
    );
  const alone = await start(1);
  const several = await start(cores);
  return {
    name: alone.name,
    servers: [alone, several],
    server: recordings => (recordings > 1 ? several : alone),
    send: async ({ url }, sound, beams) => {
      const headers = { 'content-type': 'audio/wav' };
      return text(await fetch(`${url}/transcribe?beams=${beams}`, { method: 'POST', headers, body: sound }));
    },
  };
}

async function text(answer: Response): Promise<string> {
  const body = await answer.text();
  if (!answer.ok) throw new Error(body);
  return (JSON.parse(body) as { text: string }).text;
}

/** Real-time factor of a load. */
async function measure(side: Side, { recordings, beams }: Load): Promise<number> {
  const server = side.server(recordings.length);
  server.resume();
  const began = performance.now();
  const texts = await Promise.all(recordings.map(sound => side.send(server, sound, beams)));
  const took = (performance.now() - began) / 1000;
  server.pause();
  if (texts.some(said => said.length < 20)) throw new Error(`${side.name} heard nothing`);
  return (took * 2 * RATE) / recordings.reduce((sum, { length }) => sum + length - WAV_HEADER, 0);
}

const sides: Side[] = [];
for (const start of [
  () => kvasir('f32'),
  () => kvasir('int8'),
  () => kvasir('w8a8'),
  () => fasterWhisper('float32'),
  () => fasterWhisper('int8'),
]) {
  const side = await start();
  for (const server of side.servers) server.pause();
  sides.push(side);
}
const factors = sides.map(() => LOADS.map((): number[] => []));
const warmUp: Load = { ...LOADS[0]!, recordings: [recording(20, 0)] };
for (const side of sides)
  for (const count of [1, 8])
    await measure(side, {
      ...warmUp,
      recordings: Array.from({ length: count }, () => warmUp.recordings[0]!),
    });

/** Rewritten after each round. */
async function write(done: number): Promise<string> {
  const lines = LOADS.map(({ name, target }, load) => {
    const of = (side: number): number[] => factors[side]![load]!;
    const times = (side: number, other: number): string =>
      median(of(other).map((value, round) => value / of(side)[round]!)).toFixed(2);
    const shown = sides.map((_, side) => median(of(side)).toFixed(4));
    return `| ${[name, ...shown, times(0, 3), times(1, 4), times(2, 4), `${target}`].join(' | ')} |`;
  });
  const markdown = `# Kvasir and faster-whisper

\`npm run bench:speech\`: ${basename(own)}, real-time factors over HTTP (less is faster), English speech, language given, ${cpus()[0]!.model}, ${cores} cores, ${done} rounds in turns, medians. CTranslate2's int8 multiplies in 8 bits, in encoder and decoder. Times: faster-whisper's time by Kvasir's, in the same round.

| recordings | ${sides.map(({ name }) => name).join(' | ')} | times: f32 | int8 | w8a8 | target |
| --- | ${'--: | '.repeat(sides.length)}--: | --: | --: | --: |
${lines.join('\n')}
`;
  await writeFile(fileURLToPath(new URL('../../bench/results/speech.md', import.meta.url)), markdown);
  return markdown;
}

let written = '';
for (let round = 0; round < rounds; round++) {
  for (const [load, of] of LOADS.entries())
    for (let turn = 0; turn < sides.length; turn++) {
      const at = (round + load) % 2 === 0 ? turn : sides.length - 1 - turn;
      const factor = await measure(sides[at]!, of);
      factors[at]![load]!.push(factor);
      console.error(`round ${round + 1} of ${rounds}, ${of.name}: ${sides[at]!.name} ${factor.toFixed(4)}`);
    }
  written = await write(round + 1);
}
for (const { servers } of sides)
  for (const server of servers) {
    server.resume();
    await server.close();
  }
console.log(written);
