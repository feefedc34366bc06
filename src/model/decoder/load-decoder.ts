import { KvasirError } from '#errors.js';
import { buildDecoder, type BuildOptions } from '#graph/build.js';
import type { CacheKind } from '#graph/cache-kind.js';
import { PRECISIONS, type Precision } from '#graph/precision.js';
import {
  CAN_MAP_FILES,
  OrtError,
  PROCESSOR,
  Session,
  type Device,
  type Environment,
  type SessionSettings,
} from '#runtime/index.js';
import { cacheBytesPerToken, layersOf } from '../cache/layer-cache.js';
import { blocksOfFullSlots } from '../cache/paged-capacity.js';
import { isOutOfMemory } from '../open-session.js';
import { finiteDecoder } from '../trial.js';
import { planDecoder, type PlanOptions } from './decoder-plan.js';
import type { Decoder, DecoderShape } from './contract.js';
import { openMixed } from './mixed/open-mixed.js';
import { SlotDecoder } from './slots/slot-decoder.js';
import { BLOCK_SIZE, PagedDecoder } from './paged/paged-decoder.js';
import { loadReadyMade } from './ready-made/load.js';
import { contextOf } from './context-of.js';
import { doesNotFit } from './does-not-fit.js';
import type { RunPath } from '../run-path.js';

/** Steps of so many sequences, at most, are captured as graphs: each takes a few milliseconds to load. */
const CAPTURED_ROWS = 64;

export interface DecoderOptions extends PlanOptions {
  /** Sequences that run at once; at least 1. */
  readonly slots: number;
  /** Longest sequence to serve, in tokens; at most, and by default, the model's own. */
  readonly contextLength?: number | undefined;
  /** Default `slots`. */
  readonly cache?: CacheKind | undefined;
  /**
   * How many bytes the KV cache may take; by default as many as all slots full need. A paged one has them
   * from the start.
   */
  readonly cacheBytes?: number | undefined;
  readonly session?: SessionSettings;
  /** See {@link BuildOptions}. */
  readonly onProgress?: BuildOptions['onProgress'];
  readonly onDamaged?: BuildOptions['onDamaged'];
  /** Told when a graph is there, and what is left to do is done by other threads. */
  readonly onBuilt?: (() => void) | undefined;
}

export interface LoadedDecoder {
  readonly decoder: Decoder;
  readonly path: RunPath;
}

/**
 * Loads the decoder of a model folder: builds the graph of weights in the Hugging Face layout, or takes a
 * ready-made one.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`, `invalid_configuration`, `runtime_failure`,
 * `runtime_unavailable`
 */
export async function loadDecoder(
  environment: Environment,
  folder: string,
  options: DecoderOptions,
): Promise<LoadedDecoder> {
  const device = options.session?.device ?? PROCESSOR;
  checkPrecision(folder, options.precision, device);
  if (options.cache === 'paged' && !device.hasPagedAttention)
    throw new KvasirError(
      'invalid_configuration',
      `${folder}: ${device.name} has no kernel for a paged KV cache, only CUDA has; take the one in slots`,
    );
  const plan = await planDecoder(folder, options);
  const { slots, session } = options;
  if (plan.source === 'weights') {
    const precision = options.precision ?? (device.wantsHalfFloats ? 'f16' : 'f32');
    const { decoder, restriction } = await loadBuilt(environment, folder, { ...options, precision });
    const reason = restriction === undefined ? plan.path.reason : `${plan.path.reason}; ${restriction}`;
    return { decoder: await finiteDecoder(folder, decoder), path: { ...plan.path, precision, reason } };
  }
  if (options.cache === 'paged')
    throw new KvasirError(
      'invalid_configuration',
      `${folder}: a paged KV cache needs a graph that Kvasir writes, and this one is ready-made (${plan.path.reason})`,
    );
  const contextLength = contextOf(folder, plan.found.contextLength, options.contextLength);
  const { decoder, restrictions } = await loadReadyMade(environment, plan.found, {
    slots,
    contextLength,
    session,
  });
  return { decoder, path: { ...plan.path, reason: [plan.path.reason, ...restrictions].join('; ') } };
}

interface BuiltDecoder {
  readonly decoder: Decoder;
  /** What it cannot do, and why. */
  readonly restriction?: string | undefined;
}

async function loadBuilt(
  environment: Environment,
  folder: string,
  options: DecoderOptions,
): Promise<BuiltDecoder> {
  const { slots, contextLength, cache, cacheBytes, session: settings } = options;
  const device = settings?.device ?? PROCESSOR;
  const built = await buildDecoder(folder, { ...options, halfFloats: device.wantsHalfFloats });
  options.onBuilt?.();
  const { graphPath, mixedPath, sizes, cacheType } = built;
  const shape: DecoderShape = {
    layers: layersOf(sizes),
    vocabularySize: sizes.vocabularySize,
    contextLength: contextOf(folder, sizes.contextLength, contextLength),
    cacheType,
  };
  const load: Load = (make, captures = false) =>
    open(environment, graphPath, { ...settings, captures }, make);
  if (cache === 'paged') {
    const blocks = pagedBlocks(shape, slots, cacheBytes);
    return { decoder: await loadPaged(folder, device, load, shape, { slots, blocks }) };
  }
  try {
    if (mixedPath !== undefined && CAN_MAP_FILES && device.isHostMemory)
      return { decoder: await openMixed(environment, graphPath, mixedPath, settings, shape, slots) };
    return await loadSlots(device, load, shape, slots);
  } catch (cause) {
    const size = `${slots} slots of ${shape.contextLength} tokens`;
    throw doesNotFit(folder, device, cause, size, 'fewer slots or a shorter context');
  }
}

/** Loads the graph, and makes a decoder of it. */
type Load = (make: (session: Session) => Decoder, captures?: boolean) => Promise<Decoder>;

async function loadPaged(
  folder: string,
  device: Device,
  load: Load,
  shape: DecoderShape,
  sizes: { readonly slots: number; readonly blocks: number },
): Promise<Decoder> {
  try {
    return await load(session => new PagedDecoder(session, shape, sizes));
  } catch (cause) {
    const size = `${sizes.blocks} blocks of ${BLOCK_SIZE} tokens`;
    throw doesNotFit(folder, device, cause, size, 'a KV cache of less memory');
  }
}

/** With captured steps, where the device can do that and the graph allows it. */
async function loadSlots(
  device: Device,
  load: Load,
  shape: DecoderShape,
  slots: number,
): Promise<BuiltDecoder> {
  let restriction: string | undefined;
  if (device.capturesGraphs)
    try {
      const decoder = await load(
        session => new SlotDecoder(session, shape, slots, { capturedRows: CAPTURED_ROWS }),
        true,
      );
      return { decoder };
    } catch (error) {
      // A graph with a node that must run on the processor, say.
      if (!(error instanceof OrtError) || isOutOfMemory(error)) throw error;
      restriction = `decode steps are not captured as graphs: ${error.message.trim()}`;
    }
  return { decoder: await load(session => new SlotDecoder(session, shape, slots)), restriction };
}

/** A decoder of a session, which goes where it cannot be made. */
async function open(
  environment: Environment,
  graphPath: string,
  settings: SessionSettings | undefined,
  decoder: (session: Session) => Decoder,
): Promise<Decoder> {
  const session = await Session.load(environment, graphPath, settings);
  try {
    return decoder(session);
  } catch (error) {
    session.dispose();
    throw error;
  }
}

/** Blocks of a paged cache: as many as its bytes hold, but none that are of no use. */
function pagedBlocks(shape: DecoderShape, slots: number, bytes = Infinity): number {
  const { contextLength } = shape;
  const enough = blocksOfFullSlots({ slots, blockSize: BLOCK_SIZE, contextLength });
  return Math.min(enough, Math.floor(bytes / (BLOCK_SIZE * cacheBytesPerToken(shape))));
}

/** Refuses numbers that a device's kernels do not have. */
function checkPrecision(
  folder: string,
  precision: DecoderOptions['precision'],
  { name, wantsHalfFloats }: Device,
): void {
  const without: readonly (Precision | undefined)[] = wantsHalfFloats ? ['f32', 'w8a8'] : ['bf16'];
  if (!without.includes(precision)) return;
  const others = PRECISIONS.filter(other => !without.includes(other)).join(', ');
  throw new KvasirError(
    'invalid_configuration',
    `${folder}: ${precision} cannot run on ${name}; take one of ${others}`,
  );
}
