import { KvasirError } from '#errors.js';
import { isSharedTable } from '#graph/assembly/seq2seq/encoder.js';
import type { Seq2SeqSizes } from '#graph/assembly/seq2seq/architecture.js';
import { isWaveform } from '#graph/assembly/seq2seq/sound-shape.js';
import { buildSeq2Seq } from '#graph/build-seq2seq.js';
import {
  CAN_MAP_FILES,
  DisposeStack,
  PROCESSOR,
  Session,
  type Environment,
  type SessionSettings,
  type SharedWeights,
} from '#runtime/index.js';
import { finiteDecoder } from '../trial.js';
import { readAlignmentHeads } from '../speech/alignment-heads.js';
import type { Decoder, DecoderShape, SourceTraits } from './contract.js';
import { doesNotFit } from './does-not-fit.js';
import type { DecoderOptions, LoadedDecoder } from './load-decoder.js';
import { loadReadyMadeSeq2Seq } from './ready-made/load-seq2seq.js';
import { seq2seqLayers, servedLengths } from './seq2seq/seq2seq-lengths.js';
import { planSeq2Seq, type Seq2SeqPlan } from './seq2seq/seq2seq-plan.js';
import type { AlignmentHead } from './seq2seq/aligned-rows.js';
import { SoundSources } from './seq2seq/sound-sources.js';
import { RaggedSources } from './seq2seq/ragged-sources.js';
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
  const plan = await planSeq2Seq(folder, options);
  if (plan.source === 'onnx') return loadGraphs(environment, folder, plan, options);
  const { path } = plan;
  const { encoderPath, decoderPath, sizes, cacheType } = await buildSeq2Seq(folder, options);
  const { contextLength, sourceLength } = servedLengths(folder, sizes, options.contextLength);
  const shape: DecoderShape = {
    layers: seq2seqLayers(sizes),
    vocabularySize: sizes.vocabularySize,
    contextLength,
    cacheType,
  };
  const source = sourceTraits(sizes, sourceLength);
  const { sound } = sizes;
  const alignmentHeads =
    sound === undefined || isWaveform(sound) ? undefined : await readAlignmentHeads(folder, sizes);
  const size = `${slots} slots of ${contextLength} tokens and sources of ${sourceLength}`;
  let decoder: Decoder;
  try {
    const graphs = { encoderPath, decoderPath };
    decoder = await open(environment, graphs, settings, shape, slots, source, alignmentHeads);
  } catch (cause) {
    throw doesNotFit(folder, device, cause, size, 'fewer slots or a shorter context');
  }
  return { decoder: await finiteDecoder(folder, decoder), path };
}

/** An encoder-decoder that is ready-made. */
async function loadGraphs(
  environment: Environment,
  folder: string,
  { found, path, sizes }: Seq2SeqPlan & { readonly source: 'onnx' },
  { slots, cache, contextLength: asked, session }: DecoderOptions,
): Promise<LoadedDecoder> {
  if (cache === 'paged')
    throw new KvasirError(
      'invalid_configuration',
      `${folder}: an encoder-decoder has no paged KV cache; take the one in slots`,
    );
  const { contextLength, sourceLength } = servedLengths(folder, sizes, asked);
  const source = sourceTraits(sizes, sourceLength);
  const { decoder, sharing } = await loadReadyMadeSeq2Seq(environment, found, source, {
    slots,
    contextLength,
    session,
  });
  return { decoder, path: { ...path, reason: [path.reason, ...sharing].join('; ') } };
}

function sourceTraits({ sourceVocabularySize, sound }: Seq2SeqSizes, longest: number): SourceTraits {
  return { longest, vocabularySize: sourceVocabularySize, ...(sound !== undefined && { sound }) };
}

/** Both graphs, which share the table of embeddings where it is the same. */
async function open(
  environment: Environment,
  { encoderPath, decoderPath }: { readonly encoderPath: string; readonly decoderPath: string },
  settings: SessionSettings | undefined,
  shape: DecoderShape,
  slots: number,
  source: SourceTraits,
  alignmentHeads: readonly AlignmentHead[] | undefined,
): Promise<Decoder> {
  const owned = new DisposeStack();
  try {
    const weights: SharedWeights | undefined = CAN_MAP_FILES
      ? await sharedWeights(decoderPath, isSharedTable)
      : undefined;
    if (weights !== undefined) owned.use(weights);
    const session = owned.use(await Session.load(environment, decoderPath, settings, weights));
    const encoder = owned.use(await Session.load(environment, encoderPath, settings, weights));
    weights?.release();
    const { sound } = source;
    const sources = owned.use(
      sound === undefined || isWaveform(sound)
        ? new RaggedSources(encoder, session, shape, slots, { ...source, sound })
        : new SoundSources(encoder, session, shape, slots, { ...source, sound }),
    );
    return new SlotDecoder(session, shape, slots, { weights, sources, alignmentHeads });
  } catch (error) {
    owned.dispose();
    throw error;
  }
}
