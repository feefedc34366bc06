/**
 * Part of `bench/cuda.ts`: what happens where a GPU's memory does not suffice, and that the process goes on afterwards. Also how fast the
 * GPU copies within its memory, which bounds every decode step.
 *
 * Arguments: device, folder of a model. Prints JSON.
 */
import { DataType } from '#graph/onnx/graph-builder.js';
import { openCopies } from '#model/cache/copies.js';
import { loadDecoder, type DecoderOptions } from '#model/decoder/load-decoder.js';
import {
  Allocator,
  Environment,
  IoBinding,
  memoryInfo,
  openDevice,
  RunOptions,
  Tensor,
} from '#runtime/index.js';
import { median } from '../support/statistics.js';
import { prefill } from '#test/support/run-decoder.js';

export interface MemoryFigures {
  /** Bytes read and written in a second. */
  readonly bandwidth: number;
  /** What is said, by what there was too little memory for. */
  readonly refusals: readonly { readonly what: string; readonly message: string }[];
  /** Whether a model was loaded and run in the same process after that. */
  readonly goesOn: boolean;
}

const COPIED = 2 ** 30;

const [deviceName, folder] = process.argv.slice(2) as [string, string];
const environment = new Environment({ logLevel: 'fatal' });
const device = openDevice(deviceName, {}, () => undefined);

function copyBandwidth(): number {
  using session = openCopies({ environment, device }, [DataType.FLOAT]);
  using allocator = new Allocator(session, memoryInfo(device.location));
  using source = allocator.allocate(COPIED);
  using target = allocator.allocate(COPIED);
  using fromTensor = Tensor.overMemory(source, 0, [COPIED / 4], 'float32');
  using toTensor = Tensor.overMemory(target, 0, [COPIED / 4], 'float32');
  using binding = new IoBinding(session).bindInput('from.0', fromTensor).bindOutput('to.0', toTensor);
  using options = new RunOptions();
  const times: number[] = [];
  for (let run = 0; run < 30; run++) {
    const started = performance.now();
    session.runNow(binding, options);
    times.push(performance.now() - started);
  }
  return (2 * COPIED * 1000) / median(times.slice(5));
}

async function load(options: Partial<DecoderOptions>): Promise<void> {
  const settings = {
    slots: 2,
    contextLength: 1024,
    precision: 'f16' as const,
    session: { device },
    ...options,
  };
  const { decoder } = await loadDecoder(environment, folder, settings);
  try {
    await prefill(decoder, 0, [5, 6, 7], 0, 'last');
  } finally {
    decoder.dispose();
  }
}

const bandwidth = copyBandwidth();
const small = { device: openDevice(deviceName, { memoryLimit: 2 ** 30 }, () => undefined) };
const cases: readonly (readonly [string, Partial<DecoderOptions>])[] = [
  ['weights, with 1 GiB allowed', { session: small }],
  ['a cache of 256 slots of 131072 tokens', { slots: 256, contextLength: 131_072 }],
  ['a paged cache of as many', { slots: 256, contextLength: 131_072, cache: 'paged' }],
];
const refusals: { what: string; message: string }[] = [];
for (const [what, options] of cases) {
  const message = await load(options).then(
    () => 'none: it was enough',
    (error: Error) => `${error.name} ${(error as { code?: string }).code}: ${error.message}`,
  );
  refusals.push({ what, message });
}
const goesOn = await load({}).then(
  () => true,
  () => false,
);
console.log(JSON.stringify({ bandwidth, refusals, goesOn } satisfies MemoryFigures));
