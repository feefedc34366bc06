import { create } from '@bufbuild/protobuf';
import t, { type Test } from 'tap';
import { NodeProtoSchema, type GraphProto } from '#graph/onnx/onnx_pb.js';
import type { Decoder } from '#model/decoder/contract.js';
import { loadSeq2Seq } from '#model/decoder/load-seq2seq.js';
import { Environment } from '#runtime/index.js';
import { changeGraph, copiedExport } from '#test/support/changed-export.js';
import { relativeError } from '#test/support/check-decoder.js';
import { encode } from '#test/support/check-seq2seq.js';
import { decode, latestTokens, prefill, run } from '#test/support/run-decoder.js';
import { readSeq2SeqExports, type Seq2SeqFixture, type Seq2SeqRun } from '#test/support/seq2seq-fixtures.js';

const environment = new Environment({ logLevel: 'fatal' });
const TOLERANCE = 1e-5;

interface Opened {
  readonly decoder: Decoder;
  /** How it is run, for people. */
  readonly reason: string;
  readonly fixture: Seq2SeqFixture;
  /** Compares logits of positions `begin ..` with those of transformers. */
  readonly compare: (what: string, actual: Float32Array, of: Seq2SeqRun, begin?: number) => void;
}

async function open(t: Test, fixture: Seq2SeqFixture, slots = 4): Promise<Opened> {
  const options = { slots, session: { intraOpThreads: 1 } };
  const { decoder, path } = await loadSeq2Seq(environment, fixture.folder, options);
  t.teardown(() => decoder.dispose());
  const { vocabularySize } = decoder.shape;
  const compare: Opened['compare'] = (what, actual, { logits }, begin = 0) => {
    const expected = logits.subarray(begin * vocabularySize, begin * vocabularySize + actual.length);
    const error = relativeError(actual, [[...expected]]);
    t.ok(error < TOLERANCE, `${what}: relative error ${error.toExponential(1)}`);
  };
  return { decoder, reason: path.reason, fixture, compare };
}

/** Runs of the fixture's sources from slot 0 on. */
function sources(runs: readonly Seq2SeqRun[]) {
  return runs.map(({ source: ids }, slot) => ({ slot, ids }));
}

for (const fixture of await readSeq2SeqExports()) {
  t.test(`${fixture.name}: logits of transformers, alone and in ragged company`, async t => {
    const { decoder, compare } = await open(t, fixture);
    const { runs } = fixture;
    await encode(decoder, sources(runs));
    for (const [slot, of] of runs.entries()) {
      compare(`at once, slot ${slot}`, await prefill(decoder, slot, of.target, 0, 'all'), of);
      const half = of.target.length >> 1;
      if (half === 0) continue;
      await prefill(decoder, slot, of.target.slice(0, half), 0, 'none');
      const rest = await prefill(decoder, slot, of.target.slice(half), half, 'all');
      compare(`the second half, slot ${slot}`, rest, of, half);
    }

    for (let position = 0; position < Math.max(...runs.map(({ target }) => target.length)); position++) {
      const entries = runs.flatMap(({ target }, slot) =>
        position < target.length
          ? [{ slot, ids: [target[position]!], computed: position, wanted: 'last' as const }]
          : [],
      );
      const results = await run(decoder, entries);
      entries.forEach(({ slot }, i) =>
        compare(`position ${position}, slot ${slot}`, results[i]!.logits, runs[slot]!, position),
      );
    }
  });

  t.test(`${fixture.name}: slots are copied, exchanged, cut back and used again`, async t => {
    const { decoder, compare } = await open(t, fixture);
    const [first, second, , last] = fixture.runs as [Seq2SeqRun, Seq2SeqRun, Seq2SeqRun, Seq2SeqRun];
    await encode(decoder, sources([first, last]));
    await prefill(decoder, 0, first.target.slice(0, 3), 0, 'none');
    await prefill(decoder, 1, last.target.slice(0, 8), 0, 'none');

    decoder.arrange({ kind: 'swap', a: 0, b: 1, length: 8 });
    decoder.arrange({ kind: 'copy', from: 0, to: 2, length: 5 });
    const continued = [8, 3, 5];
    const rows = [last, first, last];
    const logits = await decode(
      decoder,
      rows.map(({ target }, slot) => target[continued[slot]!]!),
      continued,
    );
    rows.forEach((of, slot) => {
      const { vocabularySize } = decoder.shape;
      const own = logits.subarray(slot * vocabularySize, (slot + 1) * vocabularySize);
      compare(`slot ${slot} after an exchange and a copy`, own, of, continued[slot]);
    });

    decoder.arrange({ kind: 'release', slot: 0, from: 2 });
    compare('cut back', await prefill(decoder, 0, last.target.slice(2), 2, 'all'), last, 2);
    compare('from its beginning', await prefill(decoder, 0, last.target, 0, 'all'), last);
    decoder.arrange({ kind: 'copy', from: 0, to: 3, length: 0 });
    compare('with a source that was copied alone', await prefill(decoder, 3, last.target, 0, 'all'), last);
    await encode(decoder, [{ slot: 0, ids: second.source }]);
    compare('with a new source', await prefill(decoder, 0, second.target, 0, 'all'), second);
    compare('its copy has the old one', await prefill(decoder, 3, last.target, 0, 'all'), last);

    decoder.arrange({ kind: 'release', slot: 0, from: 0 });
    await t.rejects(prefill(decoder, 0, [1], 0, 'last'), { code: 'runtime_failure', message: /no source/ });
    const mixed = await decoder.run(
      latestTokens([1, last.target[0]!], [0, 0]).map((entry, i) => ({ ...entry, slot: 3 * i })),
    );
    t.match(mixed.results[0], { error: { code: 'runtime_failure' } }, 'one fails');
    t.notOk('error' in mixed.results[1]!, 'and no other');
  });
}

t.test('texts share a run where they and their sources are as long as each other', async t => {
  const { decoder, fixture, compare } = await open(t, await copiedExport(t, 'bart'));
  const [long, , , other] = fixture.runs as [Seq2SeqRun, Seq2SeqRun, Seq2SeqRun, Seq2SeqRun];
  const cut = { ...other, source: long.source.slice(0, other.source.length) };
  const { runs } = await decoder.encode!(sources([other, long, cut, other]));
  t.strictSame(
    runs.map(({ promptTokens }) => promptTokens),
    [3 * other.source.length, long.source.length],
  );
  const step = async (position: number): Promise<void> => {
    const ids = [other, long, other, other].map(({ target }) => target[position]!);
    const { results, runs } = await decoder.run(latestTokens(ids, [position, position, position, position]));
    t.equal(runs.length, 2, 'that of the longer source and those of the others');
    for (const [slot, of] of [
      [0, other],
      [1, long],
      [3, other],
    ] as const) {
      const result = results[slot]!;
      if ('error' in result) throw result.error;
      compare(`slot ${slot}, position ${position}`, result.logits, of, position);
    }
  };
  for (let position = 0; position < long.target.length; position++) await step(position);
  await prefill(decoder, 3, other.target.slice(0, 2), 0, 'none');
  const apart = await decoder.run(
    latestTokens([other.target[5]!, other.target[2]!], [5, 2]).map((entry, i) => ({ ...entry, slot: 3 * i })),
  );
  t.equal(apart.runs.length, 2, 'texts of different lengths');
});

/** Quantizes what nobody reads. */
function quantize(graph: GraphProto): void {
  const of = graph.output[0]!.name;
  const output = ['quantized', 'scale', 'zero'];
  graph.node.push(create(NodeProtoSchema, { opType: 'DynamicQuantizeLinear', input: [of], output }));
}

for (const name of ['encoder_model.onnx', 'decoder_with_past_model.onnx'])
  t.test(`a graph that quantizes all rows by one scale runs one after the other: ${name}`, async t => {
    const fixture = await copiedExport(t, 'bart');
    await changeGraph(fixture.folder, name, quantize);
    const { decoder, reason, compare } = await open(t, fixture);
    t.match(reason, /texts run one after the other/);
    const of = fixture.runs[3]!;
    const { runs } = await decoder.encode!(sources([of, of]));
    t.equal(runs.length, 2);
    const step = await decoder.run(latestTokens([of.target[0]!, of.target[0]!], [0, 0]));
    t.equal(step.runs.length, 2);
    compare('token by token', await prefill(decoder, 1, of.target, 0, 'all'), of);
  });

t.test('a run that is ended says so, and so do all later ones', async t => {
  const { decoder, fixture } = await open(t, await copiedExport(t, 't5-merged'));
  await encode(decoder, sources(fixture.runs));
  decoder.abort();
  const { results } = await decoder.run(latestTokens([0, 0], [0, 0]));
  for (const result of results) t.ok('error' in result);
  const encoded = await decoder.encode!(sources(fixture.runs));
  for (const failure of encoded.results) t.ok(failure?.error);
});
