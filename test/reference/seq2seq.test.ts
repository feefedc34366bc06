/**
 * The formulas of encoder-decoders, which decide whether graphs are right, agree with transformers
 * themselves.
 */
import path from 'node:path';
import t from 'tap';
import { relativeError } from '#test/support/check-decoder.js';
import { readSafetensors } from '#test/support/safetensors.js';
import { readSeq2SeqFixtures } from '#test/support/seq2seq-fixtures.js';
import { readSpeechFixtures } from '#test/support/speech-fixtures.js';
import { greedyTarget, relativeBucket, seq2seqReference } from './seq2seq.js';

for (const { name, folder, config, runs, prompts, searches } of await readSeq2SeqFixtures())
  t.test(name, async t => {
    const reference = seq2seqReference(config, await readSafetensors(path.join(folder, 'model.safetensors')));
    for (const { source, target, states, logits } of runs) {
      const memory = reference.encode(source);
      const lengths = `${source.length} and ${target.length}`;
      t.ok(relativeError(states, memory) < 5e-5, `states of a source: ${lengths}`);
      t.ok(relativeError(logits, reference.decode(memory, target)) < 5e-5, `logits: ${lengths}`);
    }
    for (const { prompt, options, results } of searches) {
      const { max_length: longest, num_beams: beams = 1, ...rules } = options;
      if (beams > 1 || Object.keys(rules).length > 0) continue;
      const start = config.decoder_start_token_id as number;
      const end = config.eos_token_id as number;
      const text = greedyTarget(reference, prompts[prompt]!, [start], end, longest - 1);
      t.same(text, results[0]!.ids, `the most likely text of ${prompt}`);
    }
  });

for (const { name, folder, config, runs } of await readSpeechFixtures())
  t.test(name, async t => {
    const reference = seq2seqReference(config, await readSafetensors(path.join(folder, 'model.safetensors')));
    for (const { sound, target, states, logits } of runs) {
      const memory = reference.encode([...sound.features]);
      t.ok(relativeError(states, memory) < 5e-5, `states of ${sound.key}`);
      t.ok(relativeError(logits, reference.decode(memory, target)) < 5e-5, `logits of ${sound.key}`);
    }
  });

t.test('buckets of relative positions', async t => {
  const buckets = (distances: readonly number[], isBidirectional: boolean): number[] =>
    distances.map(distance => relativeBucket(distance, isBidirectional, 32, 128));
  // Borders of 16 steps from 16 to 128: 16 · 8^(n/16).
  t.same(
    buckets([0, -1, -15, -16, -18, -19, -31, -127, -128, -5000], false),
    [0, 1, 15, 16, 16, 17, 21, 31, 31, 31],
  );
  t.same(buckets([1, 5], false), [0, 0], 'what is to come is not seen, and has no bucket of its own');
  // Borders of 8 steps from 8 to 128 on either side: 8 · 16^(n/8).
  t.same(
    buckets([0, -7, -8, -11, -12, -16, -128, 1, 7, 8, 16, 90, 91, 4000], true),
    [0, 7, 8, 8, 9, 10, 15, 17, 23, 24, 26, 30, 31, 31],
  );
});
