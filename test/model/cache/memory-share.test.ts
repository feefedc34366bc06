import { totalmem } from 'node:os';
import fc from 'fast-check';
import t from 'tap';
import { cacheShare, memoryLimit } from '#model/cache/memory-share.js';
import { runs } from '#test/support/property-runs.js';

const GB = 10 ** 9;

/** Reads of a test's files. */
function reader(files: Readonly<Record<string, string>>): (file: string) => string {
  return file => {
    const text = files[file];
    if (text === undefined) throw new Error(`ENOENT: ${file}`);
    return text;
  };
}

const SYSTEMS: readonly {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  readonly limit: number;
}[] = [
  { name: 'no control groups', files: {}, limit: 16 * GB },
  {
    name: 'version 2, a container that sees its group as the root',
    files: { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/memory.max': `${2 * GB}\n` },
    limit: 2 * GB,
  },
  {
    name: 'version 2 without a limit',
    files: { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/memory.max': 'max\n' },
    limit: 16 * GB,
  },
  {
    name: 'version 2, the limit of a group around it',
    files: {
      '/proc/self/cgroup': '0::/system.slice/kvasir.service/inner\n',
      '/sys/fs/cgroup/system.slice/kvasir.service/inner/memory.max': 'max\n',
      '/sys/fs/cgroup/system.slice/kvasir.service/memory.max': `${3 * GB}\n`,
      '/sys/fs/cgroup/system.slice/memory.max': `${4 * GB}\n`,
    },
    limit: 3 * GB,
  },
  {
    name: 'version 1, by its path',
    files: {
      '/proc/self/cgroup': '9:name=systemd:/\n5:cpu,cpuacct:/x\n4:memory:/docker/ab\n0::/\n',
      '/sys/fs/cgroup/memory/docker/ab/memory.limit_in_bytes': `${GB}\n`,
      '/sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
    },
    limit: GB,
  },
  {
    name: 'version 1, in a container that does not see the path',
    files: {
      '/proc/self/cgroup': '4:hugetlb,memory:/docker/ab\n',
      '/sys/fs/cgroup/memory/memory.limit_in_bytes': `${GB}\n`,
    },
    limit: GB,
  },
  {
    name: 'version 1 without a limit',
    files: {
      '/proc/self/cgroup': '4:memory:/\n',
      '/sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
    },
    limit: 16 * GB,
  },
  {
    name: 'a limit beyond the machine, and files that say nothing',
    files: {
      '/proc/self/cgroup': '0::/a/b\nnonsense\n4:memory\n',
      '/sys/fs/cgroup/a/b/memory.max': `${99 * GB}\n`,
      '/sys/fs/cgroup/a/memory.max': '\n',
      '/sys/fs/cgroup/memory.max': '0\n',
    },
    limit: 16 * GB,
  },
];

for (const { name, files, limit } of SYSTEMS)
  t.test(name, async t => {
    t.equal(memoryLimit(16 * GB, reader(files)), limit);
  });

t.test('this machine', async t => {
  const limit = memoryLimit();
  t.ok(limit > 0 && limit <= totalmem());
});

t.test('a cache takes what weights and a reserve leave', async t => {
  const one = cacheShare({ memory: 16 * GB, weights: GB, caches: 0, models: 1 });
  t.equal(one, Math.floor(15 * GB - 256 * 2 ** 20 - GB));
  t.equal(cacheShare({ memory: 16 * GB, weights: GB, caches: 0, models: 2 }), Math.floor(one / 2));
  t.equal(cacheShare({ memory: 16 * GB, weights: GB, caches: 2 * GB, models: 1 }), one - 2 * GB);
  t.equal(cacheShare({ memory: GB, weights: 2 * GB, caches: 0, models: 1 }), 0);
  t.equal(cacheShare({ memory: 16 * GB, weights: GB, caches: 0, models: 0 }), one);
});

t.test('all shares, weights and a reserve fit into the memory', async t => {
  const bytes = fc.integer({ min: 0, max: 2 ** 40 });
  const property = fc.property(
    bytes,
    bytes,
    bytes,
    fc.integer({ min: 1, max: 50 }),
    (memory, weights, caches, models) => {
      const share = cacheShare({ memory, weights, caches, models });
      return share === 0 || share * models + weights + caches + 256 * 2 ** 20 <= memory;
    },
  );
  t.doesNotThrow(() => fc.assert(property, runs(200)));
});
