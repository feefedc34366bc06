import koffi, { type LibraryHandle } from 'koffi';
import { KvasirError } from '#errors.js';
import { resolveLibrary } from './library.js';

/** An opaque native address, as koffi hands it out. */
export type Pointer = bigint & { readonly __pointer: unique symbol };
/** An out parameter: the call writes a pointer into it. */
type PointerOut = [Pointer | null];

/**
 * Version of the function table to ask for. The table only ever grows, so an index keeps its meaning in all
 * later versions; 22 is ONNX Runtime 1.22.
 */
const API_VERSION = 22;

/**
 * C signatures by name, with their index in `struct OrtApi` (onnxruntime_c_api.h). ORTCHAR_T is wchar_t on
 * Windows.
 */
const PATH = process.platform === 'win32' ? 'str16' : 'str';
const FUNCTIONS = {
  GetErrorCode: [1, 'int', 'void *status'],
  GetErrorMessage: [2, 'str', 'void *status'],
  CreateEnv: [3, 'void *', 'int logLevel, str logId, _Out_ void **out'],
  CreateSession: [7, 'void *', `void *env, ${PATH} path, void *options, _Out_ void **out`],
  CreateSessionFromArray: [
    8,
    'void *',
    'void *env, void *model, size_t bytes, void *options, _Out_ void **out',
  ],
  CreateSessionOptions: [10, 'void *', '_Out_ void **out'],
  EnableProfiling: [14, 'void *', `void *options, ${PATH} prefix`],
  DisableMemPattern: [17, 'void *', 'void *options'],
  DisableCpuMemArena: [19, 'void *', 'void *options'],
  SetSessionGraphOptimizationLevel: [23, 'void *', 'void *options, int level'],
  SetIntraOpNumThreads: [24, 'void *', 'void *options, int threads'],
  SessionGetInputCount: [30, 'void *', 'void *session, _Out_ size_t *out'],
  SessionGetOutputCount: [31, 'void *', 'void *session, _Out_ size_t *out'],
  SessionGetInputTypeInfo: [33, 'void *', 'void *session, size_t index, _Out_ void **out'],
  SessionGetOutputTypeInfo: [34, 'void *', 'void *session, size_t index, _Out_ void **out'],
  SessionGetInputName: [36, 'void *', 'void *session, size_t index, void *allocator, _Out_ void **out'],
  SessionGetOutputName: [37, 'void *', 'void *session, size_t index, void *allocator, _Out_ void **out'],
  CreateRunOptions: [39, 'void *', '_Out_ void **out'],
  RunOptionsSetTerminate: [46, 'void *', 'void *options'],
  RunOptionsUnsetTerminate: [47, 'void *', 'void *options'],
  CreateTensorWithDataAsOrtValue: [
    49,
    'void *',
    'void *memoryInfo, void *data, size_t bytes, int64_t *shape, size_t rank, int type, _Out_ void **out',
  ],
  GetTensorMutableData: [51, 'void *', 'void *value, _Out_ void **out'],
  CastTypeInfoToTensorInfo: [55, 'void *', 'void *typeInfo, _Out_ void **out'],
  GetTensorElementType: [60, 'void *', 'void *info, _Out_ int *out'],
  GetDimensionsCount: [61, 'void *', 'void *info, _Out_ size_t *out'],
  GetDimensions: [62, 'void *', 'void *info, int64_t *out, size_t count'],
  GetSymbolicDimensions: [63, 'void *', 'void *info, void *out, size_t count'],
  GetTensorTypeAndShape: [65, 'void *', 'void *value, _Out_ void **out'],
  CreateMemoryInfo: [68, 'void *', 'str name, int allocatorType, int id, int memoryType, _Out_ void **out'],
  AllocatorAlloc: [75, 'void *', 'void *allocator, size_t bytes, _Out_ void **out'],
  AllocatorFree: [76, 'void *', 'void *allocator, void *memory'],
  GetAllocatorWithDefaultOptions: [78, 'void *', '_Out_ void **out'],
  ReleaseEnv: [92, 'void', 'void *handle'],
  ReleaseStatus: [93, 'void', 'void *handle'],
  ReleaseMemoryInfo: [94, 'void', 'void *handle'],
  ReleaseSession: [95, 'void', 'void *handle'],
  ReleaseValue: [96, 'void', 'void *handle'],
  ReleaseRunOptions: [97, 'void', 'void *handle'],
  ReleaseTypeInfo: [98, 'void', 'void *handle'],
  ReleaseTensorTypeAndShapeInfo: [99, 'void', 'void *handle'],
  ReleaseSessionOptions: [100, 'void', 'void *handle'],
  AddSessionConfigEntry: [130, 'void *', 'void *options, str key, str value'],
  CreateAllocator: [131, 'void *', 'void *session, void *memoryInfo, _Out_ void **out'],
  ReleaseAllocator: [132, 'void', 'void *handle'],
  RunWithBinding: [133, 'void *', 'void *session, void *runOptions, void *binding'],
  CreateIoBinding: [134, 'void *', 'void *session, _Out_ void **out'],
  ReleaseIoBinding: [135, 'void', 'void *handle'],
  BindInput: [136, 'void *', 'void *binding, str name, void *value'],
  BindOutput: [137, 'void *', 'void *binding, str name, void *value'],
  BindOutputToDevice: [138, 'void *', 'void *binding, str name, void *memoryInfo'],
  GetBoundOutputNames: [
    139,
    'void *',
    'void *binding, void *allocator, _Out_ void **names, _Out_ void **lengths, _Out_ size_t *count',
  ],
  GetBoundOutputValues: [
    140,
    'void *',
    'void *binding, void *allocator, _Out_ void **values, _Out_ size_t *count',
  ],
  AddInitializer: [150, 'void *', 'void *options, str name, void *value'],
  AddRunConfigEntry: [165, 'void *', 'void *options, str key, str value'],
  CreatePrepackedWeightsContainer: [166, 'void *', '_Out_ void **out'],
  ReleasePrepackedWeightsContainer: [167, 'void', 'void *handle'],
  CreateSessionWithPrepackedWeightsContainer: [
    168,
    'void *',
    `void *env, ${PATH} path, void *options, void *container, _Out_ void **out`,
  ],
  SynchronizeBoundInputs: [202, 'void *', 'void *binding'],
  SynchronizeBoundOutputs: [203, 'void *', 'void *binding'],
  SessionOptionsAppendExecutionProvider_CUDA_V2: [204, 'void *', 'void *options, void *cudaOptions'],
  CreateCUDAProviderOptions: [205, 'void *', '_Out_ void **out'],
  UpdateCUDAProviderOptions: [206, 'void *', 'void *cudaOptions, str *keys, str *values, size_t count'],
  ReleaseCUDAProviderOptions: [208, 'void', 'void *handle'],
} as const satisfies Record<string, readonly [number, string, string]>;

/* eslint-disable @typescript-eslint/no-explicit-any -- the C signatures above are the types; each caller narrows its result */
type NativeFunction = ((...args: any[]) => any) & { async: (...args: any[]) => void };
/* eslint-enable @typescript-eslint/no-explicit-any */
export type OrtFunctions = { readonly [name in keyof typeof FUNCTIONS]: NativeFunction };

/** ONNX Runtime's C API, loaded once per process. */
interface OrtApi {
  readonly functions: OrtFunctions;
  /** Version of the library, such as `1.29.0`. */
  readonly version: string;
  /** Path of the loaded library. */
  readonly path: string;
  /** koffi closes a library whose handle is collected, and every function pointer with it. */
  readonly library: LibraryHandle;
}

/**
 * koffi runs a native function on a stack of its own, for asynchronous calls one of 128 KiB without a guard
 * page. Loading and running a model happens there, so it gets what a thread usually has. The pages are
 * touched only as far as they are used. koffi takes its settings only before the first library is loaded.
 */
koffi.config({ async_stack_size: 8 * 2 ** 20 });

/** `GetApi` and `GetVersionString` of `struct OrtApiBase`. A prototype may be declared only once. */
const GET_API = koffi.proto('void *OrtGetApi(uint32_t version)');
const GET_VERSION = koffi.proto('str OrtGetVersionString()');

let loaded: OrtApi | undefined;

/**
 * The C API of the resolved library; loads it on the first call.
 *
 * @throws KvasirError `runtime_unavailable` where the library is absent, does not load, or is too old.
 */
export function ortApi(): OrtApi {
  loaded ??= load(resolveLibrary());
  return loaded;
}

function load(path: string): OrtApi {
  // From 1.29 on, ONNX Runtime reports its use to Microsoft over the network unless it is told not to.
  process.env.ORT_DISABLE_TELEMETRY ??= '1';
  let library: LibraryHandle;
  let getBase: () => Pointer;
  try {
    library = koffi.load(path);
    getBase = library.func('void *OrtGetApiBase()') as () => Pointer;
  } catch (cause) {
    throw new KvasirError('runtime_unavailable', `${path} could not be loaded: ${(cause as Error).message}`, {
      cause,
    });
  }
  // struct OrtApiBase { const OrtApi *(*GetApi)(uint32_t version); const char *(*GetVersionString)(void); }
  const base = koffi.decode(getBase(), koffi.array('void *', 2)) as [Pointer, Pointer];
  const getApi = koffi.decode(base[0], GET_API) as (version: number) => Pointer | null;
  const getVersion = koffi.decode(base[1], GET_VERSION) as () => string;
  const version = getVersion();
  const table = getApi(API_VERSION);
  if (table === null) {
    throw new KvasirError(
      'runtime_unavailable',
      `${path} is ONNX Runtime ${version}; 1.${API_VERSION} or later is needed`,
    );
  }
  const length = 1 + Math.max(...Object.values(FUNCTIONS).map(([index]) => index));
  const addresses = koffi.decode(table, koffi.array('void *', length)) as Pointer[];
  const functions = Object.fromEntries(
    Object.entries(FUNCTIONS).map(([name, [index, result, parameters]]) => [
      name,
      koffi.decode(addresses[index], koffi.proto(`${result} Ort${name}(${parameters})`)) as NativeFunction,
    ]),
  ) as unknown as OrtFunctions;
  return { functions, version, path, library };
}

/** Names of `OrtErrorCode` (onnxruntime_c_api.h), by value. */
const ERROR_CODES = [
  'OK',
  'FAIL',
  'INVALID_ARGUMENT',
  'NO_SUCHFILE',
  'NO_MODEL',
  'ENGINE_ERROR',
  'RUNTIME_EXCEPTION',
  'INVALID_PROTOBUF',
  'MODEL_LOADED',
  'NOT_IMPLEMENTED',
  'INVALID_GRAPH',
  'EP_FAIL',
  'MODEL_LOAD_CANCELED',
  'MODEL_REQUIRES_COMPILATION',
  'NOT_FOUND',
] as const;

/** A failed call of ONNX Runtime: its code, such as `INVALID_ARGUMENT`, and its own text. */
export class OrtError extends KvasirError {
  readonly ortCode: string;

  constructor(ortCode: string, message: string) {
    super('runtime_failure', `ONNX Runtime: ${ortCode}: ${message}`);
    this.ortCode = ortCode;
  }
}

/**
 * Releases a status (`OrtStatus *`, null on success) and throws its error.
 *
 * @throws OrtError where the status is not null.
 */
export function check(status: unknown): void {
  if (status === null) return;
  const { GetErrorCode, GetErrorMessage, ReleaseStatus } = ortApi().functions;
  const code = GetErrorCode(status) as number;
  const message = GetErrorMessage(status) as string;
  ReleaseStatus(status);
  throw new OrtError(ERROR_CODES[code] ?? `code ${code}`, message);
}

/** Calls a function whose last parameter is a pointer to write, and returns what it wrote. */
export function create(name: keyof OrtFunctions, ...args: unknown[]): Pointer {
  const out: PointerOut = [null];
  check(ortApi().functions[name](...args, out));
  return out[0] as Pointer;
}
