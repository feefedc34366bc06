import path from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { looksLikeReference, parseReference } from '#hub/reference.js';
import { runs } from '#test/support/property-runs.js';

t.test('references', async t => {
  t.strictSame(parseReference('owner/name'), { repo: 'owner/name', revision: 'main' });
  t.strictSame(parseReference('owner/Name-1.5_b@refs/pr/3'), {
    repo: 'owner/Name-1.5_b',
    revision: 'refs/pr/3',
  });
  t.strictSame(parseReference('gpt2@v1.0'), { repo: 'gpt2', revision: 'v1.0' });
  t.strictSame(parseReference('owner/name-GGUF:UD-Q4_K_XL'), {
    repo: 'owner/name-GGUF',
    revision: 'main',
    gguf: 'UD-Q4_K_XL',
  });
  t.strictSame(parseReference('owner/name@v1:model.gguf'), {
    repo: 'owner/name',
    revision: 'v1',
    gguf: 'model.gguf',
  });
  const none = [
    '',
    'a/b/c',
    '/a',
    'a/',
    '../a',
    'a/..',
    './a',
    'a b/c',
    'a/b@',
    'a/b@../x',
    'a/b@/x',
    'a/b@x/',
    'a/b@x@{1}',
    'a--b/c',
    'a/b:',
    'a/b:../x',
    'a/b:x/y',
    'a/b:x@y',
    'a/b.',
    'http://a/b',
  ];
  for (const text of none) t.throws(() => parseReference(text), { code: 'invalid_configuration' }, text);

  t.ok(looksLikeReference('owner/name@main'));
  t.notOk(looksLikeReference('gpt2'), 'a bare name is more likely a folder that is not there');
  t.notOk(looksLikeReference('./owner/name'));
});

t.test('what is accepted stays below the cache, whatever the text', async t => {
  const part = fc.oneof(
    fc.constantFrom('..', '.', '/', '@', '--', 'a', '\\', '\0', ':'),
    fc.string({ maxLength: 4 }),
  );
  const text = fc.array(part, { maxLength: 8 }).map(parts => parts.join(''));
  fc.assert(
    fc.property(text, candidate => {
      let reference;
      try {
        reference = parseReference(candidate);
      } catch {
        return;
      }
      const { repo, revision } = reference;
      const folder = repo.replace('/', '--');
      if (path.basename(folder) !== folder || folder.startsWith('.')) throw new Error(folder);
      const ref = revision.replaceAll('/', '--');
      if (path.basename(ref) !== ref || ref === '..') throw new Error(ref);
    }),
    runs(3000),
  );
  t.pass();
});
