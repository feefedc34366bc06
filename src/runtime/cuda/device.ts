import { KvasirError } from '#errors.js';
import { check, create, ortApi, type Pointer } from '../api.js';
import type { Device } from '../device.js';
import { Handle } from '../handle.js';
import type { Location } from '../memory.js';
import { findCuda, thisSystem, type CudaReport } from './report.js';

export interface CudaOptions {
  /** The GPU's number in CUDA's order. */
  readonly id: number;
  /** Most bytes that ONNX Runtime may take of its memory, weights and KV caches included; undefined: all. */
  readonly memoryLimit?: number | undefined;
  /** Round products of 32-bit floats to TF32's 10 bits; default false. */
  readonly tf32?: boolean | undefined;
  /** Capture decode steps of few sequences as CUDA graphs; default true. */
  readonly graphs?: boolean | undefined;
}

/**
 * Opens an NVIDIA GPU through ONNX Runtime's CUDA execution provider.
 *
 * @throws KvasirError `runtime_unavailable` with what is missing and how to get it
 */
export function openCuda(options: CudaOptions, report: CudaReport = findCuda(thisSystem())): Device {
  const [problem] = report.problems;
  if (problem !== undefined)
    throw new KvasirError('runtime_unavailable', `${problem.what}: ${problem.remedy}`);
  if (!report.gpus.some(({ id }) => id === options.id)) {
    const known = report.gpus.map(({ id, name }) => `${id} (${name})`).join(', ');
    throw new KvasirError('runtime_unavailable', `there is no GPU ${options.id}; there are: ${known}`);
  }
  return new CudaDevice(options);
}

export class CudaDevice implements Device {
  readonly name: string;
  readonly location: Location;
  readonly staging: Location;
  readonly isHostMemory = false;
  readonly wantsHalfFloats = true;
  readonly hasPagedAttention = true;
  readonly capturesGraphs: boolean;
  readonly #options: CudaOptions;

  constructor(options: CudaOptions) {
    this.name = `cuda:${options.id}`;
    this.location = { name: 'Cuda', id: options.id };
    this.staging = { name: 'CudaPinned', id: options.id };
    this.capturesGraphs = options.graphs ?? true;
    this.#options = options;
  }

  addTo(options: Pointer, captures: boolean): void {
    using provider = new ProviderOptions(providerOptions(this.#options, captures));
    check(ortApi().functions.SessionOptionsAppendExecutionProvider_CUDA_V2(options, provider.pointer));
  }
}

/** `OrtCUDAProviderOptionsV2` */
class ProviderOptions extends Handle {
  constructor(options: Readonly<Record<string, string>>) {
    super(create('CreateCUDAProviderOptions'), 'ReleaseCUDAProviderOptions');
    // All at once: each call sets what it does not name to its default.
    const keys = Object.keys(options);
    try {
      check(
        ortApi().functions.UpdateCUDAProviderOptions(this.pointer, keys, Object.values(options), keys.length),
      );
    } catch (error) {
      this.dispose();
      throw error;
    }
  }
}

/** Options of the provider (https://onnxruntime.ai/docs/execution-providers/CUDA-ExecutionProvider.html). */
export function providerOptions(
  { id, memoryLimit, tf32 = false }: CudaOptions,
  captures: boolean,
): Record<string, string> {
  return {
    device_id: String(id),
    ...(memoryLimit !== undefined && { gpu_mem_limit: String(memoryLimit) }),
    // Caches are large and come once: to double the arena for them would waste half of it.
    arena_extend_strategy: 'kSameAsRequested',
    do_copy_in_default_stream: '1',
    enable_cuda_graph: captures ? '1' : '0',
    use_tf32: tf32 ? '1' : '0',
    // Flash, memory-efficient and plain attention. Left to itself, ONNX Runtime takes cuDNN's on Hopper,
    // which builds a plan for each length of a prompt: 65 ms, where flash attention has run 2,000 tokens
    // after 12.
    sdpa_kernel: String(1 | 2 | 16),
  };
}
