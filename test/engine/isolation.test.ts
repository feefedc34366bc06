import t from 'tap';
import { Engine } from '#engine/engine.js';
import type { GenerationRequest, TokenConstraint } from '#engine/types.js';
import { FakeDecoder } from '#test/support/fake-decoder.js';
import { greedy, GREEDY } from '#test/support/generation-request.js';
import { following, letterEngine, prompt, text } from '#test/support/letter-engine.js';
import { letterTokenizer } from '#test/support/letter-tokenizer.js';

const BROKEN = new Error('broken');

/** Throws from the nth call on; what it gives before. */
function breaking<T>(calls: number, value: T): () => T {
  let left = calls;
  return () => {
    if (--left <= 0) throw BROKEN;
    return value;
  };
}

function constraint(changes: Partial<TokenConstraint>): TokenConstraint {
  return { mask: () => undefined, accept: () => undefined, complete: false, shortened: false, ...changes };
}

const plain = greedy(prompt('a'));
const FAULTS: Readonly<Record<string, () => GenerationRequest>> = {
  'a mask': () => ({ ...plain, constraint: constraint({ mask: breaking(3, undefined) }) }),
  'a constraint that does not take a token': () => ({
    ...plain,
    constraint: constraint({ accept: breaking(3, undefined) }),
  }),
  penalties: () => {
    const bias = new Map([[9, 0]]);
    bias[Symbol.iterator] = breaking(3, [][Symbol.iterator]());
    return { ...plain, sampling: { ...GREEDY, logitBias: bias } };
  },
  sampler: () => {
    const sampling = { ...GREEDY, temperature: 1e-3 };
    const topP = breaking(3, 1);
    return {
      ...plain,
      sampling: Object.defineProperty(sampling, 'topP', { get: topP, enumerable: true }),
    };
  },
  'log-probabilities': () => {
    const request = { ...plain };
    return Object.defineProperty(request, 'logprobs', { get: breaking(6, 1), enumerable: true });
  },
  'stop strings': () => {
    // Written out when the sequence is made, and with each token.
    const stop = { length: 1, toString: breaking(4, 'zzz') } as unknown as string;
    return greedy(prompt('a'), { stopStrings: [stop] });
  },
};

for (const [fault, request] of Object.entries(FAULTS))
  for (const mixes of [false, true])
    t.test(`${fault}: ends its own sequence, and no other${mixes ? ', in mixed runs' : ''}`, async t => {
      const { engine } = letterEngine(t, { slots: 3, traits: { mixes, packs: mixes } });
      const others = ['k', 'p'].map(start => text(engine, greedy(prompt(start), { maxTokens: 6 })));
      let shown = '';
      const failing = (async () => {
        for await (const event of engine.generate(request())) if (event.type === 'delta') shown += event.text;
      })();
      await t.rejects(failing, BROKEN);
      t.match(shown, /^bc?$/, 'it had begun');
      t.strictSame(await Promise.all(others), ['lmnopq', 'qrstuv']);
      t.match(engine.stats(), { running: 0, waiting: 0 });
      engine.checkRoom(engine.slots + 1024);
    });

t.test('a detokenizer that fails ends its own sequence, and no other', async t => {
  const decoder = new FakeDecoder(2, letterTokenizer.vocabularySize, 64, following);
  const decode: typeof letterTokenizer.decode = (ids, options) => {
    if (ids.includes(3)) throw BROKEN;
    return letterTokenizer.decode(ids, options);
  };
  const engine = new Engine(decoder, { ...letterTokenizer, decode });
  t.teardown(() => engine.close());
  const other = text(engine, greedy(prompt('k'), { maxTokens: 6 }));
  await t.rejects(text(engine, plain), BROKEN);
  t.equal(await other, 'lmnopq');
});

const SPOILED: Readonly<Record<string, (logits: Float32Array, tokens: readonly number[]) => void>> = {
  'one NaN in the first row': (logits, { length }) => {
    if (length === 1) logits[20] = NaN;
  },
  'one negative NaN in the first row': (logits, { length }) => {
    if (length === 1) new Uint32Array(logits.buffer)[20] = 0xffc00000;
  },
  'NaN throughout a later row': (logits, { length }) => {
    if (length === 3) logits.fill(NaN);
  },
  'Infinity in a later row': (logits, { length }) => {
    if (length === 3) logits[2] = Infinity;
  },
  'no finite logit in a later row': (logits, { length }) => {
    if (length === 3) logits.fill(-Infinity);
  },
};

for (const [kind, spoil] of Object.entries(SPOILED))
  t.test(`${kind}: the model is broken, and only that sequence ends`, async t => {
    for (const temperature of [0, 1]) {
      const { engine, decoder } = letterEngine(t, { slots: 2 });
      decoder.spoil = (logits, tokens) => {
        if (tokens[0] === 0) spoil(logits, tokens);
      };
      const other = text(engine, greedy(prompt('k'), { maxTokens: 6 }));
      const request = { ...plain, sampling: { ...GREEDY, temperature } };
      await t.rejects(text(engine, request), { code: 'broken_model' });
      t.equal(await other, 'lmnopq');
    }
  });

t.test("NaN in a prompt's own log-probabilities", async t => {
  const { engine, decoder } = letterEngine(t);
  decoder.spoil = (logits, { length }) => {
    if (length === 2) logits[20] = NaN;
  };
  const request = greedy(prompt('abcd'), { promptLogprobs: 1 });
  await t.rejects(text(engine, request), { code: 'broken_model' });
});

t.test('a model may exclude some tokens by -Infinity', async t => {
  const { engine, decoder } = letterEngine(t);
  decoder.spoil = logits => (logits[26] = -Infinity);
  t.equal(await text(engine, greedy(prompt('a'), { maxTokens: 3 })), 'bcd');
});
