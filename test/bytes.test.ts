import t from 'tap';
import { formatBytes, formatMemory } from '#bytes.js';

t.test('sizes of files', async t => {
  const sizes = [0, 999, 1000, 1_530_000, 14_500_000_000, 2 ** 60].map(formatBytes);
  t.strictSame(sizes, ['0 bytes', '999 bytes', '1 kB', '1.53 MB', '14.5 GB', '1150000 TB']);
});

t.test('sizes of memory', async t => {
  const sizes = [1023, 1024, 1023 * 2 ** 20, 1.5 * 2 ** 40].map(formatMemory);
  t.strictSame(sizes, ['1023 bytes', '1 KiB', '1023 MiB', '1.5 TiB']);
});
