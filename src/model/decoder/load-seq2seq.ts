import { KvasirError } from '#errors.js';
import { isSharedTable } from '#graph/assembly/seq2seq/encoder.js';
import { buildSeq2Seq } from '#graph/build-seq2seq.js';
import {
  CAN_MAP_FILES,
  PROCESSOR,
  Session,
  type Environment,
  type SessionSettings,
  type SharedWeights,
} from '#runtime/index.js';
import { requireFiniteLogits } from '../trial.js';
import type { Decoder, DecoderShape, SourceTraits } from './contract.js';
import { doesNotFit } from './does-not-fit.js';
import type { DecoderOptions, LoadedDecoder } from './load-decoder.js';
import { seq2seqLayers, servedLengths } from './seq2seq/seq2seq-lengths.js';
import { loadExported } from './ready-made/seq2seq/load-exported.js';
import { planSeq2Seq } from './seq2seq/seq2seq-plan.js';
import { SourceCache } from './seq2seq/source-cache.js';
import { sharedWeights } from './shared-weights.js';
import { SlotDecoder } from './slots/slot-decoder.js';

/**
 * Loads an encoder-decoder's folder as a decoder that attends to sources.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`, `invalid_configuration`, `runtime_failure`,
 * `runtime_unavailable`
 */
export async function loadSeq2Seq(
  environment: Environment,
  folder: string,
  options: DecoderOptions,
): Promise<LoadedDecoder> {
  const { slots, session: settings } = options;
  const device = settings?.device ?? PROCESSOR;
  if (device.name !== PROCESSOR.name)
    throw new KvasirError(
      'invalid_configuration',
      `${folder}: encoder-decoders run on the processor only, not on ${device.name}`,
    );
  const { path, sizes, found } = await planSeq2Seq(folder, options);
  const built = found === undefined ? await buildSeq2Seq(folder, options) : undefined;
  const { contextLength, sourceLength } = servedLengths(folder, sizes, options.contextLength);
  const shape: DecoderShape = {
    layers: seq2seqLayers(sizes, found),
    vocabularySize: sizes.vocabularySize,
    contextLength,
    ...(built && { cacheType: built.cacheType }),
  };
  const source = { longest: sourceLength, vocabularySize: sizes.sourceVocabularySize };
  const size = `${slots} slots of ${contextLength} tokens and sources of ${sourceLength}`;
  let decoder: Decoder;
  try {
    decoder =
      built === undefined
        ? await loadExported(environment, found!, settings, shape, slots, source)
        : await open(environment, built, settings, shape, slots, source);
  } catch (cause) {
    throw doesNotFit(folder, device, cause, size, 'fewer slots or a shorter context');
  }
  try {
    await requireFiniteLogits(folder, decoder);
  } catch (error) {
    decoder.dispose();
    throw error;
  }
  return { decoder, path };
}

/** Both graphs, which share the table of embeddings where it is the same. */
async function open(
  environment: Environment,
  { encoderPath, decoderPath }: { readonly encoderPath: string; readonly decoderPath: string },
  settings: SessionSettings | undefined,
  shape: DecoderShape,
  slots: number,
  source: SourceTraits,
): Promise<Decoder> {
  const owned: { dispose(): void }[] = [];
  const use = <T extends { dispose(): void }>(one: T): T => {
    owned.unshift(one);
    return one;
  };
  try {
    const weights: SharedWeights | undefined = CAN_MAP_FILES
      ? await sharedWeights(decoderPath, isSharedTable)
      : undefined;
    if (weights !== undefined) use(weights);
    const session = use(await Session.load(environment, decoderPath, settings, weights));
    const encoder = use(await Session.load(environment, encoderPath, settings, weights));
    weights?.release();
    const sources = use(new SourceCache(encoder, session, shape, slots, source));
    return new SlotDecoder(session, shape, slots, { weights, sources });
  } catch (error) {
    for (const each of owned) each.dispose();
    throw error;
  }
}
