import type { GenerationEvent, GenerationRequest } from '#engine/types.js';
import type { TranslatedLanguages } from '#registry/card.js';
import type { GenerationModel, SourcedText } from '#registry/types.js';
import type { LanguageCodes } from '#text/languages/language-codes.js';
import { FakeEngine } from './fake-engine.js';
import { fakeModel } from './http-server.js';
import { byteLevelTokenizer } from './tiny-tokenizers.js';

/** The id that ends texts, and that which they begin with. */
export const [START, STOP] = [0, 2];

const tokenizer = byteLevelTokenizer();

export interface FakeTranslator {
  readonly model: GenerationModel;
  readonly engine: FakeEngine;
}

export interface FakeTranslatorOptions {
  readonly translates?: TranslatedLanguages;
  /** Whether it is told of languages by tokens; else there is one pair. */
  readonly knowsCodes?: boolean;
  /** How it is told of languages, in place of either. */
  readonly languages?: LanguageCodes;
  /** Defaults of its folder. */
  readonly defaults?: Partial<SourcedText['defaults']>;
  /** Longest source, in bytes. */
  readonly longestSource?: number;
  /** What it writes for a source. */
  readonly by?: (source: string, request: GenerationRequest) => string;
}

/** A model that writes its source in capitals, over an engine without a decoder; its nth hypothesis has n exclamation marks more. */
export function fakeTranslator(
  id: string,
  {
    translates,
    knowsCodes = false,
    languages = translates && (knowsCodes ? fakeCodes(translates.targets) : fakePair(translates)),
    defaults = {},
    longestSource = 40,
    by = text => text.toUpperCase(),
  }: FakeTranslatorOptions = {},
): FakeTranslator {
  const engine = new FakeEngine(request => write(request, by));
  const model = fakeModel(id, engine, {
    tokenizer,
    eosIds: new Set([STOP]),
    sourced: {
      longestSource,
      startIds: [START],
      languages,
      translates,
      defaults: {
        startIds: [START],
        maxTokens: undefined,
        minTokens: 0,
        sampling: { temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1 },
        beams: { width: 1, lengthPenalty: 1, earlyStopping: false, results: 1 },
        ...defaults,
      },
    },
  });
  return { model, engine };
}

/** What language tokens count from. */
export const FIRST_LANGUAGE = 1000;

/** Tokens of languages as NLLB has them: in front of a source, and first in a text. */
function fakeCodes(codes: readonly string[]): LanguageCodes {
  const idOf = (code: string): number => FIRST_LANGUAGE + codes.indexOf(code);
  return {
    codes,
    sources: codes,
    targets: codes,
    sourceTokens: (source = codes[0]!) => ({ before: [idOf(source)], after: [STOP] }),
    forcedTarget: idOf,
    startTarget: () => undefined,
  };
}

/** Languages as a Marian has them that translates one into another. */
function fakePair({ sources, targets }: TranslatedLanguages): LanguageCodes {
  return {
    codes: [...sources, ...targets],
    sources,
    targets,
    sourceTokens: () => ({ before: [], after: [STOP] }),
    forcedTarget: () => undefined,
    startTarget: () => undefined,
  };
}

async function* write(
  request: GenerationRequest,
  by: (source: string, request: GenerationRequest) => string,
): AsyncGenerator<GenerationEvent> {
  await new Promise(setImmediate);
  const { sourceIds = [], beams, logprobs } = request;
  const text = by(tokenizer.decode(sourceIds.filter(id => id < FIRST_LANGUAGE && id !== STOP)), request);
  const tokensOf = (written: string) =>
    [...tokenizer.encode(written, { addSpecialTokens: false }), STOP].map((id, n) => ({
      id,
      logprobs: logprobs === undefined ? undefined : { id, logprob: -(n + 1) / 4, top: [] },
    }));
  const report = {
    promptTokens: 1,
    sourceTokens: sourceIds.length,
    cachedTokens: 0,
    generatedTokens: 0,
    queueMs: 0,
    prefillMs: 0,
    decodeMs: 0,
  };
  const end = { type: 'delta', finishReason: 'stop', stopReason: STOP, report } as const;
  if (beams === undefined) {
    yield { ...end, text, tokens: tokensOf(text) };
    return;
  }
  const hypotheses = Array.from({ length: beams.results }, (_, n) => {
    const written = text + '!'.repeat(n);
    return {
      text: written,
      tokens: tokensOf(written),
      score: -n,
      logprob: -n,
      finishReason: 'stop' as const,
    };
  });
  yield { ...end, text, tokens: tokensOf(text), hypotheses };
}
