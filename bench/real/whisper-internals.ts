import { loadSeq2Seq } from '#model/decoder/load-seq2seq.js';
import type { Decoder, SoundShape } from '#model/decoder/contract.js';
import { soundFeatures } from '#model/speech/sound-features.js';
import type { Environment } from '#runtime/index.js';
import type { Checks } from '../support/reliability/checks.js';

/** What two other programs say of the first window of a clip: features, and what a model makes of them. */
export interface WhisperInternals {
  readonly 'mel[0][0..5]': readonly number[];
  readonly 'mel[40][100..105]': readonly number[];
  readonly 'mel[79][1098..1101]': readonly number[];
  readonly 'mel[0][2999]': readonly number[];
  readonly mel_mean: number;
  /** Probabilities behind the first token, of languages alone. */
  readonly languages: Readonly<Record<string, number>>;
  readonly no_speech: number;
  readonly first_logits_top5: readonly (readonly [id: number, logit: number])[];
  readonly greedy_tokens_no_timestamps: readonly number[];
  readonly greedy_logprobs: readonly number[];
}

/** Ids of the tokens that are named here. */
export interface WhisperTokens {
  readonly start: number;
  readonly languages: Readonly<Record<string, number>>;
  readonly transcribe: number;
  readonly noSpeech: number;
  readonly noTimestamps: number;
  /** Never drawn. */
  readonly suppressed: readonly number[];
  /** Not drawn first. */
  readonly suppressedFirst: readonly number[];
}

/**
 * Holds the first window of a clip against what is known of it.
 *
 * @param folder of a Whisper, in the layout of Hugging Face.
 * @param samples of a clip in English.
 */
export async function checkWhisperInternals(
  environment: Environment,
  folder: string,
  samples: Float32Array,
  expected: WhisperInternals,
  tokens: WhisperTokens,
  checks: Checks,
): Promise<void> {
  const { decoder } = await loadSeq2Seq(environment, folder, { slots: 1 });
  const features = soundFeatures(environment, decoder.source!.sound as SoundShape);
  try {
    const recording = features.open();
    await recording.append(samples);
    await recording.end();
    const window = recording.window(0, recording.frames);
    checkFeatures(window, features.frames, expected, checks);
    const sound = { key: 'clip', features: window };
    const { results } = await decoder.encode!([{ slot: 0, ids: [], sound }]);
    if (results[0] !== undefined) throw results[0].error;
    await checkBeginning(decoder, expected, tokens, checks);
    await checkText(decoder, expected, tokens, checks);
  } finally {
    decoder.dispose();
    features.dispose();
  }
}

function checkFeatures(
  window: Float32Array,
  frames: number,
  expected: WhisperInternals,
  checks: Checks,
): void {
  const piece = (bin: number, begin: number, end = begin + 1): Float32Array =>
    window.subarray(bin * frames + begin, bin * frames + end);
  const off = Math.max(
    furthest(piece(0, 0, 6), expected['mel[0][0..5]']),
    furthest(piece(40, 100, 106), expected['mel[40][100..105]']),
    furthest(piece(79, 1098, 1102), expected['mel[79][1098..1101]']),
    furthest(piece(0, frames - 1), expected['mel[0][2999]']),
    Math.abs(window.reduce((sum, value) => sum + value, 0) / window.length - expected.mel_mean),
  );
  checks.add('log-mel, furthest', 'at most 1e-4', off.toExponential(1), off <= 1e-4);
}

async function checkBeginning(
  decoder: Decoder,
  { languages, no_speech: noSpeech }: WhisperInternals,
  tokens: WhisperTokens,
  checks: Checks,
): Promise<void> {
  const logits = await logitsOf(decoder, [tokens.start], 0);
  const all = softmax(logits);
  const ids = Object.values(tokens.languages);
  const spoken = softmax(Float32Array.from(ids, id => logits[id]!));
  const off = Math.max(
    ...Object.entries(languages).map(([code, wanted]) =>
      Math.abs(spoken[ids.indexOf(tokens.languages[code]!)]! - wanted),
    ),
    Math.abs(all[tokens.noSpeech]! - noSpeech),
  );
  checks.add('languages and no speech, furthest', 'at most 1e-3', off.toExponential(1), off <= 1e-3);
}

async function checkText(
  decoder: Decoder,
  expected: WhisperInternals,
  tokens: WhisperTokens,
  checks: Checks,
): Promise<void> {
  const { start, languages, transcribe, noTimestamps, suppressed, suppressedFirst } = tokens;
  const wanted = expected.greedy_tokens_no_timestamps;
  const prompt = [start, languages.en!, transcribe, noTimestamps];
  let logits = await logitsOf(decoder, prompt, 0);
  const first = Math.max(...expected.first_logits_top5.map(([id, logit]) => Math.abs(logits[id]! - logit)));
  checks.add('logits of the first token, furthest', 'at most 1e-2', first.toExponential(1), first <= 1e-2);
  const drawn: number[] = [];
  let furthestLogprob = 0;
  while (drawn.length < wanted.length) {
    const allowed = logits.slice();
    for (const id of [...suppressed, ...(drawn.length === 0 ? suppressedFirst : [])]) allowed[id] = -Infinity;
    const id = allowed.indexOf(Math.max(...allowed));
    const logprob = Math.log(softmax(allowed)[id]!);
    furthestLogprob = Math.max(furthestLogprob, Math.abs(logprob - expected.greedy_logprobs[drawn.length]!));
    drawn.push(id);
    logits = await logitsOf(decoder, [id], prompt.length + drawn.length - 1);
  }
  const same = drawn.every((id, i) => id === wanted[i]);
  checks.add('tokens', 'the same', same ? 'the same' : drawn.join(' '), same);
  checks.add(
    'their log-probabilities, furthest',
    'at most 2e-3',
    furthestLogprob.toExponential(1),
    furthestLogprob <= 2e-3,
  );
}

async function logitsOf(decoder: Decoder, ids: readonly number[], computed: number): Promise<Float32Array> {
  const { results } = await decoder.run([{ slot: 0, ids, computed, wanted: 'last' }]);
  const [result] = results;
  if (result === undefined || 'error' in result) throw result?.error ?? new Error('the run gave nothing');
  return result.logits.slice();
}

function softmax(logits: Float32Array): Float64Array {
  const largest = logits.reduce((most, value) => Math.max(most, value));
  const exponentials = Float64Array.from(logits, value => Math.exp(value - largest));
  const sum = exponentials.reduce((total, value) => total + value, 0);
  return exponentials.map(value => value / sum);
}

function furthest(found: Float32Array, wanted: readonly number[]): number {
  return Math.max(...wanted.map((value, i) => Math.abs(found[i]! - value)));
}
