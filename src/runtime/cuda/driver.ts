import type { LibraryHandle } from 'koffi';
import type { CudaProblem } from './problem.js';

/** A GPU, as the driver describes it. */
export interface Gpu {
  readonly id: number;
  readonly name: string;
  /** Bytes. */
  readonly memory: number;
  /** Such as `9.0`. */
  readonly computeCapability: string;
}

/** The driver's CUDA version and GPUs. */
interface DriverReport {
  /** The newest CUDA that the driver supports, such as `13.0`; undefined if unknown. */
  readonly cuda: string | undefined;
  readonly gpus: readonly Gpu[];
  readonly fault: CudaProblem | undefined;
}

/** CUDA of the provider that `kvasir cuda install` fetches. */
const OLDEST_CUDA = 13_000;

/** `CUDA_ERROR_NO_DEVICE` of cuda.h. */
const NO_DEVICE = 100;
/** `CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR` and `_MINOR` */
const CAPABILITY = [75, 76] as const;

/** Asks the driver's library (libcuda.so.1) for its version and its GPUs. */
export function readGpus(library: LibraryHandle): DriverReport {
  const call = (signature: string, ...args: unknown[]): number => library.func(signature)(...args) as number;
  const number = (signature: string, ...args: unknown[]): number => {
    const out: [number] = [0];
    const status = call(signature, out, ...args);
    if (status !== 0) throw new DriverError(status);
    return Number(out[0]);
  };
  try {
    const started = call('int cuInit(unsigned int flags)', 0);
    if (started !== 0) throw new DriverError(started);
    const version = number('int cuDriverGetVersion(_Out_ int *version)');
    const cuda = cudaVersion(version);
    const count = number('int cuDeviceGetCount(_Out_ int *count)');
    const gpus = Array.from({ length: count }, (_, id): Gpu => {
      const device = number('int cuDeviceGet(_Out_ int *device, int id)', id);
      const name = Buffer.alloc(256);
      call('int cuDeviceGetName(void *name, int length, int device)', name, name.length, device);
      const attribute = 'int cuDeviceGetAttribute(_Out_ int *value, int attribute, int device)';
      return {
        id,
        name: name.toString('utf8', 0, name.indexOf(0)),
        memory: number('int cuDeviceTotalMem_v2(_Out_ size_t *bytes, int device)', device),
        computeCapability: CAPABILITY.map(kind => number(attribute, kind, device)).join('.'),
      };
    });
    const fault = count === 0 ? noDevice(NO_DEVICE) : version < OLDEST_CUDA ? oldDriver(cuda) : undefined;
    return { cuda, gpus, fault };
  } catch (error) {
    const fault = error instanceof DriverError ? noDevice(error.status) : noDriver((error as Error).message);
    return { cuda: undefined, gpus: [], fault };
  }
}

class DriverError extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`the CUDA driver answers with ${status}`);
    this.status = status;
  }
}

/** For a library of that name without the functions, as build machines have. */
function noDriver(reason: string): CudaProblem {
  return { what: `libcuda.so.1 is no driver (${reason})`, remedy: "install NVIDIA's driver" };
}

function noDevice(status: number): CudaProblem {
  return {
    what: status === NO_DEVICE ? 'the driver finds no GPU' : `the driver does not start (CUresult ${status})`,
    remedy: 'see what nvidia-smi says; CUDA_VISIBLE_DEVICES may hide GPUs',
  };
}

function oldDriver(cuda: string): CudaProblem {
  return {
    what: `the driver serves CUDA ${cuda}, the provider needs ${OLDEST_CUDA / 1000}.0 or later`,
    remedy: "update NVIDIA's driver",
  };
}

/** Formats a version number of CUDA: 13020 is 13.2. */
export function cudaVersion(number: number): string {
  return `${Math.floor(number / 1000)}.${Math.floor((number % 1000) / 10)}`;
}
