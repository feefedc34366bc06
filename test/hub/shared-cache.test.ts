import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstat, mkdir, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t, { type Test } from 'tap';
import { hubCache, hubToken, isOffline } from '#hub/hub-environment.js';
import { readListing, writeListing } from '#hub/listing.js';
import { withLock } from '#hub/lock.js';
import { pullModel, type PullEvent, type PullOptions } from '#hub/pull.js';
import { commitOf, FakeHub, randomBytes, type RepoFiles } from '#test/support/fake-hub.js';

const FILES: RepoFiles = {
  'config.json': '{"model_type":"llama"}',
  'tokenizer.json': randomBytes(2000, 'tokenizer'),
  'model.safetensors': randomBytes(30_000, 'weights'),
  'README.md': '# Of no use here',
};
const COMMIT = commitOf(FILES);

/** A hub with `owner/model`, an empty cache, and a pull from the one into the other. */
async function setUp(t: Test) {
  const hub = await FakeHub.start(t);
  hub.add('owner/model', { files: FILES });
  const cache = t.testdir();
  const events: PullEvent[] = [];
  const pull = (options: PullOptions = {}, model = 'owner/model'): Promise<string> =>
    pullModel(model, {
      cache,
      endpoint: hub.endpoint,
      token: '',
      offline: false,
      backoff: { attempts: 1, firstDelay: 1, longestDelay: 1 },
      onEvent: event => events.push(event),
      ...options,
    });
  return { hub, cache, events, pull, repo: path.join(cache, 'models--owner--model') };
}

/** A snapshot as huggingface_hub writes it, of some of the files. */
async function writeSnapshot(repo: string, names: readonly string[], commit = COMMIT): Promise<void> {
  for (const name of names) {
    const bytes = Buffer.from(FILES[name]!);
    const target = path.join(repo, 'snapshots', commit, name);
    await mkdir(path.join(repo, 'blobs'), { recursive: true });
    await mkdir(path.dirname(target), { recursive: true });
    await writeFile(path.join(repo, 'blobs', etagOf(bytes)), bytes);
    await symlink(path.relative(path.dirname(target), path.join(repo, 'blobs', etagOf(bytes))), target);
  }
}

async function writeRef(repo: string, revision: string, commit: string): Promise<void> {
  const file = path.join(repo, 'refs', revision);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, commit);
}

function etagOf(bytes: Buffer): string {
  if (bytes.length >= 1000) return createHash('sha256').update(bytes).digest('hex');
  return createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
}

const ALL = Object.keys(FILES);
const NEEDED = ALL.filter(name => name !== 'README.md');

t.test('what is pulled lies where huggingface_hub looks for it', async t => {
  const { pull, repo } = await setUp(t);
  const folder = await pull();
  t.equal(folder, path.join(repo, 'snapshots', COMMIT));
  for (const name of NEEDED) {
    const link = path.join(folder, name);
    const etag = etagOf(Buffer.from(FILES[name]!));
    t.equal(await readlink(link), path.join('..', '..', 'blobs', etag));
    t.ok((await lstat(path.join(repo, 'blobs', etag))).isFile());
  }
  t.equal(await readFile(path.join(repo, 'refs', 'main'), 'utf8'), COMMIT);
  const listing = JSON.parse(await readFile(path.join(repo, 'trees', `${COMMIT}.json`), 'utf8')) as {
    format_version: number;
    files: Record<string, { lfs_sha256?: string; size: number }>;
  };
  t.equal(listing.format_version, 1);
  t.strictSame(Object.keys(listing.files), ALL.toSorted());
  t.match(listing.files['model.safetensors'], { size: 30_000, lfs_sha256: /^[0-9a-f]{64}$/ });
});

t.test('what huggingface_hub has pulled is not pulled again', async t => {
  const { hub, pull, repo } = await setUp(t);
  await writeSnapshot(repo, ALL);
  await writeRef(repo, 'main', COMMIT);
  t.equal(await pull(), path.join(repo, 'snapshots', COMMIT));
  t.notOk(
    hub.log.some(line => /resolve|storage/.test(line)),
    hub.log.join(),
  );
  hub.log.length = 0;
  t.equal(await pull({ offline: true }), path.join(repo, 'snapshots', COMMIT));
  t.equal(await pull({}, `owner/model@${COMMIT}`), path.join(repo, 'snapshots', COMMIT));
  t.strictSame(hub.log, [], 'a commit that is there whole is not asked for');
});

t.test('what it has left half done is gone on with', async t => {
  const { hub, pull, repo } = await setUp(t);
  await writeSnapshot(repo, ['config.json']);
  await writeRef(repo, 'main', COMMIT);
  const weights = Buffer.from(FILES['model.safetensors']!);
  await writeFile(path.join(repo, 'blobs', `${etagOf(weights)}.incomplete`), weights.subarray(0, 12_000));
  await t.rejects(pull({ offline: true }), { code: 'model_not_found' }, 'it lacks weights');
  const folder = await pull();
  t.ok(weights.equals(await readFile(path.join(folder, 'model.safetensors'))));
  t.ok(hub.transfers.includes('storage model.safetensors 12000-'), hub.transfers.join());
  t.notOk(hub.log.some(line => line.endsWith('config.json')));
});

t.test('offline, a snapshot that nobody has listed', async t => {
  const { pull, repo } = await setUp(t);
  await writeSnapshot(repo, NEEDED);
  await writeRef(repo, 'refs/pr/1', COMMIT);
  await t.rejects(pull({ offline: true }), { message: /; of other revisions it has: refs\/pr\/1$/ });
  t.equal(await pull({ offline: true }, 'owner/model@refs/pr/1'), path.join(repo, 'snapshots', COMMIT));
  t.equal(
    await pull({ offline: true, descriptionOnly: true }, 'owner/model@refs/pr/1'),
    path.join(repo, 'snapshots', COMMIT),
  );
  for (const blob of await readdir(path.join(repo, 'blobs'))) await rm(path.join(repo, 'blobs', blob));
  await t.rejects(pull({ offline: true }, 'owner/model@refs/pr/1'), { code: 'model_not_found' });
});

t.test('a token that is not let in any more is no reason to fail where the cache has all', async t => {
  const { hub, pull, events } = await setUp(t);
  const folder = await pull();
  hub.add('owner/model', { files: FILES, token: 'hf_other' });
  t.equal(await pull(), folder);
  t.match(events.at(-1), { type: 'stale', reason: /private or does not exist/ });
});

t.test('a cache that cannot be written to', async t => {
  const { hub, cache, pull, repo } = await setUp(t);
  await writeSnapshot(repo, NEEDED);
  // Where folders have to be, which stops root, too.
  for (const name of ['models--owner--model/trees', 'models--owner--model/refs', '.locks'])
    await writeFile(path.join(cache, name), '');
  t.equal(await pull(), path.join(repo, 'snapshots', COMMIT), 'is enough where it has all');
  hub.add('owner/other', { files: FILES });
  await t.rejects(pull({}, 'owner/other'), {
    code: 'invalid_configuration',
    message: /cannot be written: .*; HF_HOME or HF_HUB_CACHE names another cache$/,
  });
});

t.test('without links, files are there all the same', async t => {
  const { hub, pull } = await setUp(t);
  t.intercept(process, 'env', { value: { ...process.env, HF_HUB_DISABLE_SYMLINKS: '1' } });
  const folder = await pull();
  for (const name of NEEDED) t.ok((await lstat(path.join(folder, name))).isFile());
  hub.log.length = 0;
  t.equal(await pull({ offline: true }), folder);
});

t.test('what Kvasir kept before is moved, not pulled again', async t => {
  const { hub, cache, events, pull, repo } = await setUp(t);
  const home = t.testdir({ models: { 'owner--model': { blobs: {} } } });
  const earlier = path.join(home, 'models', 'owner--model');
  for (const name of NEEDED) {
    const bytes = Buffer.from(FILES[name]!);
    await writeFile(path.join(earlier, 'blobs', etagOf(bytes)), bytes);
  }
  t.intercept(process, 'env', { value: { ...process.env, KVASIR_HOME: home } });
  await t.rejects(pull({ offline: true }), { message: /owner--model has what Kvasir kept before/ });
  const folder = await pull({ cache });
  t.ok(
    Buffer.from(FILES['model.safetensors']!).equals(await readFile(path.join(folder, 'model.safetensors'))),
  );
  t.strictSame(hub.transfers, []);
  t.strictSame(
    events.filter(({ type }) => type === 'moved'),
    [{ type: 'moved', folder: earlier }],
  );
  t.strictSame(await readdir(path.join(earlier, 'blobs')), []);
  t.ok(folder.startsWith(repo));
});

t.test('the environment is read as huggingface_hub reads it', async t => {
  const home = t.testdir({ token: ' hf_stored\n', other: 'hf_other' });
  const cases = [
    [{ HF_HUB_CACHE: '/a', HF_HOME: '/b' }, '/a'],
    [{ HUGGINGFACE_HUB_CACHE: '/c', HF_HOME: '/b' }, '/c'],
    [{ HF_HOME: '/b', XDG_CACHE_HOME: '/d' }, path.join('/b', 'hub')],
    [{ HF_HUB_CACHE: '', HF_HOME: '', XDG_CACHE_HOME: '/d' }, path.join('/d', 'huggingface', 'hub')],
  ] as const;
  for (const [env, expected] of cases) {
    t.intercept(process, 'env', { value: env });
    t.equal(hubCache(), expected);
  }
  t.intercept(process, 'env', { value: { HF_HOME: '~/x', HOME: '/home/me', USERPROFILE: '/home/me' } });
  t.ok(path.isAbsolute(hubCache()), hubCache());

  const tokens = [
    [{ HF_HOME: home, HF_TOKEN: 'hf_given' }, 'hf_given'],
    [{ HF_HOME: home }, 'hf_stored'],
    [{ HF_HOME: home, HF_TOKEN_PATH: path.join(home, 'other') }, 'hf_other'],
    [{ HF_HOME: home, HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' }, undefined],
    [{ HF_HOME: path.join(home, 'none') }, undefined],
  ] as const;
  for (const [env, expected] of tokens) {
    t.intercept(process, 'env', { value: env });
    t.equal(await hubToken(), expected);
  }
  for (const [value, expected] of Object.entries({ 1: true, true: true, ON: true, 0: false, false: false })) {
    t.intercept(process, 'env', { value: { HF_HUB_OFFLINE: value } });
    t.equal(isOffline(), expected, value);
  }
});

t.test('a listing that is not understood is asked for again', async t => {
  const file = { path: 'a', size: 3, blobId: 'b'.repeat(40) };
  const small = { ...file, checksum: { kind: 'git-blob', value: file.blobId } } as const;
  const sha256 = { kind: 'sha256', value: 'c'.repeat(64) } as const;
  const large = { ...file, path: 'd/e', checksum: sha256, xetHash: 'd'.repeat(64) };
  t.strictSame(readListing(writeListing([large, small])), [small, large]);
  for (const text of [
    '',
    '{}',
    '{"format_version":2,"files":{}}',
    '{"format_version":1,"files":{"../a":{"size":1,"blob_id":"' + 'b'.repeat(40) + '"}}}',
    '{"format_version":1,"files":{"a":{"size":-1,"blob_id":"' + 'b'.repeat(40) + '"}}}',
    '{"format_version":1,"files":{"a":null}}',
  ])
    t.equal(readListing(text), undefined, text);
});

t.test('locks', async t => {
  const file = path.join(t.testdir(), 'locks', 'x.lock');
  const order: string[] = [];
  let waited = 0;
  const task = (name: string) => async (): Promise<void> => {
    order.push(`${name} begins`);
    await new Promise(resolve => setTimeout(resolve, 20));
    order.push(`${name} ends`);
  };
  const first = withLock(file, () => waited++, task('one'));
  await Promise.all([first, withLock(file, () => waited++, task('two'))]);
  t.equal(waited, 1);
  t.ok(
    /^(one begins one ends two begins two ends|two begins two ends one begins one ends)$/.test(
      order.join(' '),
    ),
  );

  const hasFlock = process.platform !== 'win32' && commandExists('flock');
  await t.test('other programs respect them', { skip: !hasFlock && 'there is no flock(1)' }, async t => {
    const tryLock = (): string =>
      execFileSync('sh', ['-c', `flock -n "${file}" echo free || echo held`], { encoding: 'utf8' });
    await withLock(
      file,
      () => undefined,
      async () => t.equal(tryLock(), 'held\n'),
    );
    t.equal(tryLock(), 'free\n');
  });
});

function commandExists(name: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${name}`]);
    return true;
  } catch {
    return false;
  }
}
