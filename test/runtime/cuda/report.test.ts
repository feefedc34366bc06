import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LibraryHandle } from 'koffi';
import t, { type Test } from 'tap';
import { openCuda } from '#runtime/cuda/device.js';
import { findCuda, PROVIDER_FILES, type CudaSystem } from '#runtime/cuda/report.js';
import { openDevice } from '#runtime/open-device.js';
import { sharedLibrary } from '#test/support/shared-library.js';

function unexpected(): never {
  throw new Error('this was not to be asked');
}

type Functions = Readonly<Record<string, (...args: never[]) => number>>;

/** A library whose functions are JavaScript's, by the names in their C signatures. */
function library(functions: Functions): LibraryHandle {
  const find = (signature: string) => {
    const name = /(\w+)\(/.exec(signature)![1]!;
    if (functions[name] === undefined) throw new Error(`Cannot find function '${name}' in shared library`);
    return functions[name];
  };
  return { func: find } as unknown as LibraryHandle;
}

const write =
  (value: number) =>
  (out: number[]): number => {
    out[0] = value;
    return 0;
  };

/** A driver with one GPU. */
const DRIVER: Functions = {
  cuInit: () => 0,
  cuDriverGetVersion: write(13_020),
  cuDeviceGetCount: write(1),
  cuDeviceGet: write(0),
  cuDeviceGetName: (name: Buffer) => name.write('Some GPU\0') - name.length,
  cuDeviceTotalMem_v2: write(80e9),
  cuDeviceGetAttribute: (out: number[], attribute: number) => write(attribute === 75 ? 9 : 0)(out),
};

const CUDA: Readonly<Record<string, Functions>> = {
  'libcudart.so.13': { cudaRuntimeGetVersion: write(13_010) },
  'libcublas.so.13': { cublasGetProperty: (property: number, out: number[]) => write(property + 1)(out) },
  'libcuda.so.1': DRIVER,
  'libcudnn.so.9': { cudnnGetVersion: () => 91_002 },
};

/** A machine with everything, whose libraries can be taken away or changed. */
function machine(
  t: Test,
  changes: { libraries?: Readonly<Record<string, Functions | undefined>>; provider?: string | null } = {},
): CudaSystem {
  const folder = join(t.testdir(), 'ort');
  mkdirSync(folder);
  const { provider = '1.29.0' } = changes;
  if (provider !== null)
    for (const name of PROVIDER_FILES)
      writeFileSync(
        join(folder, name),
        sharedLibrary(['libcublas.so.13', 'libcudart.so.13', 'libcuda.so.1', 'libm.so.6'], provider),
      );
  const libraries: Readonly<Record<string, Functions | undefined>> = { ...CUDA, ...changes.libraries };
  return {
    platform: 'linux',
    arch: 'x64',
    version: '1.29.0',
    folder,
    open: name => {
      const functions = libraries[name];
      return functions && library(functions);
    },
  };
}

t.test('a machine with everything', async t => {
  const report = findCuda(machine(t));
  t.match(report, {
    runtime: '1.29.0',
    provider: { version: '1.29.0' },
    driver: '13.2',
    gpus: [{ id: 0, name: 'Some GPU', memory: 80e9, computeCapability: '9.0' }],
    problems: [],
  });
  t.strictSame(
    report.libraries.map(({ name, version }) => [name, version]),
    [
      ['libcublas.so.13', '1.2.3'],
      ['libcudart.so.13', '13.1'],
      ['libcuda.so.1', undefined],
      ['libcudnn.so.9', '9.10.2'],
    ],
  );
  const device = openCuda({ id: 0 }, report);
  t.match(device, {
    name: 'cuda:0',
    location: { name: 'Cuda', id: 0 },
    isHostMemory: false,
    wantsHalfFloats: true,
    hasPagedAttention: true,
  });
  t.throws(() => openCuda({ id: 3 }, report), {
    code: 'runtime_unavailable',
    message: 'there is no GPU 3; there are: 0 (Some GPU)',
  });
});

const faults: [string, Parameters<typeof machine>[1], RegExp][] = [
  ['no provider', { provider: null }, /has no CUDA provider.*kvasir cuda install/],
  [
    'a provider of another version',
    { provider: '1.30.0' },
    /provider is of ONNX Runtime 1\.30\.0, but the library beside it of 1\.29\.0.*kvasir cuda install/,
  ],
  ['a provider of no known version', { provider: 'none' }, /provider is of ONNX Runtime \(no version\)/],
  [
    'no CUDA runtime',
    { libraries: { 'libcudart.so.13': undefined } },
    /^libcudart\.so\.13 is missing: install the libraries of CUDA 13/,
  ],
  [
    'no cuDNN',
    { libraries: { 'libcudnn.so.9': undefined } },
    /^libcudnn\.so\.9 is missing: install cuDNN 9's libraries/,
  ],
  ['no cuBLAS', { libraries: { 'libcublas.so.13': undefined } }, /^libcublas\.so\.13 is missing/],
  [
    'no driver',
    { libraries: { 'libcuda.so.1': undefined } },
    /^libcuda\.so\.1 is missing: install NVIDIA's driver; in a container/,
  ],
  ['a stub of the driver', { libraries: { 'libcuda.so.1': {} } }, /libcuda\.so\.1 is no driver.*cuInit/],
  [
    'no GPU',
    { libraries: { 'libcuda.so.1': { ...DRIVER, cuInit: () => 100 } } },
    /^the driver finds no GPU: see what nvidia-smi says/,
  ],
  [
    'hidden GPUs',
    { libraries: { 'libcuda.so.1': { ...DRIVER, cuDeviceGetCount: write(0) } } },
    /^the driver finds no GPU/,
  ],
  [
    'a driver that fails',
    { libraries: { 'libcuda.so.1': { ...DRIVER, cuInit: () => 999 } } },
    /^the driver does not start \(CUresult 999\)/,
  ],
  [
    'an old driver',
    { libraries: { 'libcuda.so.1': { ...DRIVER, cuDriverGetVersion: write(12_040) } } },
    /^the driver serves CUDA 12\.4, the provider needs 13\.0 or later: update/,
  ],
];

for (const [name, changes, message] of faults) {
  t.test(`${name}: 'cuda' is refused with what to do, and 'auto' is the processor`, async t => {
    const report = findCuda(machine(t, changes));
    t.throws(() => openDevice('cuda', {}, unexpected, () => report), {
      code: 'runtime_unavailable',
      message,
    });
    const reasons: string[] = [];
    const device = openDevice(
      'auto',
      {},
      reason => reasons.push(reason),
      () => report,
    );
    t.equal(device.name, 'cpu');
    t.equal(reasons.length, 1, 'it is said once');
    t.match(reasons[0], message);
  });
}

t.test('another system', async t => {
  const report = findCuda({ ...machine(t), platform: 'darwin', arch: 'arm64' });
  t.match(report.problems, [{ what: 'CUDA is supported on Linux x64, this is darwin arm64' }]);
});

t.test("'auto' with a GPU", async t => {
  const report = findCuda(machine(t));
  t.equal(openDevice('auto', {}, unexpected, () => report).name, 'cuda:0');
});
