import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import koffi, { type LibraryHandle } from 'koffi';
import { ortApi } from '../api.js';
import { cudaVersion, readGpus, type Gpu } from './driver.js';
import { neededLibraries } from './elf.js';
import type { CudaProblem } from './problem.js';
import { providerVersion } from './provider-version.js';

const PROVIDER = 'libonnxruntime_providers_cuda.so';

/** Files of ONNX Runtime's CUDA execution provider, which lie beside its library. */
export const PROVIDER_FILES = [PROVIDER, 'libonnxruntime_providers_shared.so'] as const;

/**
 * The provider itself loads it at the first operator that uses it: every decoder has one that looks for the
 * largest logits.
 */
const CUDNN = 'libcudnn.so.9';

/** The system to examine; tests give another one. */
export interface CudaSystem {
  /** `process.platform` and `process.arch` */
  readonly platform: string;
  readonly arch: string;
  /** ONNX Runtime: its version, and the folder of its library. */
  readonly version: string;
  readonly folder: string;
  /** @returns undefined where the dynamic loader does not find or load it. */
  open(library: string): LibraryHandle | undefined;
}

/** The parts of CUDA that a machine has, and those that are missing. */
export interface CudaReport {
  /** ONNX Runtime's version. */
  readonly runtime: string;
  readonly provider: { readonly path: string; readonly version: string | undefined } | undefined;
  /** NVIDIA's libraries that the provider depends on. */
  readonly libraries: readonly {
    readonly name: string;
    readonly found: boolean;
    readonly version: string | undefined;
  }[];
  /** The newest CUDA that the driver knows, such as `13.0`; undefined without a driver. */
  readonly driver: string | undefined;
  readonly gpus: readonly Gpu[];
  /** In the order in which to solve them; empty if CUDA can be used. */
  readonly problems: readonly CudaProblem[];
}

/** The system that this process runs on. */
export function thisSystem(): CudaSystem {
  const { version, path } = ortApi();
  return {
    platform: process.platform,
    arch: process.arch,
    version,
    folder: dirname(path),
    open: library => {
      try {
        return koffi.load(library);
      } catch {
        return undefined;
      }
    },
  };
}

/** Checks everything that CUDA needs, without starting anything on a GPU. */
export function findCuda(system: CudaSystem): CudaReport {
  const nothing = { provider: undefined, libraries: [], driver: undefined, gpus: [] };
  const runtime = system.version;
  if (system.platform !== 'linux' || system.arch !== 'x64') {
    const what = `CUDA is supported on Linux x64, this is ${system.platform} ${system.arch}`;
    return { runtime, ...nothing, problems: [{ what, remedy: 'use --device cpu' }] };
  }
  const absent = PROVIDER_FILES.filter(name => !existsSync(join(system.folder, name)));
  if (absent.length > 0) {
    const what = `ONNX Runtime has no CUDA provider (${absent.join(' and ')} in ${system.folder})`;
    return { runtime, ...nothing, problems: [{ what, remedy: 'run `kvasir cuda install`' }] };
  }
  const path = join(system.folder, PROVIDER);
  const provider = { path, version: providerVersion(path) };
  const needs = neededLibraries(path).filter(name => /^lib(cu|nv)/.test(name));
  const libraries = [...needs, CUDNN].map(name => {
    const library = system.open(name);
    const version = library && libraryVersion(name, library);
    return { name, found: library !== undefined, version };
  });
  const driver = system.open('libcuda.so.1');
  const { cuda, gpus, fault } = driver === undefined ? NO_DRIVER : readGpus(driver);
  return {
    runtime,
    provider,
    libraries,
    driver: cuda,
    gpus,
    problems: [
      ...(provider.version === system.version ? [] : [wrongVersion(provider.version, system.version)]),
      ...libraries.filter(({ found }) => !found).map(({ name }) => missing(name)),
      ...(fault === undefined ? [] : [fault]),
    ],
  };
}

const NO_DRIVER = { cuda: undefined, gpus: [], fault: undefined };

function wrongVersion(found: string | undefined, wanted: string): CudaProblem {
  return {
    what: `the CUDA provider is of ONNX Runtime ${found ?? '(no version)'}, but the library beside it of ${wanted}`,
    remedy: 'run `kvasir cuda install`',
  };
}

function missing(name: string): CudaProblem {
  const major = /\.so\.(\d+)$/.exec(name)?.[1];
  const folder = 'or name their folder in LD_LIBRARY_PATH';
  const remedies: Readonly<Record<string, string>> = {
    'libcuda.so.1':
      "install NVIDIA's driver; in a container, start it with the NVIDIA Container Toolkit (--gpus all)",
    [CUDNN]: `install cuDNN ${major}'s libraries, ${folder}`,
  };
  const version = name.startsWith('libcudart') ? ` ${major}` : '';
  return {
    what: `${name} is missing`,
    remedy: remedies[name] ?? `install the libraries of CUDA${version}, ${folder}`,
  };
}

/** Asks a library of CUDA for its version, if it has a function for that. */
function libraryVersion(name: string, library: LibraryHandle): string | undefined {
  try {
    if (name.startsWith('libcudart')) {
      const out: [number] = [0];
      const status = library.func('int cudaRuntimeGetVersion(_Out_ int *version)')(out) as number;
      return status === 0 ? cudaVersion(out[0]) : undefined;
    }
    if (name.startsWith('libcublas.')) {
      const get = library.func('int cublasGetProperty(int property, _Out_ int *value)');
      const parts = [0, 1, 2].map(property => {
        const out: [number] = [0];
        return (get(property, out) as number) === 0 ? out[0] : NaN;
      });
      return parts.some(Number.isNaN) ? undefined : parts.join('.');
    }
    if (name === CUDNN) {
      const version = Number(library.func('size_t cudnnGetVersion()')());
      return `${Math.floor(version / 10_000)}.${Math.floor((version % 10_000) / 100)}.${version % 100}`;
    }
    return undefined;
  } catch {
    return undefined;
  }
}
