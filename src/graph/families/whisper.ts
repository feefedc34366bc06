import type { Seq2SeqArchitecture, Seq2SeqSource, SoundStack } from '../assembly/seq2seq/architecture.js';
import type { SoundShape } from '../assembly/seq2seq/sound-shape.js';
import {
  bartArchitecture,
  bartLayers,
  sideWeights,
  type BartFamily,
} from '../assembly/seq2seq/bart-design.js';
import { activate } from '../blocks/activation.js';
import { convolution } from '../blocks/convolution.js';
import { rowsFrom } from '../blocks/position-table.js';
import { MOST, type ModelConfig } from '../config.js';
import { ints } from '../onnx/attributes.js';
import type { Value } from '../onnx/graph-builder.js';

/** Points in time of the convolutions. */
const KERNEL = 3;
/** Of the second convolution. */
const STRIDE = 2;

const FAMILY: BartFamily = {
  modelTypes: ['whisper'],
  defaults: {
    vocabularySize: 51_865,
    hiddenSize: 384,
    positions: 448,
    layers: { encoder: 4, decoder: 4 },
    heads: 6,
    intermediateSize: 1536,
    activation: 'gelu',
    scaleEmbedding: false,
  },
  norms: 'before',
  positions: ({ weights, rows, width }) =>
    rowsFrom(weights.weight('embed_positions.weight', [rows, width]), 0),
  hasLogitsBias: false,
  hasPlainKeys: true,
};

const TEXT = bartArchitecture(FAMILY);

/**
 * Whisper (Radford et al. 2022): BART's decoder over an encoder that hears, both with pre-norm layers whose keys
 * have no bias. Two convolutions make positions of frames, to which the checkpoint's sinusoids are added. Weight
 * names are those of Hugging Face's `WhisperForConditionalGeneration`.
 */
export const whisper: Seq2SeqArchitecture<SoundStack> = {
  modelTypes: FAMILY.modelTypes,
  sizes(config) {
    const positions = config.size('max_source_positions', 1500, MOST.context);
    return {
      ...TEXT.sizes(config),
      sourceVocabularySize: 0,
      sourceLength: positions,
      contextLength: config.size('max_target_positions', FAMILY.defaults.positions, MOST.context),
      sound: { bins: config.size('num_mel_bins', 80, MOST.width), frames: STRIDE * positions },
    };
  },
  encoder: source => ({
    ...bartLayers(source, FAMILY, 'encoder'),
    afterFeatures: features => positionsOf(source, features),
  }),
  decoder(source) {
    refuseOthers(source.config);
    return TEXT.decoder(source);
  },
};

/** What the first layer reads of features `[batch, bins, frames]`: `[batch, positions, hidden]`. */
function positionsOf({ graph, weights, sizes }: Seq2SeqSource, features: Value): Value {
  const { hiddenSize, sourceLength, sound } = sizes;
  const { bins } = sound as SoundShape;
  const own = sideWeights(weights, 'encoder');
  const convolved = (name: string, x: Value, inputs: number, stride: number): Value => {
    const weight = own.weight(`${name}.weight`, [hiddenSize, inputs, KERNEL]);
    const around = (KERNEL - 1) / 2;
    const y = convolution(graph, name, x, { weight, bias: own.bias(name, hiddenSize) }, { stride, around });
    return activate(graph, `${name}.gelu`, y, 'gelu');
  };
  const channels = convolved('conv2', convolved('conv1', features, bins, 1), hiddenSize, STRIDE);
  const positions = graph.node({
    op: 'Transpose',
    inputs: [channels],
    name: 'heard',
    attributes: { perm: ints([0, 2, 1]) },
  });
  const table = own.weight('embed_positions.weight', [sourceLength, hiddenSize]);
  const vectors = graph.floats('heard.positions.weight', table.shape, () => table.load());
  return graph.node({ op: 'Add', inputs: [positions, vectors], name: 'heard.positions' });
}

/** Fields that no published model has otherwise, and whose meaning its programs do not agree on. */
function refuseOthers(config: ModelConfig): void {
  for (const [name, usual] of [
    ['tie_word_embeddings', true],
    ['scale_embedding', false],
  ] as const)
    if (config.flag(name, usual) !== usual) config.unsupported(`${name} is ${!usual} in a Whisper`);
}
