import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Checks } from '../support/reliability/checks.js';
import { ServedProcess } from '../support/reliability/served-process.js';
import { wordErrors } from './word-errors.js';

/** Where the references and awkward files are, and recordings that can be had elsewhere: see the README there. */
const SHARED = path.resolve(process.env['KVASIR_REAL_SHARED'] ?? '../shared/real');
const CLIPS = process.env['KVASIR_REAL_CLIPS'];

type SegmentRow = readonly [
  start: number,
  end: number,
  seek: number,
  text: string,
  avgLogprob: number,
  compressionRatio: number,
  noSpeechProb: number,
  temperature: number,
  tokens: readonly number[],
];

/** What a peer heard. */
interface Run {
  readonly language: string;
  readonly text: string;
  readonly segments: readonly SegmentRow[];
  readonly words?: readonly (readonly [word: string, start: number, end: number, probability: number])[];
}

interface Clip {
  readonly sha256_16: string;
  readonly samples: number;
  /** What is said, where that is known. */
  readonly truth?: string;
  readonly runs: Readonly<Record<string, Run>>;
}

interface References {
  readonly clips: Readonly<Record<string, Clip>>;
}

/** An answer in `verbose_json`. */
interface Answer {
  readonly language: string;
  readonly duration: number;
  readonly text: string;
  readonly segments: readonly {
    readonly seek: number;
    readonly start: number;
    readonly end: number;
    readonly text: string;
    readonly tokens: readonly number[];
    readonly avg_logprob: number;
    readonly no_speech_prob: number;
    readonly temperature: number;
  }[];
  readonly words: readonly { readonly word: string; readonly start: number; readonly end: number }[];
}

interface Recording {
  readonly name: string;
  readonly clip: Clip;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** English names of the languages of the clips. */
const LANGUAGES: Readonly<Record<string, string>> = {
  en: 'english',
  de: 'german',
  fr: 'french',
  es: 'spanish',
};

/**
 * Transcripts of Whisper base against those of openai-whisper and faster-whisper with the same weights. Recordings that cannot
 * be had are named.
 */
export async function checkWhisper(folder: string, checks: Checks): Promise<void> {
  const { clips } = JSON.parse(
    await readFile(path.join(SHARED, 'whisper-base-references.json'), 'utf8'),
  ) as References;
  checks.section('Recordings for Whisper base');
  const recordings = await findRecordings(clips, checks);

  checks.section('Whisper base, float32, one beam, against faster-whisper');
  const float = await transcripts(folder, 'f32', {}, recordings);
  for (const { name, clip } of recordings) compare(name, clip, float.get(name), checks);

  checks.section('Whisper base, float32, five beams, against faster-whisper');
  const beams = await transcripts(folder, 'f32', { beam_size: '5' }, recordings);
  const reference = ({ clip }: Recording): string => clip.runs['faster-whisper float32 beam 5']!.text;
  addErrors('word error rate against its text', recordings, beams, reference, 0.03, checks);

  checks.section('Whisper base, int8, against what is said');
  const quantized = await transcripts(folder, 'int8', {}, recordings);
  const known = recordings.filter(({ clip }) => clip.truth !== undefined);
  const truth = ({ clip }: Recording): string => clip.truth!;
  const exact = addErrors('float32', known, float, truth, undefined, checks);
  addErrors('int8', known, quantized, truth, exact + 0.02, checks);
}

async function findRecordings(clips: References['clips'], checks: Checks): Promise<Recording[]> {
  const found: Recording[] = [];
  for (const [name, clip] of Object.entries(clips)) {
    const file = name.includes('.')
      ? path.join(SHARED, 'audio', name)
      : path.join(CLIPS ?? path.join(SHARED, 'clips'), `${name}.wav`);
    if (!existsSync(file)) {
      checks.add(name, '', 'NOT CHECKED: KVASIR_REAL_CLIPS names no folder that has it');
      continue;
    }
    const bytes = new Uint8Array(await readFile(file));
    const digest = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
    checks.add(name, clip.sha256_16, digest, digest === clip.sha256_16);
    if (digest === clip.sha256_16) found.push({ name, clip, bytes });
  }
  return found;
}

/** What Kvasir hears in each recording, one after the other; the language is found out. */
async function transcripts(
  folder: string,
  precision: string,
  fields: Readonly<Record<string, string>>,
  recordings: readonly Recording[],
): Promise<ReadonlyMap<string, Answer>> {
  const server = await ServedProcess.start([
    `whisper=${folder}`,
    '--precision',
    precision,
    '--log-level',
    'silent',
  ]);
  try {
    const answers = new Map<string, Answer>();
    for (const { name, bytes } of recordings) {
      const form = new FormData();
      form.set('model', 'whisper');
      form.set('response_format', 'verbose_json');
      form.append('timestamp_granularities[]', 'word');
      form.append('timestamp_granularities[]', 'segment');
      for (const [field, value] of Object.entries(fields)) form.set(field, value);
      form.set('file', new Blob([bytes]), name.includes('.') ? name : `${name}.wav`);
      const response = await fetch(`${server.url}/v1/audio/transcriptions`, { method: 'POST', body: form });
      const text = await response.text();
      if (response.status === 200) answers.set(name, JSON.parse(text) as Answer);
      // AAC is read where ffmpeg is.
      else if (!name.endsWith('.m4a') || !/ffmpeg/i.test(text))
        throw new Error(`${name}: ${response.status} ${text}`);
    }
    return answers;
  } finally {
    await server.end();
  }
}

/** Files of other rates than 16 kHz are resampled by other filters, so that only their text can be compared. */
function compare(name: string, { samples, runs }: Clip, answer: Answer | undefined, checks: Checks): void {
  if (answer === undefined) {
    checks.add(name, '', 'NOT CHECKED: it is refused, since there is no ffmpeg');
    return;
  }
  const { language, text, segments, words } = runs['faster-whisper float32 beam 1']!;
  if (name.includes('.')) {
    const errors = wordErrors(text, answer.text);
    const limit = Math.max(1, Math.ceil(wordsOf(text) / 10));
    checks.add(
      name,
      `at most ${limit} other words than ${JSON.stringify(text)}`,
      answer.text,
      errors <= limit,
    );
    return;
  }
  const all: readonly (readonly [what: string, limit: number, difference: number])[] = [
    [
      'seconds of segments',
      0.02,
      largest(segments, answer.segments, ([start, end], other) => [start - other.start, end - other.end]),
    ],
    [
      'average log-probabilities',
      0.002,
      largest(segments, answer.segments, (row, other) => [row[4] - other.avg_logprob]),
    ],
    [
      'probabilities of no speech',
      0.002,
      largest(segments, answer.segments, (row, other) => [row[6] - other.no_speech_prob]),
    ],
    [
      'seconds of words',
      0.02,
      largest(words ?? [], answer.words, ([, start, end], other) => [start - other.start, end - other.end]),
    ],
    ['seconds', 0.001, Math.abs(samples / 16_000 - answer.duration)],
  ];
  const tokens = same(
    segments.map(row => row[8]),
    answer.segments.map(({ tokens }) => tokens),
  );
  const spelled = same(
    (words ?? []).map(([word]) => word.trim()),
    answer.words.map(({ word }) => word.trim()),
  );
  const isLanguage = (LANGUAGES[language] ?? language) === answer.language;
  const isText = text.trim() === answer.text.trim();
  checks.add(
    `${name}: language, text, tokens, words`,
    'the same',
    isText ? `${segments.length} segments` : answer.text,
    isLanguage && isText && tokens && spelled,
  );
  for (const [what, limit, difference] of all)
    checks.add(
      `${name}: ${what}`,
      `${limit} apart`,
      String(Math.round(difference * 1e5) / 1e5),
      difference <= limit + 1e-6,
    );
}

/** The largest of the differences between rows; Infinity where there are more of one kind. */
function largest<A, B>(
  rows: readonly A[],
  others: readonly B[],
  differences: (row: A, other: B) => number[],
): number {
  if (rows.length !== others.length) return Infinity;
  return Math.max(0, ...rows.flatMap((row, index) => differences(row, others[index]!).map(Math.abs)));
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Adds the word error rate over all recordings together. */
function addErrors(
  what: string,
  recordings: readonly Recording[],
  answers: ReadonlyMap<string, Answer>,
  wanted: (recording: Recording) => string,
  limit: number | undefined,
  checks: Checks,
): number {
  let [errors, words] = [0, 0];
  for (const recording of recordings) {
    const answer = answers.get(recording.name);
    if (answer === undefined) continue;
    errors += wordErrors(wanted(recording), answer.text);
    words += wordsOf(wanted(recording));
  }
  const rate = errors / Math.max(1, words);
  checks.add(
    `${what}, ${words} words`,
    limit === undefined ? '' : `at most ${limit.toFixed(3)}`,
    rate.toFixed(3),
    limit === undefined ? undefined : rate <= limit,
  );
  return rate;
}

function wordsOf(text: string): number {
  return wordErrors(text, '');
}
