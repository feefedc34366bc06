import fc from 'fast-check';
import t from 'tap';
import type { BeamParameters } from '#engine/beams/types.js';
import { Engine } from '#engine/engine.js';
import type { EngineOptions } from '#engine/engine-options.js';
import { processLogits } from '#engine/sampling/logits-rules.js';
import { TokenCounts } from '#engine/sampling/penalties.js';
import type {
  GenerationEvent,
  GenerationRequest,
  SamplingParameters,
  TokenConstraint,
} from '#engine/types.js';
import type { DecoderTraits, SoundSource } from '#model/decoder/contract.js';
import { FakeDecoder } from '#test/support/fake-decoder.js';
import { greedy, GREEDY } from '#test/support/generation-request.js';
import { all, ids, prompt, steps } from '#test/support/letter-engine.js';
import { END, LETTERS, letterTokenizer } from '#test/support/letter-tokenizer.js';
import { runs } from '#test/support/property-runs.js';
import { logSoftmax, referenceBeamSearch } from '#test/support/reference-beam-search.js';
import { seededRandom } from '#test/support/seeded-random.js';

const { vocabularySize } = letterTokenizer;
const CONTEXT = 40;
/** The longest one. */
const SOURCE = 10;

/** Logits that depend on all tokens, and the source; some model gives them. */
function logitsAfter(tokens: readonly number[], source: readonly number[] = []): number[] {
  const text = [...source, vocabularySize, ...tokens];
  const random = seededRandom(text.reduce((hash, id) => (hash * 31 + id + 1) % 1_000_003, 7));
  return Array.from({ length: vocabularySize }, () => Math.fround(6 * random()));
}

/** A window of sound, of which a model knows the numbers of its key. */
function soundOf(source: readonly number[]): SoundSource {
  return { key: source.join(), features: Float32Array.from({ length: SOURCE }, (_, i) => source[i] ?? 0) };
}

/** Lets two thirds of all tokens through, others behind each text. */
class Third implements TokenConstraint {
  readonly complete = false;
  readonly shortened = false;
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  mask(logits: Float32Array, stopIds: ReadonlySet<number>): void {
    for (let id = 0; id < logits.length; id++)
      if (!stopIds.has(id) && (this.#state + id) % 3 === 0) logits[id] = -Infinity;
  }

  accept(id: number): void {
    this.#state = (this.#state * 31 + id + 1) % 1_000_003;
  }

  fork(): Third {
    return new Third(this.#state);
  }
}

interface TestEngine {
  readonly engine: Engine;
  readonly decoder: FakeDecoder;
}

/** How its decoder comes by a source, if it attends to one. */
type Sense = 'reads' | 'hears' | undefined;

function open(
  slots: number,
  options: Partial<EngineOptions> = {},
  traits: Partial<DecoderTraits> = {},
  sense?: Sense,
): TestEngine {
  const decoder = new FakeDecoder(slots, vocabularySize, CONTEXT, () => 0);
  decoder.traits = { ...decoder.traits, ...traits };
  // As their graphs do.
  decoder.tellsSums = sense !== undefined;
  if (sense === 'reads') decoder.source = { longest: SOURCE, vocabularySize };
  if (sense === 'hears') decoder.hear({ bins: 1, frames: SOURCE }, SOURCE);
  decoder.spoil = (logits, tokens, source) => logits.set(logitsAfter(tokens, source));
  return { engine: new Engine(decoder, letterTokenizer, options), decoder };
}

function request(
  start: readonly number[],
  beams: Partial<BeamParameters> | undefined,
  { maxTokens = 14, ...sampling }: Partial<SamplingParameters> & { maxTokens?: number } = {},
): GenerationRequest {
  const base = greedy(start, { maxTokens, stopTokenIds: new Set([END]) });
  return {
    ...base,
    sampling: { ...GREEDY, ...sampling },
    ...(beams && { beams: { width: 3, lengthPenalty: 1, earlyStopping: false, results: 1, ...beams } }),
  };
}

interface Found {
  readonly ids: readonly number[];
  readonly score: number;
  readonly text: string;
}

/** What a search finds where each hypothesis is run alone, from its beginning. */
function expected(of: GenerationRequest): Found[] {
  const { promptIds, beams, stop, sampling, constraint: first } = of;
  const sourceIds = of.sourceIds ?? (of.sound && [...of.sound.features]);
  const found = referenceBeamSearch({
    ...beams!,
    stopIds: [...stop.stopTokenIds],
    maxTokens: Math.min(stop.maxTokens, CONTEXT - promptIds.length),
    logprobs: generated => {
      const tokens = [...promptIds, ...generated];
      const counts = new TokenCounts(promptIds);
      for (const id of generated) counts.add(id);
      const remaining = Math.min(promptIds.length + stop.maxTokens, CONTEXT) - tokens.length;
      const scores = Float32Array.from(logSoftmax(logitsAfter(tokens, sourceIds)));
      const constraint = first?.fork?.();
      const isForced = sampling.forcedFirstId !== undefined && promptIds.length === 1;
      for (const id of isForced ? generated.slice(1) : generated) constraint?.accept(id);
      const text = {
        request: of,
        constraint,
        tokens,
        promptLength: promptIds.length,
        generated: generated.length,
        remaining,
        counts,
      };
      processLogits(scores, text);
      return sampling.normalizesScores ? logSoftmax([...scores]) : [...scores];
    },
  });
  return found.map(hypothesis => ({
    ...hypothesis,
    text: hypothesis.ids.map(id => (id === END ? '' : LETTERS[id])).join(''),
  }));
}

function found(events: readonly GenerationEvent[]): Found[] {
  const [event, ...others] = events;
  if (event?.type !== 'delta' || others.length > 0) throw new Error('expected one event');
  return event.hypotheses!.map(({ tokens, score, text }) => ({
    ids: tokens.map(({ id }) => id),
    score,
    text,
  }));
}

/** @throws Error where a request did not come to what it should. */
function check(events: readonly GenerationEvent[], of: GenerationRequest): void {
  const [actual, wanted] = [found(events), expected(of)];
  const isSame =
    actual.length === wanted.length &&
    actual.every(({ ids, text, score }, i) => {
      const other = wanted[i]!;
      return String(ids) === String(other.ids) && text === other.text && Math.abs(score - other.score) < 1e-4;
    });
  if (!isSame) throw new Error(`${JSON.stringify(actual)}, expected ${JSON.stringify(wanted)}`);
}

const beams = fc
  .record({
    width: fc.integer({ min: 1, max: 4 }),
    lengthPenalty: fc.constantFrom(-1, 0, 1, 2),
    earlyStopping: fc.constantFrom(true, false, 'never' as const),
    wanted: fc.nat(3),
  })
  .map(({ wanted, ...parameters }) => ({ ...parameters, results: 1 + (wanted % parameters.width) }));

const rules = fc.record(
  {
    repetitionPenalty: fc.constantFrom(0.7, 1.5),
    noRepeatNgram: fc.constantFrom(1, 2),
    bannedSequences: fc.constantFrom([[0], [1]], [[2, 3]]),
    forcedFirstId: fc.integer({ min: 7, max: 25 }),
    forcedLastIds: fc.constantFrom([END], [3, 4]),
    suppressedIds: fc.constantFrom([5, 6]),
    logitBias: fc.constantFrom(new Map([[END, 2]]), new Map([[END, -5]])),
    normalizesScores: fc.boolean(),
    maxTokens: fc.integer({ min: 1, max: 20 }),
  },
  { requiredKeys: [] },
);

const requests = fc.array(
  fc.record({
    // Many begin alike.
    start: fc.oneof(
      fc.array(fc.nat(25), { minLength: 1, maxLength: 30 }),
      fc.nat(20).map(more => Array.from({ length: 17 + more }, (_, i) => i % 20)),
    ),
    // Few different ones: some requests share theirs.
    source: fc.array(fc.nat(2), { minLength: 1, maxLength: 3 }),
    beams: fc.option(beams, { nil: undefined, freq: 3 }),
    rules,
    /** Of a constraint, if there is one. */
    seed: fc.option(fc.nat(100), { nil: undefined }),
    delay: fc.nat(6),
  }),
  { minLength: 1, maxLength: 8 },
);

const KINDS: readonly (readonly [Partial<DecoderTraits>, Sense?])[] = [
  [{}],
  [{ mixes: true, packs: true }],
  [{ wholePrompts: false }],
  [{ chunkInvariant: false }],
  [{}, 'reads'],
  [{ chunkInvariant: false }, 'hears'],
];

for (const [traits, sense] of KINDS)
  t.test(
    `as if each were alone: ${JSON.stringify(traits)}${sense === undefined ? '' : `, one that ${sense}`}`,
    async () => {
      await fc.assert(
        fc.asyncProperty(
          requests,
          fc.constantFrom(4, 5, 8),
          fc.constantFrom(4 * (CONTEXT + SOURCE), 1000),
          async (cases, slots, cacheTokens) => {
            const options = { prefillTokens: 16, reservedTokens: 1, cacheTokens };
            const { engine } = open(slots, options, traits, sense);
            try {
              const alone = open(1, {}, {}, sense).engine;
              await Promise.all(
                cases.map(async ({ start, source, beams, rules, seed, delay }) => {
                  // A constraint belongs to one sequence.
                  const asked = (): GenerationRequest => ({
                    ...request(sense === undefined ? start : start.slice(0, 3), beams, rules),
                    ...(sense === 'reads' && { sourceIds: source }),
                    ...(sense === 'hears' && { sound: soundOf(source) }),
                    ...(seed !== undefined && { constraint: new Third(seed) }),
                  });
                  await steps(delay);
                  const events = await all(engine.generate(asked()));
                  if (beams !== undefined) check(events, asked());
                  else if (String(ids(events)) !== String(ids(await all(alone.generate(asked())))))
                    throw new Error('greedy');
                }),
              );
              const { running, waiting } = engine.stats();
              if (running + waiting > 0) throw new Error('somebody is left');
              engine.checkRoom(slots + 1024);
              await alone.close();
            } finally {
              await engine.close();
            }
          },
        ),
        runs(50),
      );
    },
  );

t.test('a group waits for as many slots as it has beams, and nobody overtakes it', async t => {
  const { engine, decoder } = open(3);
  t.teardown(() => engine.close());
  const first = all(
    engine.generate(request(prompt('ab'), undefined, { maxTokens: 36, suppressedIds: [END] })),
  );
  await steps(2);
  const group = all(engine.generate(request(prompt('cd'), { width: 3 })));
  const last = all(engine.generate(request(prompt('ef'), undefined)));
  await steps(2);
  t.match(engine.stats(), { running: 1, waiting: 2 });
  await Promise.all([first, group, last]);
  t.ok(decoder.runs.includes('decode 3'), 'all three rows ran together');
});

t.test('a group that has to give way finds the same when it begins again', async t => {
  const { engine, decoder } = open(8, { cacheTokens: 160, reservedTokens: 1 });
  t.teardown(() => engine.close());
  const long = { suppressedIds: [END] };
  const others = ['ab', 'cd', 'ef', 'gh'].map(start =>
    request(prompt(start), undefined, { maxTokens: 34, ...long }),
  );
  const plain = others.map(other => all(engine.generate(other)));
  await steps(4);
  const asked = request(prompt('xyz'), { width: 4, results: 4 }, { maxTokens: 36, ...long });
  check(await all(engine.generate(asked)), asked);
  t.ok(engine.stats().preemptions > 0);
  t.ok(decoder.runs.includes('decode 8'), 'all ran together before');
  const alone = open(1).engine;
  for (const [i, events] of plain.entries())
    t.strictSame(ids(await events), ids(await all(alone.generate(others[i]!))));
  await alone.close();
});

t.test('what no engine could do is refused at once', async t => {
  const { engine } = open(2, { cacheTokens: 50 });
  t.teardown(() => engine.close());
  const refused = (changes: Partial<GenerationRequest>, beams: Partial<BeamParameters> = {}): void => {
    const asked = { ...request(prompt('ab'), { width: 2, ...beams }), ...changes };
    t.throws(() => engine.generate(asked), { code: 'invalid_request' });
  };
  const { stop } = request(prompt('ab'), {});
  refused({}, { width: 3 });
  refused({}, { width: 0 });
  refused({}, { results: 3 });
  refused({}, { lengthPenalty: NaN });
  refused({ stop: { ...stop, stopStrings: ['a'] } });
  refused({ stop: { ...stop, maxTokens: 30 } });
  refused({ promptLogprobs: 1 });
  refused({
    constraint: { mask: () => undefined, accept: () => undefined, complete: false, shortened: false },
  });
  check(await all(engine.generate(request(prompt('ab'), { width: 2 }))), request(prompt('ab'), { width: 2 }));
});

t.test('beams count as many places as they take', async t => {
  const { engine } = open(2, { maxWaiting: 2 });
  t.teardown(() => engine.close());
  const asked = request(prompt('ab'), { width: 2 });
  const running = [engine.generate(asked), engine.generate(asked)].map(all);
  t.throws(() => engine.generate(request(prompt('c'), undefined)), { code: 'queue_full' });
  await Promise.all(running);
  engine.checkRoom(4);
});

t.test('log-probabilities are told of each token, and what it took', async t => {
  const { engine } = open(4);
  t.teardown(() => engine.close());
  const asked = { ...request(prompt('ab'), { width: 3, results: 2 }), logprobs: 2 };
  const [event] = await all(engine.generate(asked));
  if (event?.type !== 'delta') throw new Error('expected a delta');
  for (const { tokens, logprob } of event.hypotheses!) {
    t.ok(Math.abs(tokens.reduce((sum, token) => sum + token.logprobs!.logprob, 0) - logprob) < 1e-4);
    t.ok(tokens.every(({ logprobs }) => logprobs!.top.length === 2));
  }
  const generatedTokens = event.hypotheses!.reduce((sum, { tokens }) => sum + tokens.length, 0);
  t.match(event.report, { promptTokens: 2, generatedTokens });
  t.equal(engine.stats().generatedTokens, generatedTokens);
  t.equal(event.text, event.hypotheses![0]!.text);
  t.strictSame(event.tokens, event.hypotheses![0]!.tokens);
});

t.test('a group that is taken back, or fails, leaves its slots to others', async t => {
  const long = { maxTokens: 30, suppressedIds: [END] };
  const asked = request(prompt('ab'), { width: 3 }, long);
  const other = request(prompt('xy'), undefined, long);
  const lonely = ids(await all(open(1).engine.generate(other)));
  const leave: Record<string, (of: TestEngine) => Promise<unknown>> = {
    'an aborted signal': async ({ engine }) => {
      const controller = new AbortController();
      const events = all(engine.generate(asked, controller.signal));
      await steps(6);
      controller.abort();
      await t.rejects(events, { code: 'cancelled' });
    },
    'a reader who leaves': async ({ engine }) => {
      const reader = engine.generate(asked)[Symbol.asyncIterator]();
      const next = reader.next();
      await steps(6);
      void reader.return!();
      await Promise.race([next, steps(2)]);
    },
    'a prompt whose run fails': async ({ engine, decoder }) => {
      await steps(3);
      const broken = new Error('broken');
      decoder.failure = run => (run.startsWith('prefill') ? broken : undefined);
      await t.rejects(all(engine.generate(asked)), broken);
    },
    'a row that is broken': async ({ engine, decoder }) => {
      decoder.spoil = (logits, tokens) => {
        if (tokens[0] === 0 && tokens.length > 6) logits.fill(NaN);
        else logits.set(logitsAfter(tokens));
      };
      await t.rejects(all(engine.generate(asked)), { code: 'broken_model' });
    },
  };
  for (const [reason, end] of Object.entries(leave)) {
    const opened = open(4);
    const { engine } = opened;
    const beside = all(engine.generate(other));
    await end(opened);
    t.strictSame(ids(await beside), lonely, reason);
    await steps(2);
    if (reason !== 'a reader who leaves') t.match(engine.stats(), { running: 0, waiting: 0 });
    await engine.close();
  }
});

t.test('closing ends a search', async t => {
  const { engine } = open(3);
  const events = all(
    engine.generate(request(prompt('ab'), { width: 3 }, { maxTokens: 30, suppressedIds: [END] })),
  );
  await steps(5);
  const refused = t.rejects(events, { code: 'shutting_down' });
  await engine.close();
  await refused;
});

t.test('only the last words of a hypothesis are copied', async t => {
  const { engine, decoder } = open(4);
  t.teardown(() => engine.close());
  const copies: { length: number; begin?: number }[] = [];
  const arrange = decoder.arrange.bind(decoder);
  decoder.arrange = operation => {
    if (operation.kind === 'copy') copies.push(operation);
    arrange(operation);
  };
  const asked = request(
    prompt('abcdefghijklmnopqrst'),
    { width: 4 },
    { maxTokens: 15, suppressedIds: [END] },
  );
  check(await all(engine.generate(asked)), asked);
  const later = copies.filter(({ begin = 0 }) => begin > 0);
  t.ok(later.length > 0);
  t.ok(later.every(({ begin }) => begin! >= 20));
  t.equal(copies.length - later.length, 3, 'the prompt goes to the other three slots once');
});
