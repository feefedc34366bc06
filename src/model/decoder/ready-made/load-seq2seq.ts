import path from 'node:path';
import { DisposeStack, type Environment } from '#runtime/index.js';
import { openSession } from '../../open-session.js';
import { requireFiniteLogits } from '../../trial.js';
import type { Decoder, DecoderShape, SourceTraits } from '../contract.js';
import { seq2seqLayers } from '../seq2seq/seq2seq-lengths.js';
import type { Restrictions } from './cautious-decoder.js';
import { DecoderGraph } from './decoder-graph.js';
import type { ReadyMadeSeq2Seq } from './find-seq2seq.js';
import { refused, TOLERANCES, type ReadyMadeOptions } from './load.js';
import { SourcedDecoder } from './sourced-decoder.js';
import { SourceEncoder } from './source-encoder.js';
import { findRestrictions } from './trial.js';

/** Quantizes all numbers that it is given by one scale, so that a row's depend on the others. */
const COMMON_SCALE = 'DynamicQuantizeLinear';

/**
 * Loads a ready-made encoder-decoder and finds out by a trial what it can do.
 *
 * @param source with `contextLength`, what is served.
 * @returns with what texts can share, for people.
 * @throws KvasirError `invalid_model`, `unsupported_model`, `runtime_failure`, `runtime_unavailable`
 */
export async function loadReadyMadeSeq2Seq(
  environment: Environment,
  found: ReadyMadeSeq2Seq,
  source: SourceTraits,
  options: ReadyMadeOptions,
): Promise<{ decoder: Decoder; sharing: readonly string[] }> {
  const { encoder, next, sizes } = found;
  const { cacheType } = next.ports;
  const shape: DecoderShape = {
    layers: seq2seqLayers(sizes, sizes.headSize),
    vocabularySize: sizes.vocabularySize,
    contextLength: options.contextLength,
    cacheType,
  };
  const decoder = await open(environment, found, shape, source, options);
  try {
    await requireFiniteLogits(path.basename(next.file.path), decoder);
    const tried = await findRestrictions(decoder, TOLERANCES[cacheType]);
    const sharesScales = found.files.some(({ nodes }) => nodes.some(({ opType }) => opType === COMMON_SCALE));
    const restrictions: Restrictions = {
      noChunks: tried.noChunks || sharesScales,
      noBatches: tried.noBatches || sharesScales,
    };
    decoder.restrict(restrictions);
    return { decoder, sharing: explain(restrictions) };
  } catch (error) {
    decoder.dispose();
    throw refused(error, path.dirname(encoder.file.path));
  }
}

async function open(
  environment: Environment,
  { encoder, first, next, sizes }: ReadyMadeSeq2Seq,
  shape: DecoderShape,
  source: SourceTraits,
  { slots, session: settings }: ReadyMadeOptions,
): Promise<SourcedDecoder> {
  const opened = new DisposeStack();
  const load = async ({ path: file }: { readonly path: string }) =>
    opened.use(await openSession(environment, file, settings));
  try {
    const reader = new SourceEncoder(await load(encoder.file), encoder.ports, source);
    const graphOf = async ({ file, ports }: typeof first): Promise<DecoderGraph> =>
      new DecoderGraph(await load(file), ports, sizes.vocabularySize);
    const begin = await graphOf(first);
    const graphs = { first: begin, next: next === first ? begin : await graphOf(next) };
    return new SourcedDecoder(reader, graphs, shape, slots, source);
  } catch (error) {
    opened.dispose();
    throw error;
  }
}

/** What shares a run, for people. */
function explain({ noBatches, noChunks }: Restrictions): string[] {
  return [
    noBatches
      ? 'texts run one after the other, since together they come out differently'
      : 'texts share a run where they are as long as each other, and their sources, too',
    ...(noChunks ? ['tokens run one after the other, since together they come out differently'] : []),
  ];
}
