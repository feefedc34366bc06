import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { sweepLeftovers } from '#hub/leftovers.js';

const UUID = '0f8fad5b-d9cb-469f-a165-70867728950e';
const HOUR = 3600;

t.test('what nobody works on any more goes, all else stays', async t => {
  const folder = t.testdir();
  const files: readonly [name: string, age: number, stays: boolean][] = [
    [`snapshots/abc/model.safetensors.${UUID}`, 2 * HOUR, false],
    [`snapshots/abc/model.safetensors.${UUID.replace('0f', '1f')}`, 0, true],
    [`refs/main.${UUID}`, 2 * HOUR, false],
    ['blobs/1234.incomplete', 8 * 24 * HOUR, false],
    ['blobs/5678.incomplete', 6 * 24 * HOUR, true],
    ['blobs/1234', 99 * 24 * HOUR, true],
    ['snapshots/abc/1_Pooling/config.json', 99 * 24 * HOUR, true],
  ];
  const now = Date.now() / 1000;
  for (const [name, age] of files) {
    const file = path.join(folder, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, 'x');
    await utimes(file, now - age, now - age);
  }
  await sweepLeftovers(folder);
  const left = await readdir(folder, { recursive: true, withFileTypes: true });
  t.strictSame(
    left
      .filter(entry => entry.isFile())
      .map(({ parentPath, name }) => path.relative(folder, path.join(parentPath, name)))
      .sort(),
    files.flatMap(([name, , stays]) => (stays ? [path.normalize(name)] : [])).sort(),
  );
  await sweepLeftovers(path.join(folder, 'none'));
});
