import { cp, rm } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import type { GenerationRequest } from '#engine/types.js';
import type { Decoder } from '#model/decoder/contract.js';
import { loadSeq2Seq } from '#model/decoder/load-seq2seq.js';
import { inspectModel } from '#model/inspect.js';
import { Environment } from '#runtime/index.js';
import { relativeError } from '#test/support/check-decoder.js';
import { encode } from '#test/support/check-seq2seq.js';
import { greedy } from '#test/support/generation-request.js';
import { hypotheses, idEngine } from '#test/support/id-engine.js';
import { decode, prefill } from '#test/support/run-decoder.js';
import { readSeq2SeqExports, readSeq2SeqFixture, type Seq2SeqRun } from '#test/support/seq2seq-fixtures.js';

const environment = new Environment({ logLevel: 'fatal' });
const session = { intraOpThreads: 1 };

async function load(folder: string, slots = 4): Promise<Decoder> {
  const { decoder } = await loadSeq2Seq(environment, folder, { slots, session });
  return decoder;
}

function rowsOf({ logits, target }: Seq2SeqRun): number[][] {
  const width = logits.length / target.length;
  return target.map((_, i) => [...logits.subarray(i * width, (i + 1) * width)]);
}

for (const { name, folder, runs, prompts, searches, config } of await readSeq2SeqExports()) {
  t.test(`${name}: logits are those of the weights`, async t => {
    const decoder = await load(folder);
    t.teardown(() => decoder.dispose());
    const entries = runs.map(({ source }, slot) => ({ slot, ids: source }));
    const close = (actual: Float32Array, wanted: number[][], what: string): void =>
      void t.ok(relativeError(actual, wanted) < 1e-4, what);
    const rows = runs.map(rowsOf);
    await encode(decoder, entries);
    for (const [slot, { target }] of runs.entries())
      close(await prefill(decoder, slot, target, 0, 'all'), rows[slot]!, `slot ${slot} at once`);
    await encode(decoder, entries);
    const begins = runs.map(({ target }) => target[0]!);
    const first = await decode(
      decoder,
      begins,
      begins.map(() => 0),
    );
    close(
      first,
      rows.map(row => row[0]!),
      'the first tokens of all',
    );
    const lengths = runs.map(({ target }) => target.length);
    const longest = lengths.indexOf(Math.max(...lengths));
    const { target } = runs[longest]!;
    decoder.arrange({ kind: 'swap', a: 0, b: longest, length: 1 });
    for (let i = 1; i < target.length; i++)
      close(await decode(decoder, [target[i]!], [i]), [rows[longest]![i]!], `moved, at ${i}`);
    decoder.arrange({ kind: 'copy', from: 0, to: 3, length: target.length });
    decoder.arrange({ kind: 'release', slot: 0, from: 0 });
    await t.rejects(decode(decoder, [1], [target.length]), { message: /without a source/ });
    decoder.arrange({ kind: 'copy', from: 3, to: 0, length: 0 });
    close(await prefill(decoder, 0, target, 0, 'last'), rows[longest]!.slice(-1), 'from the source alone');
  });

  t.test(`${name}: texts are those of transformers, all asked for at once`, async t => {
    const engine = idEngine(t, await load(folder, 6));
    const end = config.eos_token_id as number;
    const startIds = [config.decoder_start_token_id as number];
    const plain = searches.filter(({ options }) =>
      Object.keys(options).every(option =>
        ['max_length', 'num_beams', 'num_return_sequences', 'length_penalty', 'early_stopping'].includes(
          option,
        ),
      ),
    );
    t.ok(plain.length > 0, `${plain.length} texts`);
    await Promise.all(
      plain.map(async ({ prompt, options, results }) => {
        const { max_length: most, num_beams: width = 1, num_return_sequences: wanted = 1 } = options;
        const { length_penalty: lengthPenalty = 1, early_stopping: earlyStopping = false } = options;
        const beams = { width, lengthPenalty, earlyStopping, results: wanted };
        const request: GenerationRequest = {
          ...greedy(startIds, { maxTokens: most - 1, stopTokenIds: new Set([end]) }),
          sourceIds: prompts[prompt]!,
          ...(width > 1 && { beams }),
        };
        const found = await hypotheses(engine, request);
        t.strictSame(
          found.map(({ ids }) => ids),
          results.map(({ ids }) => ids),
          JSON.stringify(options),
        );
      }),
    );
  });
}

t.test('a report tells of its graphs, and that its cache is copied', async t => {
  const { folder } = (await readSeq2SeqExports())[0]!;
  const report = await inspectModel(folder, { slots: 2 });
  const perToken = 2 * 2 * 8 * 4;
  t.match(report, {
    kind: 'seq2seq',
    path: { kind: 'growing', precision: 'f32', reason: /encoder_model\.onnx, decoder_model\.onnx/ },
    graphs: [{ file: 'encoder_model.onnx' }, {}, {}],
    generation: {
      headSize: 8,
      cacheBytesPerToken: perToken,
      source: { cacheBytesPerToken: perToken },
    },
  });
  const { contextLength, generation } = report;
  const { longest } = generation!.source!;
  t.equal(generation!.memory!.cache, 2 * 2 * (contextLength! + longest) * perToken);
});

t.test('what is missing is said', async t => {
  const { folder } = (await readSeq2SeqExports())[0]!;
  const own = path.join(t.testdir(), 'own');
  await cp(folder, own, { recursive: true });
  await t.rejects(loadSeq2Seq(environment, own, { slots: 1, precision: 'int4' }), {
    code: 'unsupported_model',
    message: /no ONNX encoder-decoder of precision int4/,
  });
  await rm(path.join(own, 'decoder_with_past_model.onnx'));
  await t.rejects(load(own), { code: 'unsupported_model', message: /decoder_model\.onnx takes no past/ });
  await rm(path.join(own, 'encoder_model.onnx'));
  await t.rejects(load(own), { code: 'unsupported_model', message: /an encoder_model\.onnx and/ });
  const { folder: weights } = await readSeq2SeqFixture('bart');
  await t.rejects(loadSeq2Seq(environment, weights, { slots: 1, format: 'onnx' }), {
    code: 'unsupported_model',
    message: /no ONNX encoder-decoder/,
  });
});
