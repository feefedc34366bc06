import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { ApiKeys, readApiKeys } from '#http/security/api-keys.js';

const folder = await mkdtemp(join(tmpdir(), 'kvasir-'));
t.teardown(() => rm(folder, { recursive: true }));

const sha256 = (key: string): string => createHash('sha256').update(key).digest('hex');

t.test('keys as they are and by their digest', async t => {
  const keys = new ApiKeys(['one', `sha256:${sha256('two')}`, 'sha256:short']);
  t.equal(keys.find('one'), sha256('one').slice(0, 12));
  t.equal(keys.find('two'), sha256('two').slice(0, 12));
  t.ok(keys.find('sha256:short'), 'what is no digest is a key');
  for (const wrong of ['', 'One', 'one ', 'three', sha256('one'), `sha256:${sha256('two')}`])
    t.equal(keys.find(wrong), undefined, wrong);
});

t.test('from settings and a file', async t => {
  const file = join(folder, 'keys');
  await writeFile(file, '# ours\n\n  alpha  \r\nbeta\n');
  const keys = await readApiKeys(['gamma'], file);
  for (const key of ['alpha', 'beta', 'gamma']) t.ok(keys?.find(key), key);
  t.notOk(keys?.find('# ours'));
  t.notOk(keys?.find(''));
  t.equal(await readApiKeys(undefined, undefined), undefined);
  t.equal(await readApiKeys([], undefined), undefined);
});

t.test('a file without keys would lock nobody out: it is refused', async t => {
  const file = join(folder, 'empty');
  await writeFile(file, '# nothing\n');
  await t.rejects(readApiKeys(['key'], file), {
    code: 'invalid_configuration',
    message: /there is no key in/,
  });
  await t.rejects(readApiKeys(undefined, join(folder, 'none')), { message: /^api_key_file: ENOENT/ });
});
