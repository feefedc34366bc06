import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { neededLibraries } from '#runtime/cuda/elf.js';
import { providerVersion } from '#runtime/cuda/provider-version.js';
import { resolveLibrary } from '#runtime/index.js';
import { sharedLibrary } from '#test/support/shared-library.js';

t.test('the needs of a shared library, in their order', async t => {
  const file = join(t.testdir(), 'library.so');
  const needed = ['libcudart.so.13', 'libm.so.6', 'libcublasLt.so.13'];
  writeFileSync(file, sharedLibrary(needed));
  t.strictSame(neededLibraries(file), needed);
  writeFileSync(file, sharedLibrary([]));
  t.strictSame(neededLibraries(file), []);
});

t.test(
  'a library that a linker wrote',
  { skip: (process.platform !== 'linux' || process.arch !== 'x64') && 'the library is of another form' },
  async t => {
    t.ok(neededLibraries(resolveLibrary()).includes('libc.so.6'));
  },
);

t.test('what is no shared library, or only a part of one', async t => {
  const file = join(t.testdir(), 'library.so');
  writeFileSync(file, 'text'.repeat(100));
  t.throws(() => neededLibraries(file), /not a 64-bit shared library/);
  writeFileSync(file, sharedLibrary(['libm.so.6']).subarray(0, 200));
  t.throws(() => neededLibraries(file), /truncated/);
});

t.test("a provider's version stands in it, wherever", async t => {
  const file = join(t.testdir(), 'provider.so');
  writeFileSync(file, sharedLibrary(['libm.so.6'], '1.29.0'));
  t.equal(providerVersion(file), '1.29.0');
  for (const begin of [0, 2 ** 22 - 4, 2 ** 22, 2 ** 22 + 5]) {
    writeFileSync(file, Buffer.concat([Buffer.alloc(begin, 'x'), Buffer.from('\x001.30.1\0')]));
    t.equal(providerVersion(file), '1.30.1', `at ${begin}`);
  }
  writeFileSync(file, Buffer.from('x1.29.0\0 1.29.0x'));
  t.equal(providerVersion(file), undefined, 'parts of longer texts are none');
  t.ok(readFileSync(file).length > 0);
});
