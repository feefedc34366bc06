import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { buildOnce } from '#graph/build-cache.js';

const FILES = ['a', 'b'];

/** What is in the build cache of a folder. */
async function builds(folder: string): Promise<string[]> {
  return (await readdir(path.join(folder, '.kvasir'))).sort();
}

/** Counts how often it is called, and writes that number. */
function counter() {
  let calls = 0;
  const build = async (target: string): Promise<void> => writeFile(path.join(target, 'out'), `${++calls}`);
  return { build, calls: () => calls };
}

const read = (build: string): Promise<string> => readFile(path.join(build, 'out'), 'utf8');

t.test('a build is made once', async t => {
  const folder = t.testdir({ a: '1', b: '2' });
  const { build, calls } = counter();
  const first = await buildOnce({ folder, files: FILES, variant: 'v' }, build);
  t.equal(path.dirname(first), path.join(folder, '.kvasir'));
  t.equal(
    await buildOnce({ folder, files: ['b', 'a'], variant: 'v' }, build),
    first,
    'in any order of files',
  );
  t.equal(calls(), 1);
});

t.test('a build is made again when an input changes, and the old one goes', async t => {
  const folder = t.testdir({ a: '1', b: '2', c: '3' });
  const { build, calls } = counter();
  const inputs = { folder, files: FILES, variant: 'v' };
  await buildOnce(inputs, build);
  await writeFile(path.join(folder, 'a'), 'longer');
  t.equal(await read(await buildOnce(inputs, build)), '2', 'another size');
  await utimes(path.join(folder, 'b'), 1, 1);
  t.equal(await read(await buildOnce(inputs, build)), '3', 'another time');
  t.equal(await read(await buildOnce({ ...inputs, files: ['a', 'b', 'c'] }, build)), '4', 'another file');
  t.equal((await builds(folder)).length, 1);
  await buildOnce({ ...inputs, files: ['a', 'b', 'c'] }, build);
  t.equal(calls(), 4);
});

t.test('variants live beside each other', async t => {
  const folder = t.testdir({ a: '1', b: '2' });
  const { build, calls } = counter();
  const f32 = await buildOnce({ folder, files: FILES, variant: 'decoder-f32' }, build);
  await buildOnce({ folder, files: FILES, variant: 'decoder-int4' }, build);
  t.equal(await buildOnce({ folder, files: FILES, variant: 'decoder-f32' }, build), f32);
  t.equal(calls(), 2);
});

t.test('of builds at the same time one is kept, whole', async t => {
  const folder = t.testdir({ a: '1', b: '2' });
  const inputs = { folder, files: FILES, variant: 'v' };
  let waiting = 0;
  let release = (): void => undefined;
  const both = new Promise<void>(resolve => (release = resolve));
  const build = async (target: string): Promise<void> => {
    await writeFile(path.join(target, 'first'), '');
    if (++waiting === 2) release();
    await both;
    t.ok(
      (await builds(folder)).every(name => name.startsWith('partial-')),
      'nothing is visible yet',
    );
    await writeFile(path.join(target, 'second'), '');
  };
  const [one, other] = await Promise.all([buildOnce(inputs, build), buildOnce(inputs, build)]);
  t.equal(one, other);
  t.strictSame((await readdir(one)).sort(), ['first', 'second']);
  t.strictSame(await builds(folder), [path.basename(one)]);
});

t.test('a failed build leaves nothing and may be tried again', async t => {
  const folder = t.testdir({ a: '1', b: '2' });
  const inputs = { folder, files: FILES, variant: 'v' };
  const failing = async (target: string): Promise<void> => {
    await writeFile(path.join(target, 'half'), '');
    throw new Error('no room');
  };
  await t.rejects(buildOnce(inputs, failing), { message: 'no room' });
  t.strictSame(await builds(folder), []);
  t.equal(await read(await buildOnce(inputs, counter().build)), '1');
});

t.test('what a dead process left half done is removed after a day', async t => {
  const folder = t.testdir({ a: '1', b: '2' });
  const [old, recent] = ['partial-old', 'partial-recent'].map(name => path.join(folder, '.kvasir', name));
  await mkdir(old!, { recursive: true });
  await mkdir(recent!, { recursive: true });
  const twoDaysAgo = Date.now() / 1000 - 2 * 24 * 3600;
  await utimes(old!, twoDaysAgo, twoDaysAgo);
  const build = await buildOnce({ folder, files: FILES, variant: 'v' }, counter().build);
  t.strictSame(await builds(folder), ['partial-recent', path.basename(build)].sort());
});

t.test('a missing input is named', async t => {
  const folder = t.testdir({ a: '1' });
  await t.rejects(buildOnce({ folder, files: FILES, variant: 'v' }, counter().build), {
    code: 'invalid_model',
    message: /\/b'/,
  });
});

t.test(
  "a folder that cannot be written uses the user's cache",
  { skip: process.platform !== 'linux' },
  async t => {
    const caches = t.testdir();
    t.teardown(restoreEnvironment('XDG_CACHE_HOME'));
    process.env.XDG_CACHE_HOME = caches;
    // Nobody may make folders here, not even root.
    const folder = '/proc/self';
    const { build, calls } = counter();
    const made = await buildOnce({ folder, files: [], variant: 'v' }, build);
    t.ok(made.startsWith(path.join(caches, 'kvasir', 'self-')), made);
    t.equal(await buildOnce({ folder, files: [], variant: 'v' }, build), made);
    t.equal(calls(), 1);
  },
);

function restoreEnvironment(name: string): () => void {
  const before = process.env[name];
  return () => {
    if (before === undefined) delete process.env[name];
    else process.env[name] = before;
  };
}
