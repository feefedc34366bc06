/** ONNX Runtime through its C API: typed, disposable handles. Nothing here knows of models or requests. */
export { OrtError } from './api.js';
export { elementSize, viewOf, type ElementType, type TensorData } from './element-type.js';
export { CudaDevice, openCuda, type CudaOptions } from './cuda/device.js';
export { CUDA_PROVIDER, installProvider } from './cuda/install.js';
export { findCuda, thisSystem, type CudaReport } from './cuda/report.js';
export { PROCESSOR, type Device } from './device.js';
export { DisposeStack } from './dispose-stack.js';
export { Environment, type RuntimeLogLevel } from './environment.js';
export { IoBinding } from './io-binding.js';
export { libraryFolder, resolveLibrary } from './library.js';
export {
  Allocator,
  CPU,
  cpuMemoryInfo,
  DeviceMemory,
  memoryInfo,
  MemoryInfo,
  type Location,
} from './memory.js';
export { OutputFloats } from './output-floats.js';
export { CAN_DISCARD_PAGES } from './page-advice.js';
export { DEVICE_PATTERN, openDevice } from './open-device.js';
export { RunOptions } from './run-options.js';
export { CAN_MAP_FILES } from './mapped-file.js';
export { Session } from './session.js';
export { SharedWeights, type StoredWeight } from './shared-weights.js';
export { type SessionSettings } from './session-options.js';
export { Tensor } from './tensor.js';
export { type TensorInfo } from './type-info.js';
