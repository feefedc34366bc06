import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import t, { type Test } from 'tap';
import {
  CUDA_PROVIDER,
  installProvider,
  type KnownFile,
  type ProviderPackage,
} from '#runtime/cuda/install.js';

function known(file: string): KnownFile {
  const content = readFileSync(file);
  return { bytes: content.length, sha512: createHash('sha512').update(content).digest('hex') };
}

/** A package with one library, its archive, and a folder to install it into. */
function prepare(t: Test): { provider: ProviderPackage; archive: string; folder: string; root: string } {
  const root = t.testdir({ package: { lib: { 'provider.so': 'machine code' } }, ort: {} });
  const archive = join(root, 'package.tgz');
  execFileSync('tar', ['-czf', archive, '-C', root, 'package']);
  const file = 'package/lib/provider.so';
  const provider = {
    name: 'some-provider@1.0.0',
    runtime: '1.29.0',
    archive: known(archive),
    files: { [file]: known(join(root, file)) },
  };
  return { provider, archive, folder: join(root, 'ort'), root };
}

t.test('a provider is checked and laid beside the library', async t => {
  const { provider, archive, folder } = prepare(t);
  const [file] = await installProvider(provider, { runtime: '1.29.0', folder, archive });
  t.equal(file, join(folder, 'provider.so'));
  t.equal(readFileSync(file!, 'utf8'), 'machine code');
  t.strictSame(readdirSync(folder), ['provider.so']);
});

t.test('npm fetches it, as the user has set it up', async t => {
  const { provider, archive, folder, root } = prepare(t);
  const bin = join(root, 'bin');
  mkdirSync(bin);
  const npm = join(bin, 'npm');
  writeFileSync(
    npm,
    `#!/bin/sh\ncp ${archive} "$5/fetched.tgz" && echo "$1 $2" > ${root}/asked && echo '[{"filename": "fetched.tgz"}]'\n`,
  );
  chmodSync(npm, 0o755);
  const { PATH } = process.env;
  t.teardown(() => (process.env.PATH = PATH));
  process.env.PATH = `${bin}${delimiter}${PATH}`;
  await installProvider(provider, { runtime: '1.29.0', folder });
  t.equal(readFileSync(join(root, 'asked'), 'utf8'), 'pack some-provider@1.0.0\n');
  t.strictSame(readdirSync(folder), ['provider.so']);

  writeFileSync(npm, '#!/bin/sh\necho "npm error code E404" >&2; exit 1\n');
  await t.rejects(installProvider(provider, { runtime: '1.29.0', folder }), {
    code: 'download_failed',
    message: 'npm pack failed: npm error code E404',
  });
});

t.test('anything but the expected bytes is refused, and nothing is left', async t => {
  const { provider, archive, folder, root } = prepare(t);
  const other = { bytes: 12, sha512: '0'.repeat(128) };
  const path = Object.keys(provider.files)[0]!;
  for (const broken of [
    { ...provider, archive: { ...provider.archive, sha512: other.sha512 } },
    { ...provider, archive: { ...provider.archive, bytes: 1 } },
    { ...provider, files: { [path]: other } },
  ])
    await t.rejects(installProvider(broken, { runtime: '1.29.0', folder, archive }), {
      code: 'download_failed',
      message: /wrong size or SHA-512/,
    });
  await t.rejects(
    installProvider(provider, { runtime: '1.29.0', folder, archive: join(root, 'absent.tgz') }),
    { code: 'download_failed', message: /absent\.tgz does not exist/ },
  );
  await t.rejects(installProvider(provider, { runtime: '1.30.0', folder, archive }), {
    code: 'invalid_configuration',
    message: 'some-provider@1.0.0 is for ONNX Runtime 1.29.0, but this is 1.30.0',
  });
  t.strictSame(readdirSync(folder), []);
  await t.rejects(installProvider(provider, { runtime: '1.29.0', folder: join(root, 'absent'), archive }), {
    code: 'invalid_configuration',
    message: /absent.provider\.so cannot be written/,
  });
});

t.test('the pinned provider is for the pinned runtime', async t => {
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
    packages: Record<string, { version: string }>;
  };
  t.equal(CUDA_PROVIDER.runtime, lock.packages['node_modules/onnxruntime-node']!.version);
});
