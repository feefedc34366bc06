import type { Test } from 'tap';
import type { BeamParameters } from '#engine/beams/types.js';
import { Engine } from '#engine/engine.js';
import type { GenerationEngine, GenerationRequest, SamplingParameters } from '#engine/types.js';
import type { Decoder } from '#model/decoder/contract.js';
import { readGenerationDefaults } from '#model/generation-defaults.js';
import { GREEDY, greedy } from './generation-request.js';
import { letterTokenizer } from './letter-tokenizer.js';
import type { Hypothesis, SearchOptions, Seq2SeqFixture } from './seq2seq-fixtures.js';

/** An engine whose texts are of no interest, only their tokens. */
export function idEngine(t: Test, decoder: Decoder): GenerationEngine {
  const { vocabularySize } = decoder.shape;
  const engine = new Engine(decoder, { ...letterTokenizer, vocabularySize });
  t.teardown(() => engine.close());
  return engine;
}

/**
 * Asks an engine for all searches at once, so that they share batches, and then for each alone, and compares texts and scores with those
 * of transformers.
 */
export async function checkSearches(
  t: Test,
  engine: GenerationEngine,
  { config, prompts, searches }: Seq2SeqFixture,
): Promise<void> {
  const requests = searches.map(search => requestOf(search.options, prompts[search.prompt]!, config));
  const together = await Promise.all(requests.map(request => hypotheses(engine, request)));
  for (const [i, { prompt, options, results }] of searches.entries()) {
    const what = `${JSON.stringify(options)} over ${prompt}`;
    compareHypotheses(t, together[i]!, results, `${what}, among others`);
    compareHypotheses(t, await hypotheses(engine, requests[i]!), results, `${what}, alone`);
  }
}

/** Asks an engine for what a folder's own generation_config.json says, and compares it with what transformers makes of that. */
export async function checkDefaults(
  t: Test,
  engine: GenerationEngine,
  { config, folder, prompts, defaults }: Seq2SeqFixture,
): Promise<void> {
  const { startIds, maxTokens, minTokens, sampling, beams } = await readGenerationDefaults(folder);
  const stopTokenIds = new Set([config.eos_token_id as number]);
  for (const { prompt, results } of defaults) {
    const request = {
      ...greedy(startIds, { minTokens, stopTokenIds, ...(maxTokens !== undefined && { maxTokens }) }),
      sampling: { ...GREEDY, ...sampling },
      sourceIds: prompts[prompt]!,
      ...(beams.width > 1 && { beams }),
    };
    compareHypotheses(t, await hypotheses(engine, request), results, `by the folder's settings, ${prompt}`);
  }
}

function compareHypotheses(
  t: Test,
  actual: readonly Hypothesis[],
  wanted: readonly Hypothesis[],
  what: string,
): void {
  t.strictSame(
    actual.map(({ ids }) => ids),
    wanted.map(({ ids }) => ids),
    what,
  );
  wanted.forEach(({ score }, i) => {
    if (score === undefined) return;
    const error = Math.abs(score - (actual[i]?.score ?? NaN)) / Math.max(1, Math.abs(score));
    t.ok(error < 1e-4, `${what}: score ${i} differs by ${error.toExponential(1)}`);
  });
}

/** The request that a call of transformers' `generate` is. */
function requestOf(
  options: SearchOptions,
  sourceIds: readonly number[],
  config: Seq2SeqFixture['config'],
): GenerationRequest {
  const promptIds = [config.decoder_start_token_id as number];
  const beams = beamsOf(options);
  const request = greedy(promptIds, {
    maxTokens: options.max_length - promptIds.length,
    minTokens: Math.max(0, (options.min_length ?? 0) - promptIds.length),
    stopTokenIds: new Set([config.eos_token_id as number]),
  });
  return {
    ...request,
    sampling: samplingOf(options),
    sourceIds,
    ...(beams !== undefined && { beams }),
  };
}

function samplingOf(options: SearchOptions): SamplingParameters {
  const { forced_eos_token_id: forcedLastId } = options;
  return {
    ...GREEDY,
    repetitionPenalty: options.repetition_penalty ?? 1,
    bannedSequences: options.bad_words_ids,
    noRepeatNgram: options.no_repeat_ngram_size,
    sourceNoRepeatNgram: options.encoder_no_repeat_ngram_size,
    forcedFirstId: options.forced_bos_token_id,
    ...(forcedLastId !== undefined && { forcedLastIds: [forcedLastId] }),
    suppressedIds: options.suppress_tokens,
    suppressedFirstIds: options.begin_suppress_tokens,
  };
}

function beamsOf(options: SearchOptions): BeamParameters | undefined {
  const { num_beams: width = 1, length_penalty: lengthPenalty = 1 } = options;
  const { early_stopping: earlyStopping = false, num_return_sequences: results = 1 } = options;
  return width === 1 ? undefined : { width, lengthPenalty, earlyStopping, results };
}

/** What comes of a request, best first; one text where it has no beams. */
export async function hypotheses(
  engine: GenerationEngine,
  request: GenerationRequest,
): Promise<Hypothesis[]> {
  const ids: number[] = [];
  for await (const event of engine.generate(request)) {
    if (event.type !== 'delta') continue;
    if (event.hypotheses !== undefined)
      return event.hypotheses.map(({ tokens, score }) => ({ ids: tokens.map(({ id }) => id), score }));
    ids.push(...event.tokens.map(({ id }) => id));
  }
  return [{ ids }];
}
