import t from 'tap';
import { loadSeq2Seq } from '#model/decoder/load-seq2seq.js';
import { readModelFolder } from '#model/folder.js';
import { Environment } from '#runtime/index.js';
import { relativeError } from '#test/support/check-decoder.js';
import { encode } from '#test/support/check-seq2seq.js';
import { decode, prefill } from '#test/support/run-decoder.js';
import { readSpeechExports } from '#test/support/speech-fixtures.js';

const environment = new Environment({ logLevel: 'fatal' });

for (const { name, folder, shape, runs } of await readSpeechExports())
  t.test(`${name}: a ready-made Whisper has the logits of transformers`, async t => {
    t.match(await readModelFolder(folder), { kind: 'seq2seq', source: 'onnx', sizes: { sound: shape } });
    const options = { slots: 3, session: { intraOpThreads: 1 } };
    const { decoder } = await loadSeq2Seq(environment, folder, options);
    t.teardown(() => decoder.dispose());
    const width = decoder.shape.vocabularySize;
    t.strictSame(decoder.source, { longest: shape.frames / 2, vocabularySize: 0, sound: shape });
    t.equal(decoder.align, undefined, 'such graphs do not tell where tokens look');

    const { runs: timed } = await decoder.encode!([{ slot: 0, ids: [], sound: runs[0]!.sound }]);
    t.match(timed, [{ promptTokens: shape.frames / 2 }]);
    await encode(
      decoder,
      runs.map(({ sound }, slot) => ({ slot, ids: [], sound })),
    );
    for (const [slot, { target, logits }] of runs.entries()) {
      const whole = await prefill(decoder, slot, target, 0, 'all');
      t.ok(relativeError(whole, [[...logits]]) < 2e-5, `at once, slot ${slot}`);
      if (target.length === 1) continue;
      await prefill(decoder, slot, target.slice(0, 4), 0, 'none');
      const rest = await prefill(decoder, slot, target.slice(4), 4, 'all');
      t.ok(relativeError(rest, [[...logits.subarray(4 * width)]]) < 2e-5, `in two pieces, slot ${slot}`);
    }
    for (const [slot, { greedy }] of runs.entries())
      await prefill(decoder, slot, greedy.slice(0, 3), 0, 'none');
    for (let position = 3; position < 9; position++) {
      const ids = runs.map(({ greedy }) => greedy[position]!);
      const rows = await decode(
        decoder,
        ids,
        ids.map(() => position),
      );
      const drawn = ids.map((_, row) => {
        const values = rows.subarray(row * width, (row + 1) * width);
        return values.indexOf(Math.max(...values));
      });
      const wanted = runs.map(({ greedy }) => greedy[position + 1]!);
      t.strictSame(drawn, wanted, `the most likely tokens at ${position}`);
    }
  });
