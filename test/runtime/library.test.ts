import { existsSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import koffi from 'koffi';
import t from 'tap';
import { Environment, libraryFolder, resolveLibrary } from '#runtime/index.js';

const INDEX = fileURLToPath(new URL('../../src/runtime/index.js', import.meta.url));

delete process.env.KVASIR_ONNXRUNTIME;

t.test('the library of each platform that onnxruntime-node ships', async t => {
  for (const [platform, arch, file] of [
    ['linux', 'x64', 'libonnxruntime.so.1'],
    ['linux', 'arm64', 'libonnxruntime.so.1'],
    ['darwin', 'arm64', 'libonnxruntime.1.dylib'],
    ['win32', 'x64', 'onnxruntime.dll'],
    ['win32', 'arm64', 'onnxruntime.dll'],
  ] as const) {
    const library = resolveLibrary(platform, arch);
    t.equal(library, path.join(libraryFolder(platform, arch), file));
    t.ok(existsSync(library));
  }
});

t.test('platforms that it does not ship', async t => {
  for (const [platform, arch] of [
    ['linux', 'mips'],
    ['aix', 'ppc64'],
  ] as const)
    t.throws(() => resolveLibrary(platform, arch), {
      code: 'runtime_unavailable',
      message: new RegExp(`for ${platform} ${arch}`),
    });
});

t.test('another library by KVASIR_ONNXRUNTIME', async t => {
  t.teardown(() => delete process.env.KVASIR_ONNXRUNTIME);
  const file = path.join(t.testdir({ 'other.so': '' }), 'other.so');
  process.env.KVASIR_ONNXRUNTIME = file;
  t.equal(resolveLibrary(), file);
  process.env.KVASIR_ONNXRUNTIME = '';
  t.equal(resolveLibrary(), resolveLibrary(process.platform, process.arch), 'empty is not set');
  process.env.KVASIR_ONNXRUNTIME = '/nowhere/libonnxruntime.so';
  t.throws(() => resolveLibrary(), {
    code: 'runtime_unavailable',
    message: 'KVASIR_ONNXRUNTIME names /nowhere/libonnxruntime.so, which does not exist',
  });
});

/** What happens in a process of its own, whose first call finds another library; twice, since the second must not differ. */
function firstCalls(library: string): string[] {
  const script = `
    const { Environment } = await import(${JSON.stringify(INDEX)});
    for (let i = 0; i < 2; i++)
      try { console.log(new Environment().version); } catch (error) { console.log(error.code + ': ' + error.message); }`;
  const env = { ...process.env, KVASIR_ONNXRUNTIME: library };
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    env,
    encoding: 'utf8',
  });
  return stdout.trim().split('\n');
}

t.test('files that are no ONNX Runtime', async t => {
  const folder = t.testdir({ 'text.so': 'no library' });
  const text = path.join(folder, 'text.so');
  for (const line of firstCalls(text))
    t.ok(line.startsWith(`runtime_unavailable: ${text} could not be loaded: `), line);
  const { platform, arch } = process;
  const addons = path.join(path.dirname(fileURLToPath(import.meta.resolve('koffi'))), '..', '@koromix');
  const other = path.join(addons, `koffi-${platform}-${arch}`, `${platform}_${arch}`, 'koffi.node');
  const lines = firstCalls(other);
  t.equal(lines.length, 2);
  for (const line of lines)
    t.ok(line.startsWith(`runtime_unavailable: ${other} could not be loaded: `), line);
});

t.test('a copy of the library elsewhere', async t => {
  const line = firstCalls(resolveLibrary())[0];
  t.equal(line, new Environment().version);
});

t.test('asynchronous calls have the stack of a thread', async t => {
  using _environment = new Environment();
  t.ok(koffi.config().async_stack_size! >= 2 ** 23);
});
