import path from 'node:path';
import { KvasirError } from '#errors.js';
import { OrtError, type Environment, type SessionSettings } from '#runtime/index.js';
import type { Decoder, DecoderShape } from '../contract.js';
import { CautiousDecoder, type Restrictions } from './cautious-decoder.js';
import { DecoderGraph } from './decoder-graph.js';
import type { ReadyMadeDecoder, ReadyMadeGraph } from './find-graphs.js';
import { GrowingDecoder } from './growing-decoder.js';
import { InPlaceDecoder } from './in-place-decoder.js';
import { findRestrictions } from './trial.js';
import { graphRefused, openSession } from '../../open-session.js';
import { storedPrecision, type RunPath } from '../../run-path.js';
import { requireFiniteLogits } from '../../trial.js';

/** How far apart logits may be because of rounding alone, as a share of the largest. */
export const TOLERANCES = { float32: 2e-3, float16: 2e-2 };

export interface ReadyMadeOptions {
  readonly slots: number;
  /** Positions of a slot. */
  readonly contextLength: number;
  readonly session?: SessionSettings | undefined;
}

/**
 * Loads a ready-made decoder and finds out by a trial what it can do.
 *
 * @returns with what it cannot do, for people.
 * @throws KvasirError `invalid_model`, `unsupported_model`, `runtime_failure`, `runtime_unavailable`
 */
export async function loadReadyMade(
  environment: Environment,
  found: ReadyMadeDecoder,
  { slots, contextLength, session: settings }: ReadyMadeOptions,
): Promise<{ decoder: Decoder; restrictions: readonly string[] }> {
  const { file, ports } = found.graphs.at(-1)!;
  if (settings?.device?.wantsHalfFloats && isInPlace(found.graphs) && ports.cacheType === 'float32')
    throw new KvasirError(
      'unsupported_model',
      `${file.path} has a cache of 32-bit floats, which cannot run on ${settings.device.name}: take an export in 16-bit floats`,
    );
  const keys = ports.caches.filter((_, index) => index % 2 === 0);
  const shape: DecoderShape = {
    layers: keys.map(({ heads, headSize }) => ({ kind: 'attention', kvHeads: heads, headSize })),
    vocabularySize: found.vocabularySize,
    contextLength,
  };
  const decoder = await openDecoder(environment, found, shape, slots, settings);
  try {
    await requireFiniteLogits(path.basename(file.path), decoder);
    const restrictions = await findRestrictions(decoder, TOLERANCES[ports.cacheType]);
    const restricted = restrictions.noChunks || restrictions.noBatches;
    return {
      decoder: restricted ? new CautiousDecoder(decoder, restrictions) : decoder,
      restrictions: explain(restrictions),
    };
  } catch (error) {
    decoder.dispose();
    throw refused(error, found.graphs.at(-1)!.file.path);
  }
}

async function openDecoder(
  environment: Environment,
  { graphs, vocabularySize }: ReadyMadeDecoder,
  shape: DecoderShape,
  slots: number,
  settings: SessionSettings | undefined,
): Promise<Decoder> {
  const loaded: DecoderGraph[] = [];
  try {
    for (const { file, ports } of graphs) {
      const session = await openSession(environment, file.path, settings);
      loaded.push(new DecoderGraph(session, ports, vocabularySize));
    }
    const [first, next = first] = loaded as [DecoderGraph, DecoderGraph?];
    return isInPlace(graphs)
      ? new InPlaceDecoder(first, shape, slots)
      : new GrowingDecoder({ first, next }, shape, slots);
  } catch (error) {
    for (const { session } of loaded) session.dispose();
    throw error;
  }
}

/** A graph that ONNX Runtime does not take is a fault of the model, not of the server. */
export function refused(error: unknown, file: string): unknown {
  if (error instanceof OrtError) {
    const { code, message } = graphRefused(error, file);
    return new KvasirError(code === 'runtime_failure' ? 'invalid_model' : code, message, { cause: error });
  }
  if (error instanceof KvasirError)
    return new KvasirError(error.code, `${file}: ${error.message}`, { cause: error });
  return error;
}

/**
 * Whether the cache can be filled in place: one graph, all of whose cache goes through GroupQueryAttention.
 */
export function isInPlace(graphs: readonly ReadyMadeGraph[]): boolean {
  const [graph, ...others] = graphs;
  return (
    others.length === 0 && graph !== undefined && graph.ports.inPlace && graph.ports.cacheBranch === undefined
  );
}

/** Which path a decoder takes, as far as reading its graphs tells. */
export function describePath({ origin, graphs }: ReadyMadeDecoder): RunPath {
  const names = graphs.map(({ file }) => path.basename(file.path)).join(' and ');
  const inPlace = isInPlace(graphs);
  const cache = inPlace
    ? 'GroupQueryAttention fills its cache in place'
    : 'its cache is copied at every step, since not all of it goes through GroupQueryAttention';
  return {
    kind: inPlace ? 'in-place' : 'growing',
    precision: storedPrecision(graphs.at(-1)!.file),
    reason: `${names}, exported for ${origin}: ${cache}`,
  };
}

/** Restrictions for people. */
function explain({ noBatches, noChunks }: Restrictions): string[] {
  return [
    ...(noBatches ? ['sequences run one after the other, since together they come out differently'] : []),
    ...(noChunks ? ['prompts run as a whole, since in pieces they come out differently'] : []),
  ];
}
