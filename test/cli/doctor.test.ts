import t from 'tap';
import { describeMachine } from '#cli/doctor.js';
import type { CudaReport } from '#runtime/index.js';
import { startCommand } from '#test/support/command.js';

t.test('kvasir doctor, for people and as JSON', async t => {
  const [plain, json] = [startCommand(t, ['doctor']), startCommand(t, ['doctor', '--json'])];
  t.equal(await plain.exit, 0);
  t.match(plain.stdout(), /^processor +\d+ cores, .*\nONNX Runtime +1\.\d+\.\d+\n/);
  t.match(plain.stdout(), /\nCUDA can(not)? be used/);
  t.equal(await json.exit, 0);
  t.hasOwnProps(JSON.parse(json.stdout()) as object, ['runtime', 'libraries', 'gpus', 'problems']);
});

t.test('a GPU, and what is missing', async t => {
  const report: CudaReport = {
    runtime: '1.29.0',
    provider: { path: '/p.so', version: '1.29.0' },
    libraries: [
      { name: 'libcudart.so.13', found: true, version: '13.0' },
      { name: 'libcublas.so.13', found: false, version: undefined },
      { name: 'libcudnn.so.9', found: false, version: undefined },
    ],
    driver: '13.2',
    gpus: [{ id: 0, name: 'Some GPU', memory: 80e9, computeCapability: '9.0' }],
    problems: [{ what: 'libcublas.so.13 is missing', remedy: 'install it' }],
  };
  const text = describeMachine(report);
  for (const line of [
    'CUDA provider    1.29.0',
    'libcudart.so.13  13.0',
    'libcublas.so.13  missing',
    'libcudnn.so.9    missing',
    'driver           up to CUDA 13.2',
    'cuda:0           Some GPU, 80 GB, compute capability 9.0',
    '- libcublas.so.13 is missing: install it',
  ])
    t.ok(text.includes(`${line}\n`), line);
  t.match(describeMachine({ ...report, problems: [] }), /\nCUDA can be used\.\n$/);
});
