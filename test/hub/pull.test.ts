import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, realpath, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import type { KvasirError } from '#errors.js';
import { pullModel, type PullEvent, type PullOptions } from '#hub/pull.js';
import { withoutPreloads } from '#test/support/command.js';
import { commitOf, FakeHub, randomBytes, type RepoFiles } from '#test/support/fake-hub.js';
import { eventually } from '#test/support/eventually.js';

const WEIGHTS = randomBytes(300_000, 'weights');
const FILES: RepoFiles = {
  'README.md': '# Not needed',
  'config.json': '{"model_type":"llama"}',
  'tokenizer.json': randomBytes(2000, 'tokenizer'),
  'pytorch_model.bin': randomBytes(5000, 'bin'),
  'model.safetensors': WEIGHTS,
  'onnx/model.onnx': randomBytes(4000, 'onnx'),
};
const QUICK = { attempts: 4, firstDelay: 1, longestDelay: 5 };

/** A hub with `owner/model`, a cache of its own, and a pull from the one into the other. */
async function setUp(t: Test, files: RepoFiles = FILES) {
  const hub = await FakeHub.start(t);
  hub.add('owner/model', { files });
  const cache = t.testdir();
  const events: PullEvent[] = [];
  const pull = (options: PullOptions = {}, model = 'owner/model'): Promise<string> =>
    pullModel(model, {
      cache,
      endpoint: hub.endpoint,
      token: '',
      offline: false,
      backoff: QUICK,
      onEvent: event => events.push(event),
      ...options,
    });
  return { hub, cache, events, pull, repo: path.join(cache, 'models--owner--model') };
}

/** Paths of all files and links in a folder, relative to it. */
async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter(entry => !entry.isDirectory())
    .map(entry => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .sort();
}

async function failure(promise: Promise<unknown>): Promise<KvasirError> {
  try {
    await promise;
  } catch (error) {
    return error as KvasirError;
  }
  throw new Error('nothing was thrown');
}

t.test('what is needed arrives, and nothing else', async t => {
  const { hub, pull, events, repo } = await setUp(t);
  const folder = await pull();
  t.equal(folder, path.join(repo, 'snapshots', commitOf(FILES)));
  t.strictSame(await filesIn(folder), ['config.json', 'model.safetensors', 'tokenizer.json']);
  t.ok(WEIGHTS.equals(await readFile(path.join(folder, 'model.safetensors'))));
  t.equal((await filesIn(repo)).filter(name => /incomplete/.test(name)).length, 0);
  t.ok(
    hub.log.some(line => /tree.* from \d+$/.test(line)),
    'a listing of several pages is read to its end',
  );
  const plan = events.find(event => event.type === 'plan');
  t.equal(
    plan?.files.reduce((sum, { size }) => sum + size, 0),
    302_022,
  );
  t.strictSame(events.flatMap(event => (event.type === 'file' ? [event.path] : [])).sort(), [
    'config.json',
    'model.safetensors',
    'tokenizer.json',
  ]);

  hub.log.length = 0;
  t.equal(await pull(), folder);
  t.strictSame(
    hub.log,
    ['GET /api/models/owner/model/revision/main'],
    'the second time asks for the commit only',
  );
});

t.test('a new commit brings only what has changed', async t => {
  const { hub, pull, repo } = await setUp(t);
  const first = await pull();
  const files = { ...FILES, 'config.json': '{"model_type":"llama","more":1}' };
  hub.add('owner/model', { files, refs: { main: commitOf(files), old: commitOf(FILES) } });
  hub.log.length = 0;
  const second = await pull();
  t.not(second, first);
  t.strictSame(hub.transfers, []);
  t.equal(
    await realpath(path.join(second, 'model.safetensors')),
    await realpath(path.join(first, 'model.safetensors')),
    'two snapshots have one blob',
  );
  t.equal(await pull({}, 'owner/model@old'), first);
  t.equal(await pull({}, `owner/model@${commitOf(FILES)}`), first);
  t.strictSame(await filesIn(path.join(repo, 'refs')), ['main', 'old']);
});

t.test('files of equal content are one download', async t => {
  const files = {
    ...FILES,
    '1_Pooling/config.json': FILES['config.json']!,
    '2_Dense/model.safetensors': WEIGHTS,
  };
  const { hub, pull } = await setUp(t, files);
  const folder = await pull();
  t.strictSame(
    hub.transfers.filter(line => line.includes('safetensors')),
    ['storage model.safetensors 0-'],
  );
  t.ok(WEIGHTS.equals(await readFile(path.join(folder, '2_Dense', 'model.safetensors'))));
});

t.test('a connection that breaks is taken up where it broke', async t => {
  const { hub, pull, events } = await setUp(t);
  hub.fail('model.safetensors', { kind: 'break', after: 100_000 }, { kind: 'break', after: 50_000 });
  const folder = await pull();
  t.ok(WEIGHTS.equals(await readFile(path.join(folder, 'model.safetensors'))));
  const starts = hub.transfers
    .filter(line => line.includes('safetensors'))
    .map(line => Number(/ (\d+)-$/.exec(line)![1]));
  t.equal(starts.length, 3);
  t.ok(starts[1]! > 0 && starts[2]! > starts[1]!, starts.join());
  t.equal(events.filter(event => event.type === 'retry').length, 2);
});

t.test('a server that sends nothing more is given up, and asked again', async t => {
  const { hub, pull, events } = await setUp(t);
  hub.fail('model.safetensors', { kind: 'stall', after: 70_000 });
  await pull({ patience: 300 });
  t.match(
    events.find(event => event.type === 'retry'),
    { reason: /sent nothing for 0.3 s/ },
  );
});

t.test('a server that knows no ranges sends all again', async t => {
  const { hub, pull } = await setUp(t);
  hub.fail('model.safetensors', { kind: 'break', after: 100_000 }, { kind: 'ignore range' });
  const folder = await pull();
  t.ok(WEIGHTS.equals(await readFile(path.join(folder, 'model.safetensors'))));
});

t.test('what breaks again and again fails, and the next pull goes on', async t => {
  const { hub, pull, repo } = await setUp(t);
  const broken = Array.from({ length: QUICK.attempts }, () => ({ kind: 'break', after: 0 }) as const);
  hub.fail('model.safetensors', { kind: 'break', after: 200_000 }, ...broken);
  const error = await failure(pull());
  t.equal(error.code, 'download_failed');
  t.match(error.message, /connection to 127.0.0.1:\d+ failed.*tried 4 times/);
  t.strictSame(
    (await filesIn(repo)).filter(name => name.endsWith('model.safetensors')),
    [],
  );
  hub.fail('model.safetensors');
  hub.log.length = 0;
  const folder = await pull();
  t.match(
    hub.transfers.find(line => line.includes('safetensors')),
    / [1-9]\d+-$/,
  );
  t.ok(WEIGHTS.equals(await readFile(path.join(folder, 'model.safetensors'))));
});

t.test('a process that is killed leaves nothing half under its name, and the next goes on', async t => {
  const { hub, pull, cache, repo } = await setUp(t);
  hub.fail('model.safetensors', { kind: 'stall', after: 70_000 });
  const child = startPull(cache, hub.endpoint);
  await eventually(async () => {
    if (child.exitCode !== null) throw new Error('it ended by itself');
    const names = (await filesIn(repo).catch(() => [])).filter(name => name.endsWith('.incomplete'));
    const sizes = names.map(name =>
      stat(path.join(repo, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    );
    return (await Promise.all(sizes)).includes(70_000);
  });
  child.kill('SIGKILL');
  await once(child, 'exit');
  const left = await filesIn(repo);
  t.notOk(
    left.some(name => name.endsWith('model.safetensors')),
    left.join(),
  );
  hub.log.length = 0;
  const folder = await pull();
  t.match(
    hub.transfers.find(line => line.includes('safetensors')),
    / 70000-$/,
  );
  t.ok(WEIGHTS.equals(await readFile(path.join(folder, 'model.safetensors'))));
});

t.test('two processes at once share the work', async t => {
  const { hub, cache } = await setUp(t);
  hub.delay = 40;
  const folders = await Promise.all(
    [startPull(cache, hub.endpoint), startPull(cache, hub.endpoint)].map(async child => {
      let output = '';
      child.stdout.on('data', chunk => (output += String(chunk)));
      const [code] = (await once(child, 'close')) as [number];
      t.equal(code, 0);
      return output;
    }),
  );
  t.equal(folders[0], folders[1]);
  t.ok(WEIGHTS.equals(await readFile(path.join(folders[0]!, 'model.safetensors'))));
  t.equal(hub.transfers.filter(line => line.includes('safetensors')).length, 1);
});

function startPull(cache: string, endpoint: string) {
  const script = fileURLToPath(new URL('../support/pull-process.js', import.meta.url));
  const env = { ...process.env, HF_HUB_CACHE: cache, HF_ENDPOINT: endpoint, KVASIR_OFFLINE: '' };
  const [program, ...args] = withoutPreloads([process.execPath, script, 'owner/model']);
  return spawn(program!, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
}

t.test('damage', async t => {
  t.test('once is made good', async t => {
    const { hub, pull } = await setUp(t);
    hub.fail('model.safetensors', { kind: 'damage' });
    const folder = await pull();
    t.ok(WEIGHTS.equals(await readFile(path.join(folder, 'model.safetensors'))));
  });

  t.test('twice is an error, and nothing stays of it', async t => {
    const { hub, pull, repo } = await setUp(t);
    hub.fail('model.safetensors', { kind: 'damage' }, { kind: 'damage' });
    const error = await failure(pull());
    t.equal(error.code, 'download_failed');
    t.match(
      error.message,
      /^model.safetensors arrives damaged: its sha256 checksum is [0-9a-f]{64}, not [0-9a-f]{64}$/,
    );
    t.notOk((await filesIn(repo)).some(name => /safetensors|incomplete/.test(name)));
  });

  t.test('of a small file is noticed too', async t => {
    const { hub, pull, repo } = await setUp(t);
    await pull();
    // The hub now says another checksum than the file has.
    hub.add('owner/model', { files: FILES, refs: { main: '1'.repeat(40) } });
    const trees = path.join(repo, 'trees');
    const listing = JSON.parse(await readFile(path.join(trees, `${commitOf(FILES)}.json`), 'utf8')) as {
      files: Record<string, unknown>;
    };
    listing.files['config.json'] = { size: 22, blob_id: 'a'.repeat(40) };
    await writeFile(path.join(trees, `${'1'.repeat(40)}.json`), JSON.stringify(listing));
    const error = await failure(pull());
    t.equal(error.code, 'download_failed');
    t.match(error.message, /config.json arrives damaged: its git-blob checksum/);
  });

  t.test('of a partial file by a crash costs one more download', async t => {
    const { hub, pull, repo } = await setUp(t);
    const folder = await pull();
    const blobs = path.join(repo, 'blobs');
    await rm(folder, { recursive: true });
    for (const name of await readdir(blobs)) {
      const { size } = await stat(path.join(blobs, name));
      if (size !== WEIGHTS.length) continue;
      await rm(path.join(blobs, name));
      await writeFile(path.join(blobs, `${name}.incomplete`), Buffer.alloc(1000));
    }
    hub.log.length = 0;
    await pull();
    t.strictSame(
      hub.transfers.filter(line => line.includes('safetensors')),
      ['storage model.safetensors 1000-', 'storage model.safetensors 0-'],
    );
  });

  t.test('of a file in the cache, cut short, is repaired', async t => {
    const { pull } = await setUp(t);
    const folder = await pull();
    await truncate(path.join(folder, 'model.safetensors'), 10);
    await pull();
    t.ok(WEIGHTS.equals(await readFile(path.join(folder, 'model.safetensors'))));
  });
});

t.test('servers in trouble are asked again', async t => {
  const { hub, pull, events } = await setUp(t);
  hub.fail('/api/', { kind: 'status', status: 503 }, { kind: 'status', status: 429, retryAfter: 0 });
  hub.fail('/owner/model/resolve', { kind: 'status', status: 500 });
  hub.fail('model.safetensors', { kind: 'status', status: 502 });
  await pull();
  t.equal(events.filter(event => event.type === 'retry').length, 4);

  hub.fail('/api/', ...Array.from({ length: 4 }, () => ({ kind: 'status', status: 503 }) as const));
  const error = await failure(pull({}, 'owner/other'));
  t.equal(error.code, 'download_failed');
  t.match(error.message, /answered 503; tried 4 times/);
});

t.test('refusals are said plainly, and not repeated', async t => {
  const { hub, pull, cache } = await setUp(t);
  hub.add('owner/gated', { files: FILES, gated: true });
  hub.add('owner/private', { files: FILES, token: 'hf_secret' });
  const cases = [
    ['owner/none', {}, 'access_denied', /does not show .* without a token.*HF_TOKEN/],
    ['owner/none', { token: 'hf_mine' }, 'model_not_found', /has no model owner\/none/],
    ['owner/model@v9', {}, 'model_not_found', /has no revision 'v9' of owner\/model/],
    ['owner/private', { token: 'hf_wrong' }, 'access_denied', /to the owner of HF_TOKEN/],
    ['owner/gated', {}, 'access_denied', /is gated: accept its conditions at .*\/owner\/gated/],
    ['owner/gated', { token: 'hf_mine' }, 'access_denied', /is gated/],
    ['a/b/c', {}, 'invalid_configuration', /is not a model/],
    ['owner/model', { endpoint: 'nowhere' }, 'invalid_configuration', /is not a URL/],
  ] as const;
  for (const [model, options, code, message] of cases) {
    hub.log.length = 0;
    const error = await failure(pull(options, model));
    t.equal(error.code, code, `${model}: ${error.message}`);
    t.match(error.message, message);
    t.equal(new Set(hub.log).size, hub.log.length, 'no request was repeated');
  }
  t.notOk(
    (await filesIn(cache)).some(name => name.includes('owner--none')),
    'nothing is left of what is not there',
  );

  const folder = await pull({ token: 'hf_secret' }, 'owner/private');
  t.strictSame(await filesIn(folder), ['config.json', 'model.safetensors', 'tokenizer.json']);
  t.strictSame(hub.leaked, [], 'the storage never saw a token');
});

t.test('offline', async t => {
  const { hub, pull } = await setUp(t);
  const before = await failure(pull({ offline: true }));
  t.equal(before.code, 'model_not_found');
  t.match(before.message, /pull it once without offline mode/);
  const folder = await pull();
  hub.log.length = 0;
  t.equal(await pull({ offline: true }), folder);
  t.equal(await pull({ offline: true }, `owner/model@${commitOf(FILES)}`), folder);
  t.strictSame(hub.log, []);
  await rm(path.join(folder, 'tokenizer.json'));
  t.match((await failure(pull({ offline: true }))).message, /not complete/);

  await t.test('the environment can say so', async t => {
    t.intercept(process, 'env', { value: { ...process.env, KVASIR_OFFLINE: '1' } });
    hub.log.length = 0;
    const error = await failure(pullModel('owner/model', { cache: t.testdir(), endpoint: hub.endpoint }));
    t.equal(error.code, 'model_not_found');
    t.strictSame(hub.log, []);
  });
});

t.test('a hub out of reach is no reason to fail where the cache has all', async t => {
  const { hub, pull, events } = await setUp(t);
  const folder = await pull();
  hub.stop();
  t.equal(await pull(), folder);
  t.match(events.at(-1), { type: 'stale', reason: /ECONNREFUSED/ });
  const error = await failure(pull({}, 'owner/other'));
  t.equal(error.code, 'download_failed');
});

t.test('shards are those that the index names', async t => {
  const index = (map: Record<string, string>): string => JSON.stringify({ weight_map: map });
  const shards = {
    'config.json': '{}',
    'model-00001-of-00002.safetensors': randomBytes(2000, '1'),
    'model-00002-of-00002.safetensors': randomBytes(2000, '2'),
    'consolidated.safetensors': randomBytes(4000, 'all'),
    'model.safetensors.index.json': index({
      a: 'model-00001-of-00002.safetensors',
      b: 'model-00002-of-00002.safetensors',
      c: 'model-00001-of-00002.safetensors',
    }),
  };
  const { hub, pull } = await setUp(t, shards);
  const folder = await pull();
  t.strictSame(await filesIn(folder), [
    'config.json',
    'model-00001-of-00002.safetensors',
    'model-00002-of-00002.safetensors',
    'model.safetensors.index.json',
  ]);
  t.equal(await pull({ offline: true }), folder);

  hub.add('owner/incomplete', {
    files: { ...shards, 'model.safetensors.index.json': index({ a: 'model-00003-of-00003.safetensors' }) },
  });
  const error = await failure(pull({}, 'owner/incomplete'));
  t.equal(error.code, 'invalid_model');
  t.match(error.message, /does not have: model-00003-of-00003.safetensors/);
});

t.test('ONNX', async t => {
  const onnx = {
    'config.json': '{}',
    'onnx/model.onnx': randomBytes(1500, 'f32'),
    'onnx/model.onnx_data': randomBytes(1500, 'f32 data'),
    'onnx/model_q4.onnx': randomBytes(1500, 'q4'),
    'onnx/model_q4.onnx_data': randomBytes(1500, 'q4 data'),
    'cpu/genai_config.json': '{}',
    'cpu/model.onnx': randomBytes(1500, 'cpu'),
    'cpu/model.onnx.data': randomBytes(1500, 'cpu data'),
  };
  const { pull } = await setUp(t, onnx);
  const folder = await pull({ precision: 'int4' });
  t.strictSame(await filesIn(folder), ['config.json', 'onnx/model_q4.onnx', 'onnx/model_q4.onnx_data']);
  await pull();
  t.ok((await filesIn(folder)).includes('onnx/model.onnx_data'), 'another precision joins the first');
  const cpu = await pull({ subfolder: 'cpu' });
  t.equal(path.basename(cpu), 'cpu');
  t.strictSame(await filesIn(cpu), ['genai_config.json', 'model.onnx', 'model.onnx.data']);
  const error = await failure(pull({ precision: 'f16' }));
  t.equal(error.code, 'unsupported_model');
  t.match(error.message, /of precision f16; choose one of its folders: cpu, onnx/);
});

t.test('a listing that leads out of the folder is refused', async t => {
  for (const name of ['../evil.json', '/etc/evil', 'a/../../b', 'c:evil', 'a\\b']) {
    const { pull, cache } = await setUp(t, { [name]: 'x', 'model.safetensors': WEIGHTS });
    const error = await failure(pull());
    t.equal(error.code, 'download_failed');
    t.match(error.message, /outside of the repository/);
    t.strictSame(await filesIn(cache), []);
  }
});

t.test('a full disk', async t => {
  t.test('is found out before anything is written', async t => {
    const { pull, repo } = await setUp(t);
    const size = 2 ** 52;
    const huge = { size, blob_id: 'b'.repeat(40), lfs_sha256: 'b'.repeat(64), lfs_size: size };
    const listing = { format_version: 1, files: { 'model.safetensors': huge } };
    await mkdir(path.join(repo, 'trees'), { recursive: true });
    await writeFile(path.join(repo, 'trees', `${commitOf(FILES)}.json`), JSON.stringify(listing));
    const error = await failure(pull());
    t.equal(error.code, 'storage_full');
    t.match(error.message, /B are to be written, but the disk of .* has .* left/);
    t.notOk((await filesIn(repo)).some(name => name.includes('incomplete')));
  });

  t.test(
    'in the middle is a clear error',
    { skip: process.platform !== 'linux' && 'needs /dev/full' },
    async t => {
      const { hub, pull, repo } = await setUp(t);
      const listed = await pull().then(() => readdir(path.join(repo, 'blobs')));
      await rm(path.join(repo, 'snapshots', commitOf(FILES)), { recursive: true });
      for (const name of listed) {
        const blob = path.join(repo, 'blobs', name);
        if ((await stat(blob)).size !== WEIGHTS.length) continue;
        await rm(blob);
        await symlink('/dev/full', `${blob}.incomplete`);
      }
      const error = await failure(pull());
      t.equal(error.code, 'storage_full');
      t.match(error.message, /no space is left for .*incomplete/);
      t.notOk((await filesIn(repo)).some(name => name.endsWith('model.safetensors')));
      t.ok(hub.transfers.length > 0);
    },
  );
});

t.test('a pull can be called off', async t => {
  const { hub, pull } = await setUp(t);
  hub.delay = 30;
  const controller = new AbortController();
  const error = await failure(
    pull({
      signal: controller.signal,
      onEvent: event => {
        if (event.type === 'progress' && event.path === 'model.safetensors') controller.abort();
      },
    }),
  );
  t.equal(error.code, 'cancelled');
  const { length } = await readFile(path.join(await pull(), 'model.safetensors'));
  t.equal(length, WEIGHTS.length, 'nothing is locked for ever');
});
