import { Type, type Static } from 'typebox';
import { DEFAULT_ENGINE_OPTIONS } from '#engine/engine-options.js';
import { CACHE_KINDS } from '#graph/cache-kind.js';
import { PRECISIONS } from '#graph/precision.js';
import { GENERATION_CONFIG_USES } from '#model/sampling-config.js';
import { WEIGHTS_FORMATS } from '#model/weights-format.js';
import { DEVICE_PATTERN } from '#runtime/open-device.js';
import { bytes, choice, flag, integer, measure, patterned, text, texts } from './setting.js';

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

const PROXY = '(?:[0-9a-fA-F]*[.:][0-9a-fA-F.:]*(?:/[0-9]{1,3})?|loopback|linklocal|uniquelocal)';

/** A number of hops, or addresses, networks and names of ranges; `trustedProxies` reads them. */
const PROXIES = `^(?:[0-9]{1,2}|${PROXY}(?:\\s*,\\s*${PROXY})*)$`;

const DAY = 24 * 60 * 60;

/** Settings of the server as a whole. */
const serverSettings = {
  host: text({ description: 'address to listen on', unit: 'address', default: '127.0.0.1' }),
  port: integer(0, 65535, { description: 'port to listen on; 0 takes a free one', default: 8080 }),
  log_level: choice(LOG_LEVELS, {
    description: 'least severe log lines on standard error',
    default: 'info',
  }),
  api_keys: Type.Optional(
    texts({
      description: 'API keys: a request must have one of them as bearer token; without any, all are allowed',
      unit: 'keys',
      otherwise: 'none',
      secret: true,
    }),
  ),
  api_key_file: Type.Optional(
    text({
      description: 'file with further keys, one a line, as they are or as sha256:HEX',
      unit: 'file',
    }),
  ),
  rate_limit: integer(0, 1e9, {
    description: 'requests per minute of one key, or of one address if there are no keys; 0: no limit',
    default: 0,
  }),
  wrong_key_limit: integer(0, 1e9, {
    description:
      'wrong API keys per minute of one address, and no more than rate_limit; above, only keys that it has used before work; 0: no limit',
    default: 60,
  }),
  guard_public: flag({
    description: 'require an API key for /metrics, /docs, /openapi.*, /version and /health/ready as well',
    default: false,
  }),
  trust_proxy: Type.Optional(
    patterned(PROXIES, {
      description:
        "take a client's address from x-forwarded-for as far as proxies have written it: how many there are in a row, where nobody else reaches the port, or their addresses, networks, or loopback, linklocal, uniquelocal",
      unit: 'hops|addresses',
      otherwise: 'nobody is believed',
    }),
  ),
  allowed_hosts: Type.Optional(
    texts({
      description:
        'host names, beside localhost, that a server without API keys answers to on a loopback address, separated by commas; *: all',
      unit: 'names',
      otherwise: 'none',
    }),
  ),
  cors_origins: Type.Optional(
    texts({
      description: 'origins whose pages may call the server, separated by commas; *: all',
      unit: 'origins',
      otherwise: 'none',
    }),
  ),
  playground: flag({ description: 'serve a page to try the models with, at /', default: true }),
  body_limit: bytes({ description: 'largest request body', default: 4 * 2 ** 20 }),
  texts_limit: Type.Optional(
    bytes({
      description: 'largest request body for encoders, which take many texts or pictures at once',
      otherwise: 'twice body_limit',
    }),
  ),
  image_hosts: Type.Optional(
    texts({
      description:
        'hosts that pictures are read from where a request has an http(s) address, such as images.example.com, *.example.com or example.com:8443, separated by commas; addresses of private networks are never read',
      unit: 'hosts',
      otherwise: 'none',
    }),
  ),
  max_images: integer(1, 4096, { description: 'pictures of one request', default: 128 }),
  max_image_bytes: bytes({ description: 'largest file of a picture', default: 16 * 2 ** 20 }),
  max_image_pixels: integer(1, 1e9, {
    description: 'most pixels of a picture, which take 3 bytes each while it is read',
    default: 32_000_000,
  }),
  audio_limit: bytes({ description: 'largest recording', default: 25 * 2 ** 20 }),
  max_audio_seconds: measure(1, 7 * DAY, {
    description: 'longest recording',
    unit: 'seconds',
    default: 4 * 60 * 60,
  }),
  audio_memory: bytes({
    description:
      'memory for all recordings that are transcribed, half of it for one client; more are refused with 503',
    default: 2 ** 31,
  }),
  body_memory: bytes({
    description:
      'memory for all request bodies above 64k under way, half of it for one client; more are refused with 503',
    default: 256 * 2 ** 20,
  }),
  max_connections: integer(1, 1e6, { description: 'connections at once', default: 4096 }),
  max_connections_per_address: integer(1, 1e6, {
    description: 'connections at once from one address that is no trusted proxy',
    default: 1024,
  }),
  receive_timeout: measure(1, DAY, {
    description: 'longest time for a request to arrive whole',
    unit: 'seconds',
    default: 120,
  }),
  write_timeout: measure(0, DAY, {
    description: 'how long a client may not read any of its answer before it is cut off; 0: no limit',
    unit: 'seconds',
    default: 60,
  }),
  request_timeout: measure(0, DAY, {
    description: 'longest time until a request is answered; x-request-timeout asks for less; 0: no limit',
    unit: 'seconds',
    default: 0,
  }),
  drain_timeout: measure(0, DAY, {
    description: 'how long running requests may continue after SIGTERM',
    unit: 'seconds',
    default: 25,
  }),
  run_timeout: measure(1, DAY, {
    description: 'how long a model may make no progress before /health/live turns false',
    unit: 'seconds',
    default: 120,
  }),
};

/** Settings of each model. The server's values apply to models without their own. */
const modelSettings = {
  load: choice(['start', 'demand'], {
    description: 'load models at the start, or each at its first request',
    default: 'start',
  }),
  idle_unload: measure(0, 10_080, {
    description: 'unload a model after this long without requests; 0: never',
    unit: 'minutes',
    default: 0,
  }),
  slots: integer(1, 4096, { description: 'sequences that a model generates at once', default: 16 }),
  context_length: Type.Optional(
    integer(2, 2 ** 31, {
      description: 'longest sequence',
      unit: 'tokens',
      otherwise: "the model's own",
    }),
  ),
  max_tokens: Type.Optional(
    integer(1, 2 ** 31, {
      description: 'most tokens to generate for one sequence, whatever a request asks for',
      unit: 'tokens',
      otherwise: 'as many as fit',
    }),
  ),
  auto_truncate: flag({
    description: 'cut inputs of encoders that are too long, unless a request says otherwise',
    default: false,
  }),
  generation_config: choice(GENERATION_CONFIG_USES, {
    description:
      "whether a generator's generation_config.json says how tokens are drawn where a request does not (temperature, top_k, top_p, min_p, repetition_penalty, max_new_tokens)",
    default: 'auto',
  }),
  max_waiting: integer(0, 1e6, { description: 'requests that may wait for a slot', default: 1024 }),
  kv_cache_memory: Type.Optional(
    bytes({
      description: 'most memory for the KV cache of a model, such as 2g',
      otherwise: 'all slots full, as far as the memory allows',
    }),
  ),
  kv_cache: choice(CACHE_KINDS, {
    description:
      'how the KV cache is laid out: a slot for each sequence, or pages that sequences share, on CUDA only',
    default: 'slots',
  }),
  subfolder: Type.Optional(
    text({
      description: 'subfolder of the model to use instead of its root',
      unit: 'folder',
    }),
  ),
  format: Type.Optional(
    choice(WEIGHTS_FORMATS, {
      description: 'format of the weights, for a model that has both',
      otherwise: 'safetensors (or files of PyTorch) if a graph can be built from them, else onnx',
    }),
  ),
  precision: Type.Optional(
    choice(PRECISIONS, {
      description: 'number format of the weights',
      otherwise: 'f32; the most exact of ready-made graphs',
    }),
  ),
  device: patterned(DEVICE_PATTERN, {
    description: 'device for generators; auto: an NVIDIA GPU if there is one. Encoders run on the processor',
    unit: 'cpu|cuda|cuda:N|auto',
    default: 'cpu',
  }),
  gpu_memory: Type.Optional(
    bytes({
      description: 'most GPU memory for a model, KV cache included, such as 16g',
      otherwise: 'all',
    }),
  ),
  tf32: flag({ description: "round products of 32-bit floats to TF32's precision on a GPU", default: false }),
  cuda_graphs: flag({
    description: 'capture decode steps of up to 64 sequences as CUDA graphs, which a GPU starts by itself',
    default: true,
  }),
  prefix_reuse: flag({
    description: 'reuse the beginnings of prompts that are in the cache',
    default: true,
  }),
  stall: Type.Number({
    exclusiveMinimum: 0,
    maximum: 1000,
    description:
      'how much prompts hold up running texts: their part of a step, of 512 tokens; where they have runs of their own, the time that a decode step gives to each, as a share of its own',
    unit: 'share',
    default: DEFAULT_ENGINE_OPTIONS.prefillShare,
  }),
  draft_tokens: integer(0, 64, {
    description: 'longest draft of speculative decoding by prompt lookup; 0: off',
    unit: 'tokens',
    default: 0,
  }),
  voice_detector: Type.Optional(
    text({
      description:
        'folder with a Silero voice activity detector (silero_vad*.onnx), for recordings that are to be cut at silence',
      unit: 'folder',
      otherwise: "the model's own; without one, recordings are cut where they are quiet",
    }),
  ),
  output_memory: bytes({
    description: 'outputs of one call of a raw graph; larger ones are refused',
    default: 64 * 2 ** 20,
  }),
  tensor_timeout: measure(0.001, DAY, {
    description: 'longest run of a raw graph; one that takes longer is ended',
    unit: 'seconds',
    default: 60,
  }),
  threads: integer(0, 1024, { description: 'threads of one model; 0: one per core', default: 0 }),
};

/** A model in the file. */
export const MODEL_SETTINGS = Type.Partial(
  Type.Object({
    folder: text({
      description: "the model's folder or GGUF file, seen from the file's folder, or ollama:NAME:TAG",
      unit: 'folder',
    }),
    name: text({ description: 'the name that requests use', otherwise: "the folder's" }),
    aliases: texts({ description: 'other names for it', otherwise: 'none' }),
    ...modelSettings,
  }),
);

/** Settings of all kinds. Those that have no default are optional. */
export const SETTINGS = Type.Object({
  models: Type.Optional(
    Type.Array(Type.Unsafe<string | ModelSettings>({}), {
      description:
        'model folders or GGUF files, or NAME=FOLDER; in a file also settings of a model of its own',
      otherwise: 'the models that come with Kvasir',
    }),
  ),
  ...serverSettings,
  ...modelSettings,
});

/** Settings of one model in a file. */
export type ModelSettings = Static<typeof MODEL_SETTINGS>;

/** All settings, defaults filled in. */
export type Settings = Static<typeof SETTINGS>;
