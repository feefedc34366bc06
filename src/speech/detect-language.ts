import type { SoundSource } from '#model/decoder/contract.js';
import type { Errand } from './errand.js';
import type { SpeechModel } from './model.js';

/** The language that is spoken. */
export interface Detected {
  /** Code. */
  readonly language: string;
  /** `[0, 1]`, among the languages that the model knows. */
  readonly probability: number;
}

/** Asks a model that knows several languages which one it would write in first (openai/whisper, `detect_language`). */
export async function detectLanguage(
  { special }: SpeechModel,
  errand: Errand,
  sound: SoundSource,
): Promise<Detected> {
  const codes = [...special.languages.keys()];
  const [written] = await errand.write([
    {
      promptIds: [special.start],
      sound,
      watch: { position: 0, ids: [...special.languages.values()] },
      sampling: {
        temperature: 0,
        topK: 0,
        topP: 1,
        minP: 0,
        repetitionPenalty: 1,
        presencePenalty: 0,
        frequencyPenalty: 0,
        logitBias: new Map(),
        seed: undefined,
      },
      stop: {
        maxTokens: 1,
        minTokens: 0,
        stopTokenIds: new Set([special.end]),
        stopStrings: [],
        includeStopString: false,
      },
      logprobs: undefined,
      promptLogprobs: undefined,
    },
  ]);
  const probabilities = Array.from(written!.report.watched!, Math.exp);
  const sum = probabilities.reduce((total, probability) => total + probability, 0);
  const best = probabilities.reduce(
    (best, probability, index) => (probability > probabilities[best]! ? index : best),
    0,
  );
  return { language: codes[best]!, probability: probabilities[best]! / sum };
}
