import type { Pointer } from './api.js';
import { CPU, type Location } from './memory.js';

/** A device that sessions run on. */
export interface Device {
  /** The name in settings: `cpu`, `cuda:0`. */
  readonly name: string;
  /** Memory for what stays between runs, such as a KV cache. */
  readonly location: Location;
  /**
   * Memory of the processor that the device copies to without a detour; undefined if all of it is equally
   * good.
   */
  readonly staging: Location | undefined;
  /** True if the processor can read and write the device's memory directly. */
  readonly isHostMemory: boolean;
  /** True if attention with a cache needs 16-bit floats. */
  readonly wantsHalfFloats: boolean;
  /** True if there is a kernel for attention with a paged cache. */
  readonly hasPagedAttention: boolean;
  /** True if runs can be captured as graphs that the device starts as a whole. */
  readonly capturesGraphs: boolean;
  /**
   * Makes a session's operators run here.
   *
   * @param options an `OrtSessionOptions`
   * @param captures whether its runs are captured, by the graph's number that their options name.
   * @throws OrtError where the device, or what drives it, cannot be used
   */
  addTo(options: Pointer, captures: boolean): void;
}

/** The processor, which ONNX Runtime always has. */
export const PROCESSOR: Device = {
  name: 'cpu',
  location: CPU,
  staging: undefined,
  isHostMemory: true,
  wantsHalfFloats: false,
  hasPagedAttention: false,
  capturesGraphs: false,
  addTo: () => undefined,
};
