import { appendFile, mkdir, readdir, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { KvasirError } from '#errors.js';
import { buildOnce } from '#graph/build-cache.js';
import { OWNER } from '#owner.js';
import { startCommand } from '#test/support/command.js';
import { runs } from '#test/support/property-runs.js';

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

/** Writes 5000 bytes, always the same. */
function dataWriter() {
  let calls = 0;
  const build = async (target: string): Promise<void> => {
    calls++;
    await writeFile(path.join(target, 'data'), Buffer.alloc(5000, 'data'));
  };
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
  t.strictSame((await readdir(one)).sort(), ['first', 'manifest.json', 'second']);
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

/** What may happen to a build on disk. */
const DAMAGES: Readonly<Record<string, (build: string) => Promise<unknown>>> = {
  'cut off': build => truncate(path.join(build, 'data'), 1000),
  grown: build => appendFile(path.join(build, 'data'), 'x'),
  'garbage of the same length': build => writeFile(path.join(build, 'data'), 'x'.repeat(5000)),
  'a file is missing': build => rm(path.join(build, 'data')),
  'a folder in its place': async build => {
    await rm(path.join(build, 'data'));
    await mkdir(path.join(build, 'data'));
  },
  'no manifest': build => rm(path.join(build, 'manifest.json')),
  'half a manifest': build => truncate(path.join(build, 'manifest.json'), 20),
  'an empty manifest': build => writeFile(path.join(build, 'manifest.json'), '{}'),
  'a manifest of nothing': build => writeFile(path.join(build, 'manifest.json'), '{"files":{"data":null}}'),
};

t.test('a damaged build is made again, and said to be', async t => {
  for (const [name, damage] of Object.entries(DAMAGES)) {
    const folder = t.testdir({ a: '1', b: '2' });
    const faults: string[] = [];
    const inputs = { folder, files: FILES, variant: 'v', onDamaged: (fault: string) => faults.push(fault) };
    const { build, calls } = dataWriter();
    const target = await buildOnce(inputs, build);
    const whole = await readFile(path.join(target, 'data'));
    await damage(target);
    t.equal(await buildOnce(inputs, build), target, name);
    t.strictSame(await readFile(path.join(target, 'data')), whole, name);
    t.equal(calls(), 2, name);
    t.match(faults, [/^the built graph in \S+ is damaged \(.+\); it is built again$/], name);
    await buildOnce(inputs, build);
    t.equal(calls(), 2, `${name}: it is whole again`);
    t.strictSame(await builds(folder), [path.basename(target)], name);
  }
});

t.test('any flipped bit is found', async t => {
  const folder = t.testdir({ a: '1', b: '2' });
  const { build, calls } = dataWriter();
  const inputs = { folder, files: FILES, variant: 'v' };
  const file = path.join(await buildOnce(inputs, build), 'data');
  let builds = calls();
  const property = fc.asyncProperty(fc.nat(4999), fc.nat(7), async (byte, bit) => {
    const bytes = await readFile(file);
    bytes[byte]! ^= 1 << bit;
    await writeFile(file, bytes);
    await buildOnce(inputs, build);
    if (calls() !== ++builds) throw new Error('it was not found');
  });
  await t.resolves(fc.assert(property, runs(30)));
});

t.test('a damaged build that cannot be made again is refused by name', async t => {
  const folder = t.testdir({ a: '1', b: '2' });
  const inputs = { folder, files: FILES, variant: 'v' };
  const target = await buildOnce(inputs, dataWriter().build);
  await truncate(path.join(target, 'data'), 10);
  const failing = (): Promise<void> => Promise.reject(new KvasirError('invalid_model', 'a is broken'));
  await t.rejects(buildOnce(inputs, failing), {
    code: 'invalid_model',
    message: `the built graph in ${target} was damaged (data has 10 bytes instead of 5000) and cannot be built again: a is broken; make the model's folder whole, and try again`,
  });
});

t.test('what killed builds have left is swept by the next look, not what others work on', async t => {
  const folder = t.testdir({ a: '1', b: '2' });
  const inputs = { folder, files: FILES, variant: 'v' };
  const { build, calls } = counter();
  const target = await buildOnce(inputs, build);
  const [, namespace] = OWNER.split('@');
  const living = startCommand(t, ['serve', '--port', '0']);
  const dead = startCommand(t, ['--version']);
  await dead.exit;
  const left = [
    `partial-${dead.process.pid}@${namespace}-a`,
    // An earlier process may have had this one's id, as in a container that was started again.
    `partial-${OWNER}-b`,
  ];
  const kept = [`partial-${living.process.pid}@${namespace}-c`, `partial-${dead.process.pid}@elsewhere-d`];
  for (const name of [...left, ...kept]) await mkdir(path.join(folder, '.kvasir', name));
  await buildOnce(inputs, build);
  t.equal(calls(), 1);
  t.strictSame(await builds(folder), [...kept, path.basename(target)].sort());
  const other = { ...inputs, variant: 'w' };
  await buildOnce(other, async partial => {
    await buildOnce(inputs, build);
    t.ok((await builds(folder)).includes(path.basename(partial)), 'its own');
    await build(partial);
  });
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
