import { KvasirError } from '#errors.js';
import { openCuda, type CudaOptions } from './cuda/device.js';
import { findCuda, thisSystem, type CudaReport } from './cuda/report.js';
import { PROCESSOR, type Device } from './device.js';

/** Pattern of device names; see {@link openDevice}. */
export const DEVICE_PATTERN = '^(cpu|auto|cuda(:[0-9]{1,3})?)$';

/**
 * Opens a device for sessions to run on.
 *
 * @param name `cpu`; `cuda`, which is `cuda:0`, or another GPU's number; `auto`: the first GPU where there is
 * one, else the processor.
 * @param onFallback told why `auto` is the processor.
 * @throws KvasirError `runtime_unavailable` where the device cannot be used, with what is missing and how to
 * get it
 */
export function openDevice(
  name: string,
  options: Omit<CudaOptions, 'id'>,
  onFallback: (reason: string) => void,
  look: () => CudaReport = () => findCuda(thisSystem()),
): Device {
  if (name === 'cpu') return PROCESSOR;
  const id = Number(name.split(':')[1] ?? 0);
  try {
    return openCuda({ ...options, id }, look());
  } catch (error) {
    if (name !== 'auto' || !(error instanceof KvasirError)) throw error;
    onFallback(error.message);
    return PROCESSOR;
  }
}
