import type { Pointer } from './api.js';
import { CPU, type Location } from './memory.js';

/** What sessions run on. */
export interface Device {
  /** As settings call it: `cpu`, `cuda:0`. */
  readonly name: string;
  /** Where what stays between runs is kept, such as a KV cache. */
  readonly location: Location;
  /** Memory of the processor that the device copies to without a detour; undefined: any is as good. */
  readonly staging: Location | undefined;
  /** Whether the processor can read and write there by itself. */
  readonly isHostMemory: boolean;
  /** Whether attention with a cache wants 16-bit floats. */
  readonly wantsHalfFloats: boolean;
  /** Whether there is a kernel for attention with a paged cache. */
  readonly hasPagedAttention: boolean;
  /** Whether runs can be captured as graphs that are started as a whole. */
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
