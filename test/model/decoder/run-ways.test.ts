import t from 'tap';
import type { BatchEntry, EntryLogits } from '#model/decoder/contract.js';
import { entryRows, runInWays, runTime, type RunWays } from '#model/decoder/run-ways.js';

const latest = (slot: number): BatchEntry => ({ slot, ids: [7], computed: 5, wanted: 'last' });
const prompt = (slot: number, length: number, changes: Partial<BatchEntry> = {}): BatchEntry => ({
  slot,
  ids: Array.from({ length }, () => 1),
  computed: 0,
  wanted: 'last',
  ...changes,
});

/** The runs that entries are split into, each with its slots; one that `fails` is true of fails. */
async function split(
  entries: readonly BatchEntry[],
  fails: (run: string) => boolean = () => false,
  changes: Partial<RunWays> = {},
): Promise<{ names: string[]; results: string[]; times: unknown[] }> {
  const names: string[] = [];
  const record = async (way: string, rows: readonly BatchEntry[]): Promise<EntryLogits[]> => {
    const name = `${way} ${rows.map(({ slot }) => slot).join()}`;
    names.push(name);
    if (fails(name)) throw new Error(name);
    return rows.map(({ slot }) => ({ logits: Float32Array.of(slot) }));
  };
  const ways: RunWays = {
    decode: rows => record('decode', rows),
    prefillTogether: rows => record('together', rows),
    prefill: async entry => (await record('prefill', [entry]))[0]!,
    ...changes,
  };
  const { results, runs } = await runInWays(entries, ways);
  return {
    names,
    results: results.map(result => ('error' in result ? 'failed' : String(result.logits[0]))),
    times: runs.map(({ decoding, promptTokens }) => [decoding, promptTokens]),
  };
}

t.test('latest tokens run together, then prompts, whole ones in consecutive slots together', async t => {
  const entries = [
    latest(0),
    latest(1),
    prompt(2, 5),
    prompt(3, 3),
    prompt(4, 1),
    prompt(6, 2),
    prompt(7, 4),
  ];
  t.strictSame(await split(entries), {
    names: ['decode 0,1', 'together 2,3,4', 'together 6,7'],
    results: ['0', '1', '2', '3', '4', '6', '7'],
    times: [
      [2, 0],
      [0, 15],
      [0, 8],
    ],
  });
});

t.test('a prompt that cannot be run with others has a run of its own', async t => {
  for (const changes of [{ computed: 4 }, { wanted: 'all' }, { wanted: 'none' }] as const) {
    const entries = [prompt(0, 2), prompt(1, 3, changes), prompt(2, 4), prompt(3, 5)];
    t.strictSame((await split(entries)).names, ['prefill 0', 'prefill 1', 'together 2,3']);
    t.strictSame((await split([prompt(0, 3, changes), prompt(1, 4)])).names, ['prefill 0', 'prefill 1']);
  }
});

t.test('latest tokens of other slots than the first ones run one by one', async t => {
  t.strictSame(await split([latest(1), latest(2)]), {
    names: ['prefill 1', 'prefill 2'],
    results: ['1', '2'],
    times: [
      [1, 0],
      [1, 0],
    ],
  });
  const drafted: BatchEntry = { slot: 0, ids: [7, 8], computed: 5, wanted: 'all' };
  t.strictSame((await split([drafted, latest(1)])).names, ['prefill 0', 'prefill 1']);
  t.strictSame((await split([latest(0), latest(2)])).names, ['decode 0', 'prefill 2']);
});

t.test('where a graph can, the first tokens of sequences run with the latest ones of others', async t => {
  const entries = [latest(0), prompt(1, 1), prompt(2, 1), prompt(3, 2), prompt(4, 2)];
  t.match(await split(entries, undefined, { decodesFirst: true }), {
    names: ['decode 0,1,2', 'together 3,4'],
    times: [
      [3, 0],
      [0, 4],
    ],
  });
  const wanted = prompt(0, 1, { wanted: 'none' });
  t.strictSame((await split([wanted], undefined, { decodesFirst: true })).names, ['prefill 0']);
});

t.test('where a graph cannot run prompts together, they come one after the other', async t => {
  const entries = [latest(0), prompt(1, 5), prompt(2, 3)];
  t.strictSame((await split(entries, undefined, { prefillTogether: undefined })).names, [
    'decode 0',
    'prefill 1',
    'prefill 2',
  ]);
});

t.test('a run that fails gives its own entries an error, and no others', async t => {
  const entries = [latest(0), latest(1), prompt(2, 5), prompt(3, 3), prompt(4, 6, { computed: 2 })];
  const all = ['0', '1', '2', '3', '4'];
  for (const [way, slots] of [
    ['decode', [0, 1]],
    ['together', [2, 3]],
    ['prefill', [4]],
  ] as const) {
    const { names, results, times } = await split(entries, run => run.startsWith(way));
    t.strictSame(names, ['decode 0,1', 'together 2,3', 'prefill 4']);
    t.strictSame(
      results,
      all.map((slot, i) => (slots.some(failed => failed === i) ? 'failed' : slot)),
    );
    t.equal(times.length, 2, 'it is no measure');
  }
});

t.test('what pads prompts counts, unless nothing does', async t => {
  const entries = [latest(0), prompt(1, 5), prompt(2, 2)];
  t.strictSame(runTime(entries, 3), { decoding: 1, promptTokens: 10, ms: 3 });
  t.strictSame(runTime(entries, 3, false), { decoding: 1, promptTokens: 7, ms: 3 });
  const rows = entryRows(Float32Array.of(1, 2, 3, 4), 2).map(({ logits }) => [...logits]);
  t.strictSame(rows, [
    [1, 2],
    [3, 4],
  ]);
});
