import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { KvasirError } from '#errors.js';
import { IoBinding, RunOptions, Tensor, type Environment, type Session } from '#runtime/index.js';
import { openSession } from '../open-session.js';

/** Tells where in a recording somebody speaks. */
export interface VoiceDetector {
  /** Samples that one probability is of. */
  readonly step: number;
  /** Begins a recording. */
  open(): VoiceActivity;
  /** Frees the model. No {@link VoiceActivity} may be at work. */
  dispose(): void;
}

/** What is heard of one recording. */
export interface VoiceActivity {
  /**
   * Hears more of it, in blocks of any length, one call at a time.
   *
   * @param samples of 16 kHz; the array may be used again once the call is over.
   */
  append(samples: Float32Array): Promise<void>;
  /** @returns the probability of speech in each {@link VoiceDetector.step} samples; silence is behind the last ones. */
  end(): Promise<Float32Array>;
}

/** Samples of a window. */
const STEP = 512;
/** Samples in front of a window that are heard with it. */
const CONTEXT = 64;
/** Windows of a run: 16 s. */
const WINDOWS = 512;
/** Sizes of the state that goes from one run to the next. */
const STATE = [1, 1, 128];
const INPUTS = ['c', 'h', 'input'];

/** How files are called that hear many windows in a run: those of silero-vad's package, and of faster-whisper's. */
const SEQUENCE_NAMES = [/^silero_vad.*sequence.*\.onnx$/, /^silero_vad_v\d+\.onnx$/];

/**
 * The model for it in a folder, a file that is called `silero_vad*.onnx`; of several, one that hears many windows in a run.
 *
 * @returns undefined where there is none.
 */
export function voiceDetectorFile(folder: string): string | undefined {
  if (!existsSync(folder)) return undefined;
  const names = readdirSync(folder)
    .filter(name => /^silero_vad.*\.onnx$/.test(name))
    .sort();
  const name = [...SEQUENCE_NAMES, /./]
    .map(form => names.findLast(name => form.test(name)))
    .find(name => name !== undefined);
  return name === undefined ? undefined : path.join(folder, name);
}

/**
 * Loads Silero's detector (snakers4/silero-vad) in the form that hears many windows in a run.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`, `runtime_failure`
 */
export async function loadVoiceDetector(environment: Environment, file: string): Promise<VoiceDetector> {
  const session = await openSession(environment, file, { intraOpThreads: 1 });
  const names = session.inputs.map(({ name }) => name).sort();
  if (names.join() !== INPUTS.join()) {
    session.dispose();
    throw new KvasirError(
      'unsupported_model',
      `${file} has the inputs ${names.join(', ')}, and not ${INPUTS.join(', ')}, as silero-vad's silero_vad_16k_sequence.onnx and faster-whisper's silero_vad_v6.onnx have`,
    );
  }
  return { step: STEP, open: () => new SileroActivity(session), dispose: () => session.dispose() };
}

class SileroActivity implements VoiceActivity {
  readonly #session: Session;
  /** What comes before the first window of the next run, then its windows. */
  readonly #samples = new Float32Array(CONTEXT + WINDOWS * STEP);
  #filled = CONTEXT;
  #hidden = new Float32Array(STATE[2]!);
  #cell = new Float32Array(STATE[2]!);
  readonly #probabilities: Float32Array[] = [];

  constructor(session: Session) {
    this.#session = session;
  }

  async append(samples: Float32Array): Promise<void> {
    for (let begin = 0, end: number; begin < samples.length; begin = end) {
      end = Math.min(samples.length, begin + this.#samples.length - this.#filled);
      this.#samples.set(samples.subarray(begin, end), this.#filled);
      this.#filled += end - begin;
      if (this.#filled === this.#samples.length) await this.#run();
    }
  }

  async end(): Promise<Float32Array> {
    this.#samples.fill(0, this.#filled);
    if (this.#filled > CONTEXT) await this.#run();
    const all = new Float32Array(this.#probabilities.reduce((sum, { length }) => sum + length, 0));
    let filled = 0;
    for (const probabilities of this.#probabilities) {
      all.set(probabilities, filled);
      filled += probabilities.length;
    }
    return all;
  }

  /** Hears the windows that are filled. */
  async #run(): Promise<void> {
    const windows = Math.ceil((this.#filled - CONTEXT) / STEP);
    const input = new Float32Array(windows * (CONTEXT + STEP));
    for (let window = 0; window < windows; window++)
      input.set(
        this.#samples.subarray(window * STEP, window * STEP + CONTEXT + STEP),
        window * (CONTEXT + STEP),
      );
    const probabilities = new Float32Array(windows);
    const [hidden, cell] = [new Float32Array(STATE[2]!), new Float32Array(STATE[2]!)];
    using binding = new IoBinding(this.#session);
    using options = new RunOptions();
    using inputTensor = Tensor.fromArray(input, [windows, CONTEXT + STEP]);
    using hiddenTensor = Tensor.fromArray(this.#hidden, STATE);
    using cellTensor = Tensor.fromArray(this.#cell, STATE);
    using nextHidden = Tensor.fromArray(hidden, STATE);
    using nextCell = Tensor.fromArray(cell, STATE);
    using probabilitiesTensor = Tensor.fromArray(probabilities, [windows]);
    binding
      .bindInput('input', inputTensor)
      .bindInput('h', hiddenTensor)
      .bindInput('c', cellTensor)
      .bindOutput('speech_probs', probabilitiesTensor)
      .bindOutput('hn', nextHidden)
      .bindOutput('cn', nextCell);
    await this.#session.run(binding, options);
    [this.#hidden, this.#cell] = [hidden, cell];
    this.#probabilities.push(probabilities);
    this.#samples.copyWithin(0, windows * STEP, windows * STEP + CONTEXT);
    this.#filled = CONTEXT;
  }
}
