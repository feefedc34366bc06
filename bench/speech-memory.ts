/**
 * Memory of a server that hears several long recordings at once: what is resident before, at most while they are decoded
 * and begin to be transcribed, and when their clients have gone; beside the bound that `docs/speech.md` states.
 *
 * Run: `KVASIR_REAL_WHISPER=FOLDER KVASIR_BENCH_SPEECH=SPEECH.wav npm run bench:speech-memory [-- recordings [seconds [minutes]]]`:
 * a Whisper in Hugging Face's layout, and English speech, 16 kHz, 16 bit, one channel, which is repeated to so many
 * recordings of so many seconds (8 of 3600), sent as mu-law. They are watched until text of each has come, which is when
 * all of it is decoded, or for some minutes (30), and not transcribed to their ends. Writes `bench/results/speech-memory.md`.
 *
 * Memory is `VmRSS` of Linux' `/proc`, four times a second: the process's own memory and mapped files.
 */
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ServerProcess } from './support/server-process.js';
import { WAV_HEADER, wavOf } from './support/wav.js';

const variable = (name: string): string => {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
};
const folder = variable('KVASIR_REAL_WHISPER');
const [count, seconds, minutes] = [8, 3600, 30].map((value, i) => Number(process.argv[2 + i] ?? value)) as [
  number,
  number,
  number,
];
const RATE = 16_000;
/** Of features, a second: 100 frames of 80 frequencies. */
const FEATURE_BYTES = 32_000;
const MB = 1e6;
const megabytes = (bytes: number): string => `${Math.round(bytes / MB)} MB`;

/** G.711's mu-law of a sample of 16 bits. */
function muLaw(sample: number): number {
  const magnitude = Math.min(Math.abs(sample), 32_635) + 132;
  const exponent = Math.floor(Math.log2(magnitude)) - 7;
  const mantissa = (magnitude >> (exponent + 3)) & 0x0f;
  return ~((sample < 0 ? 0x80 : 0) | (exponent << 4) | mantissa) & 0xff;
}

const speech = readFileSync(variable('KVASIR_BENCH_SPEECH')).subarray(WAV_HEADER);
const samples = Uint8Array.from({ length: Math.floor(speech.length / 2) }, (_, i) =>
  muLaw(speech.readInt16LE(2 * i)),
);

/** The speech from some second on, over and over. */
function recording(length: number, offset: number): Buffer<ArrayBuffer> {
  const bytes = new Uint8Array(RATE * length);
  for (let at = 0, from = (RATE * offset) % samples.length; at < bytes.length; from = 0) {
    const part = samples.subarray(from, from + bytes.length - at);
    bytes.set(part, at);
    at += part.length;
  }
  return wavOf(bytes, { format: 'muLaw', rate: RATE, bits: 8 });
}

/** Sends a recording, and is done when the first text comes; then reads on. */
async function send(
  { url }: ServerProcess,
  sound: Buffer<ArrayBuffer>,
  signal: AbortSignal,
): Promise<{ readonly ended: Promise<void> }> {
  const form = new FormData();
  form.set('file', new Blob([sound]), 'speech.wav');
  form.set('model', 'model');
  form.set('language', 'en');
  form.set('stream', 'true');
  const answer = await fetch(`${url}/v1/audio/transcriptions`, { method: 'POST', body: form, signal });
  if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`);
  const reader = answer.body!.getReader();
  await reader.read();
  const rest = async (): Promise<void> => {
    while (!(await reader.read()).done);
  };
  return { ended: rest().catch(() => undefined) };
}

const command = join(dirname(fileURLToPath(import.meta.url)), '../src/cli/kvasir.cjs');
const server = await ServerProcess.start(
  'Kvasir',
  process.execPath,
  port => [
    ...[command, 'serve', `model=${folder}`, '--precision', 'int8', '--audio-limit', '64m'],
    ...['--body-memory', '1g'],
    ...['--log-level', 'error', '--port', String(port)],
  ],
  '/health/ready',
);
const control = new AbortController();
// Memory that is taken once, whatever is heard, is taken before.
const warm = await Promise.all(
  Array.from({ length: count }, (_, i) => send(server, recording(60, 7 * i), control.signal)),
);
await Promise.all(warm.map(({ ended }) => ended));
const before = await server.memory();
const sounds = Array.from({ length: count }, (_, i) => recording(seconds, 11 * i));
const started = performance.now();
let begun = 0;
let failure: unknown;
for (const sound of sounds)
  send(server, sound, control.signal).then(
    () => begun++,
    (error: unknown) => (failure ??= error),
  );
const elapsed = (): number => (performance.now() - started) / 1000;
let peak = before;
for (let shown = 0; begun < count && elapsed() < 60 * minutes; await sleep(250)) {
  if (failure !== undefined) throw failure;
  const now = await server.memory();
  peak = Math.max(peak, now);
  if (elapsed() < shown + 30) continue;
  shown = elapsed();
  console.log(`${Math.round(shown)} s: ${megabytes(now)}, at most ${megabytes(peak)}; text of ${begun}`);
}
const watched = elapsed();
control.abort();
await sleep(10_000);
const after = await server.memory();
await server.close();

const files = sounds.reduce((sum, { length }) => sum + length, 0);
const features = count * seconds * FEATURE_BYTES;
const table = `# Memory of speech

\`npm run bench:speech-memory\`: ${basename(folder)} in int8, ${count} recordings of ${seconds} s at once, as files of ${megabytes(files / count)}, watched for ${Math.round(watched)} s: until then text of ${begun} had come, which begins when all of a recording is decoded. Memory that is resident.

| | |
| --- | --: |
| before, after ${count} short recordings at once | ${megabytes(before)} |
| at most, with the recordings | ${megabytes(peak)} |
| 10 s after their clients have gone | ${megabytes(after)} |
| features of all, ${FEATURE_BYTES / 1000} kB a second | ${megabytes(features)} |
| files of all, which go as they are decoded | ${megabytes(files)} |
| more than before at most, of features and files | ${Math.round((100 * (peak - before)) / (features + files))}% |
`;
await writeFile(fileURLToPath(new URL('../../bench/results/speech-memory.md', import.meta.url)), table);
console.log(table);
