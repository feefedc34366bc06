import { KvasirError } from '#errors.js';
import { isWaveform } from '#graph/assembly/seq2seq/sound-shape.js';
import type { Decoder, SourceEntry, SourceTraits } from './decoder/contract.js';
import type { Encoder } from './encoder/contract.js';
import type { VisionEncoder } from './vision/contract.js';

/** Tokens of a trial. */
const LENGTH = 4;

/**
 * Runs a few tokens through a decoder that nobody uses yet.
 *
 * @param model what errors call it.
 * @throws KvasirError `invalid_model` where what comes out is no number, or no token can be drawn from it
 */
export async function requireFiniteLogits(model: string, decoder: Decoder): Promise<void> {
  const { contextLength, vocabularySize } = decoder.shape;
  const ids = trialIds(Math.min(LENGTH, contextLength), vocabularySize);
  const { source } = decoder;
  if (source !== undefined) {
    const tokens = trialIds(Math.min(LENGTH, source.longest), source.vocabularySize);
    await requireEncoded(decoder, [trialSource(source, tokens)]);
  }
  const { results } = await decoder.run([{ slot: 0, ids, computed: 0, wanted: 'last' }]);
  const [result] = results;
  if (result === undefined || 'error' in result) throw result?.error ?? new Error('the run gave nothing');
  const { logits } = result;
  // Some graphs forbid tokens by logits of minus infinity.
  if (logits.some(value => Number.isNaN(value) || value === Infinity) || !logits.some(Number.isFinite))
    throw notFinite(model);
  decoder.arrange({ kind: 'release', slot: 0, from: 0 });
}

/**
 * A decoder that has passed {@link requireFiniteLogits}; one that has not goes.
 *
 * @throws KvasirError as there
 */
export async function finiteDecoder<T extends Decoder>(model: string, decoder: T): Promise<T> {
  try {
    await requireFiniteLogits(model, decoder);
    return decoder;
  } catch (error) {
    decoder.dispose();
    throw error;
  }
}

/** A source of a slot that is yet to be named. */
type TrialSource = Omit<SourceEntry, 'slot'>;

/**
 * A source of these tokens, or where a decoder hears, a sound of which they are the seed.
 *
 * @param ids any integers for one that hears.
 */
export function trialSource({ sound }: SourceTraits, ids: readonly number[]): TrialSource {
  if (sound === undefined) return { ids };
  const seed = ids.reduce((sum, id) => sum + id, 1);
  // As far as usual features, or samples, reach.
  const size = isWaveform(sound) ? sound.shortest : sound.bins * sound.frames;
  const features = new Float32Array(size).map((_, i) => Math.sin(i * (1 + seed / 64)));
  return { ids: [], sound: { key: `trial ${seed}`, features } };
}

/**
 * Gives slots from 0 on a source each.
 *
 * @param decoder one that attends to sources.
 * @throws what came of the first that cannot be read
 */
export async function requireEncoded(decoder: Decoder, sources: readonly TrialSource[]): Promise<void> {
  const { results } = await decoder.encode!(sources.map((source, slot) => ({ slot, ...source })));
  for (const failure of results) if (failure !== undefined) throw failure.error;
}

/**
 * Runs a few tokens through an encoder that nobody uses yet.
 *
 * @param model what errors call it.
 * @throws KvasirError `invalid_model` where what comes out is no finite number
 */
export async function requireFiniteOutput(model: string, encoder: Encoder): Promise<void> {
  const ids = trialIds(Math.min(LENGTH, encoder.contextLength), encoder.vocabularySize);
  const outputs = await encoder.run([{ ids, ...(encoder.task === 'fill-mask' && { positions: [0] }) }]);
  if (outputs.some(({ values }) => !values.every(Number.isFinite))) throw notFinite(model);
}

/**
 * Runs a picture of all shades through an encoder that nobody uses yet.
 *
 * @param model what errors call it.
 * @throws KvasirError `invalid_model` where what comes out is no finite number
 */
export async function requireFiniteFeatures(
  model: string,
  encoder: VisionEncoder,
  { width, height }: { readonly width: number; readonly height: number },
): Promise<void> {
  const pixels = new Uint8Array(width * height * 3).map((_, i) => i % 256);
  const outputs = await encoder.run([{ width, height, pixels }]);
  if (outputs.some(({ values }) => !values.every(Number.isFinite))) throw notFinite(model);
}

/** Ids all over the vocabulary. */
function trialIds(length: number, vocabularySize: number): number[] {
  return Array.from({ length }, (_, i) => Math.floor((vocabularySize * (2 * i + 1)) / (2 * length)));
}

function notFinite(model: string): KvasirError {
  return new KvasirError(
    'invalid_model',
    `${model}: a trial run gave numbers that are not finite (NaN or infinity): its weights are broken, or their precision is too coarse for it`,
  );
}
