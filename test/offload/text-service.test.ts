import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { WorkerPool } from '#offload/pool.js';
import { Processes } from '#offload/processes.js';
import { Threads } from '#offload/threads.js';
import { TextService } from '#offload/text-service.js';
import { loadTokenizer } from '#text/tokenizer.js';
import { eventually } from '#test/support/eventually.js';
import { runs } from '#test/support/property-runs.js';
import { WORD_PIECE } from '#test/support/tiny-tokenizers.js';

const { signal } = new AbortController();
const caller = { client: 'me', signal };
const pool = new WorkerPool(new Threads(2, 30_000));

const folder = t.testdir({ 'tokenizer.json': JSON.stringify(WORD_PIECE) });
const tokenizer = await loadTokenizer(folder);
const here = new TextService(tokenizer);
const remote = new TextService(tokenizer, { pool, folder, alwaysRemote: true });
const limit = { maxTokens: 8, cut: 'right' } as const;

t.test('a thread gives what this one would', async t => {
  const property = fc.asyncProperty(
    fc.array(fc.string({ unit: 'grapheme', maxLength: 40 }), { maxLength: 5 }),
    async texts => {
      const sources = texts.map((text, i) => ({ param: `input[${i}]`, text }));
      for (const name of ['encodeInput', 'locateInput'] as const) {
        const [a, b] = await Promise.all(
          [here, remote].map(service =>
            service.map(name, sources, limit, caller, 'input').catch((error: Error) => error.message),
          ),
        );
        if (JSON.stringify(a) !== JSON.stringify(b))
          throw new Error(`${JSON.stringify(a)} ${JSON.stringify(b)}`);
      }
    },
  );
  await t.resolves(fc.assert(property, runs(30)));
});

t.test('errors keep their code and field', async t => {
  const source = { param: 'input[3]', text: 'the '.repeat(20) };
  await t.rejects(remote.map('encodeInput', [source], { maxTokens: 8, cut: undefined }, caller, 'input'), {
    code: 'context_length_exceeded',
    param: 'input[3]',
  });
});

t.test('long texts go to a thread, in pieces, and the loop stays free', async t => {
  const service = new TextService(tokenizer, { pool, folder, alwaysRemote: false });
  const texts = Array.from({ length: 200 }, (_, i) => ({
    param: `input[${i}]`,
    text: 'the token '.repeat(400),
  }));
  let longest = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 1);
  const inputs = await service.map('encodeInput', texts, limit, caller, 'input');
  clearInterval(timer);
  t.equal(inputs.length, 200);
  t.ok(inputs.every(({ ids }) => ids.length === 8));
  t.ok(Number.isFinite(longest));
});

t.test('a text without white space is cut, not read whole', async t => {
  const [cut] = await remote.map(
    'encodeInput',
    [{ param: 'input', text: '的'.repeat(500_000) }],
    limit,
    caller,
    'input',
  );
  t.equal(cut!.ids.length, 8);
  await t.rejects(
    remote.map(
      'encodeInput',
      [{ param: 'input', text: 'a.'.repeat(500_000) }],
      { maxTokens: 8, cut: undefined },
      caller,
      'input',
    ),
    { code: 'context_length_exceeded', message: /more than 8 tokens/ },
  );
  const [prompt] = await remote.map(
    'encodePrompt',
    [{ text: 'a.'.repeat(500_000) }],
    { maxTokens: 8 },
    caller,
    'prompt',
  );
  t.equal(prompt!.whole, false);
});

t.test('a tokenizer that takes for ever loses its job, and nobody else is held up', async t => {
  const hostile = t.testdir();
  const split = { type: 'Split', pattern: { Regex: '^(a+)+$' }, behavior: 'Isolated', invert: false };
  const definition = {
    ...WORD_PIECE,
    pre_tokenizer: { type: 'Sequence', pretokenizers: [split, WORD_PIECE.pre_tokenizer] },
  };
  await writeFile(path.join(hostile, 'tokenizer.json'), JSON.stringify(definition));
  const stuck = await loadTokenizer(hostile);
  t.equal(stuck.mayExplode, true);
  const hasty = new WorkerPool(new Threads(2, 2000));
  const service = new TextService(stuck, { pool: hasty, folder: hostile, alwaysRemote: stuck.mayExplode! });
  const others = new TextService(tokenizer, { pool: hasty, folder, alwaysRemote: true });
  const encode = () => others.map('encodeInput', [{ param: 'input', text: 'the' }], limit, caller, 'input');
  // Both threads have started, however busy the machine is: the limit is of jobs alone then.
  const started = () => Promise.all([encode(), encode()]).then(Boolean, () => false);
  await eventually(started);
  const text = `${'a'.repeat(40)}!`;
  const other = { client: 'other', signal };
  const ended = t.rejects(service.map('encodeInput', [{ param: 'input', text }], limit, other, 'input'), {
    code: 'invalid_request',
    param: 'input',
    message: /tokenizer takes more than 2 seconds/,
  });
  t.equal((await encode()).length, 1);
  await ended;
});

t.test('a tokenizer that makes long texts of short ones loses its job', async t => {
  const hostile = t.testdir();
  const replace = { type: 'Replace', pattern: { String: 'a' }, content: 'ab '.repeat(100_000) };
  await writeFile(
    path.join(hostile, 'tokenizer.json'),
    JSON.stringify({ ...WORD_PIECE, normalizer: replace }),
  );
  const processes = new WorkerPool(new Processes(20_000, 128));
  const service = new TextService(tokenizer, { pool: processes, folder: hostile, alwaysRemote: true });
  for (const length of [50, 5000]) {
    const source = { param: 'input', text: 'a'.repeat(length) };
    await t.rejects(service.map('encodeInput', [source], limit, caller, 'input'), {
      code: 'invalid_request',
      message: /the model's tokenizer (takes more than|fails)/,
    });
  }
});

t.test('a client that leaves takes its jobs out of the line', async t => {
  const slow = new WorkerPool(new Threads(1, 10_000));
  const service = new TextService(tokenizer, { pool: slow, folder, alwaysRemote: true });
  const source = { param: 'input', text: 'the' };
  const controller = new AbortController();
  const first = service.map('encodeInput', [source], limit, caller, 'input');
  const left = service.map(
    'encodeInput',
    [source],
    limit,
    { client: 'x', signal: controller.signal },
    'input',
  );
  controller.abort();
  await t.rejects(left, { code: 'cancelled' });
  t.equal((await first).length, 1);
  await t.rejects(
    service.map('encodeInput', [source], limit, { client: 'x', signal: controller.signal }, 'input'),
    {
      code: 'cancelled',
    },
  );
});
