import { aliasedSize } from '../assembly/seq2seq/aliased-size.js';
import type {
  DecoderLayerDesign,
  LayerStack,
  Seq2SeqArchitecture,
  Seq2SeqSizes,
  Seq2SeqSource,
  SoundStack,
} from '../assembly/seq2seq/architecture.js';
import { headSizeOf } from '../assembly/encoder-architecture.js';
import { readRope, ropeSection, ropeTables, ropeType } from '../assembly/rope.js';
import { activate, activationOf } from '../blocks/activation.js';
import type { AttentionWeights } from '../blocks/attention-projections.js';
import { convolution } from '../blocks/convolution.js';
import { feedForward, gatedFeedForward } from '../blocks/feed-forward.js';
import { groupNorm } from '../blocks/group-norm.js';
import { layerNorm } from '../blocks/layer-norm.js';
import type { Bias } from '../blocks/linear.js';
import { halfSplitOrder, rotaryTables, type RotaryTables } from '../blocks/rotary.js';
import type { Normalize } from '../blocks/transformer-block.js';
import { MOST, type ModelConfig } from '../config.js';
import { ints } from '../onnx/attributes.js';
import type { Value } from '../onnx/graph-builder.js';
import { reorderGroups, reorderRows, sliceRows, type Matrix } from '../weights/matrix.js';
import { bodyOf, type ModelWeights, type Vector } from '../weights/model-weights.js';

/** Samples a second. */
const RATE = 16_000;
/** Seconds of the longest recordings that it was trained with. */
const LONGEST = 30;
/** Seconds of the shortest sound that its makers let it hear (usefulsensors/moonshine, `transcribe.py`). */
const SHORTEST = 0.1;
/** Tokens that a second of speech may take, in whatever language (the cards of its makers' models). */
const TOKENS_PER_SECOND = 13;
/** Fixed in the model's code, as is epsilon. */
const CONVOLUTIONS = [
  { kernel: 127, stride: 64 },
  { kernel: 7, stride: 3 },
  { kernel: 3, stride: 2 },
] as const;
const EPSILON = 1e-5;
/** Share of a head that turns, where config.json does not say. */
const TURNED = 0.9;

type Side = 'encoder' | 'decoder';

/**
 * Moonshine (Jeffries et al. 2024): an encoder that hears samples, as many as there are, through three convolutions,
 * and a decoder with SwiGLU. Layers are pre-norm, without biases of norms; heads of both sides turn neighbours in a
 * share of their features. Weight names are those of Hugging Face's `MoonshineForConditionalGeneration`.
 */
export const moonshine: Seq2SeqArchitecture<SoundStack> = {
  modelTypes: ['moonshine'],
  sizes,
  encoder: source => ({
    ...stack(source, 'encoder'),
    rotary: encoderRotary(source),
    afterFeatures: samples => positionsIn(source, samples),
  }),
  decoder(source) {
    const { graph, config, weights, sizes } = source;
    const own = sideWeights(weights, 'decoder');
    const design = stack(source, 'decoder');
    const shape = [sizes.vocabularySize, sizes.hiddenSize];
    const words = own.weight('embed_tokens.weight', shape);
    const layers = design.layers.map((layer, index): DecoderLayerDesign => {
      const at = own.within(`layers.${index}`);
      return {
        ...layer,
        crossAttention: attentionWeights(source, at.within('encoder_attn')),
        crossAttentionNorm: norm(source, at, 'post_attention_layernorm'),
      };
    });
    return {
      ...design,
      layers,
      words,
      output: config.flag('tie_word_embeddings', true) ? words : weights.weight('proj_out.weight', shape),
      rotary: () => ropeTables({ graph, sizes }, 'rotary', { ...ropeOf(source), interleaved: true }),
    };
  },
};

function sizes(config: ModelConfig): Seq2SeqSizes {
  const hiddenSize = config.size('hidden_size', 288, MOST.width);
  const heads = headsOf(config);
  const longest = LONGEST * RATE;
  return {
    encoderLayers: config.size('encoder_num_hidden_layers', 6, MOST.layers),
    decoderLayers: aliasedSize(config, ['decoder_num_hidden_layers', 'num_hidden_layers'], 6, MOST.layers),
    hiddenSize,
    heads,
    headSize: headSizeOf(config, hiddenSize, heads),
    vocabularySize: config.size('vocab_size', 32_768),
    sourceVocabularySize: 0,
    sourceLength: positionsOf(longest),
    sound: { shortest: SHORTEST * RATE, longest, positions: positionsOf },
    // Its positions have no end, and its makers let it write beyond those that config.json names.
    contextLength: Math.max(
      config.size('max_position_embeddings', 512, MOST.context),
      LONGEST * TOKENS_PER_SECOND,
    ),
  };
}

/** Positions that the convolutions make of samples. */
function positionsOf(samples: number): number {
  return CONVOLUTIONS.reduce(
    (length, { kernel, stride }) => Math.floor((length - kernel) / stride) + 1,
    samples,
  );
}

/** Heads of either side; transformers reads the decoder's number of key and value heads for all of them. */
function headsOf(config: ModelConfig): number {
  const heads = aliasedSize(config, ['decoder_num_attention_heads', 'num_attention_heads'], 8);
  const others = [
    ['encoder_num_attention_heads', 8],
    ['encoder_num_key_value_heads', heads],
    ['decoder_num_key_value_heads', heads],
    ['num_key_value_heads', heads],
  ] as const;
  for (const [name, fallback] of others)
    if (config.size(name, fallback) !== heads)
      config.unsupported(`${name} is ${config.size(name, fallback)}, and the decoder has ${heads} heads`);
  return heads;
}

/** Layers of a side, and their last norm. */
function stack(source: Seq2SeqSource, side: Side): LayerStack {
  const { weights, sizes } = source;
  const own = sideWeights(weights, side);
  const layers = side === 'encoder' ? sizes.encoderLayers : sizes.decoderLayers;
  return {
    heads: sizes.heads,
    headSize: sizes.headSize,
    norms: 'before',
    layers: Array.from({ length: layers }, (_, index) => {
      const at = own.within(`layers.${index}`);
      const attention = attentionWeights(source, at.within('self_attn'));
      return {
        attention: side === 'encoder' ? turnedInHalves(source, attention) : attention,
        attentionNorm: norm(source, at, 'input_layernorm'),
        feedForward: (name, x) =>
          (side === 'encoder' ? plainMlp : gatedMlp)(source, at.within('mlp'), name, x),
        feedForwardNorm: norm(
          source,
          at,
          side === 'encoder' ? 'post_attention_layernorm' : 'final_layernorm',
        ),
      };
    }),
    finalNorm: norm(source, own, side === 'encoder' ? 'layer_norm' : 'norm'),
  };
}

function attentionWeights({ config, sizes }: Seq2SeqSource, own: ModelWeights): AttentionWeights {
  const { hiddenSize } = sizes;
  const hasBiases = config.flag('attention_bias', false);
  const side = (name: string): Matrix => own.matrix(name, hiddenSize, hiddenSize);
  const bias = (name: string): Vector | undefined => (hasBiases ? own.bias(name, hiddenSize) : undefined);
  return {
    query: side('q_proj'),
    queryBias: bias('q_proj'),
    key: side('k_proj'),
    keyBias: bias('k_proj'),
    value: side('v_proj'),
    valueBias: bias('v_proj'),
    output: side('o_proj'),
  };
}

/** Queries and keys in the order in which {@link encoderRotary} turns them. */
function turnedInHalves(source: Seq2SeqSource, weights: AttentionWeights): AttentionWeights {
  const order = encoderOrder(source);
  if (order === undefined) return weights;
  const { query, key, queryBias, keyBias } = weights;
  const turned = (bias: Bias | undefined): Bias | undefined =>
    bias && { size: bias.size, load: async () => reorderGroups(await bias.load(), order) };
  return {
    ...weights,
    query: reorderRows(query, order),
    queryBias: turned(queryBias),
    key: reorderRows(key, order),
    keyBias: turned(keyBias),
  };
}

function encoderOrder(source: Seq2SeqSource): readonly number[] | undefined {
  const { headSize } = source.sizes;
  return halfSplitOrder(headSize, 2 * ropeOf(source).frequencies.length, headSize / 2, true);
}

/** Tables of whole heads, in which what does not turn has an angle of 0. */
function encoderRotary(source: Seq2SeqSource): RotaryTables {
  const { graph, sizes } = source;
  return rotaryTables(graph, 'rotary', ropeOf(source).frequencies, sizes.headSize / 2, sizes.sourceLength);
}

function ropeOf({ config, sizes }: Seq2SeqSource) {
  const section = ropeSection(config);
  if (section !== undefined && ropeType(section) !== 'default')
    section.unsupported(`rope_type is ${ropeType(section)} in a Moonshine`);
  if (sizes.headSize % 2 !== 0) config.invalid(`heads of an odd size (${sizes.headSize}) cannot be rotated`);
  return readRope(config.withDefaults({ partial_rotary_factor: TURNED }), sizes);
}

function plainMlp({ graph, config, sizes }: Seq2SeqSource, own: ModelWeights, name: string, x: Value): Value {
  const inner = innerSize(config);
  const weights = {
    up: own.matrix('fc1', inner, sizes.hiddenSize),
    upBias: own.bias('fc1', inner),
    down: own.matrix('fc2', sizes.hiddenSize, inner),
    downBias: own.bias('fc2', sizes.hiddenSize),
  };
  return feedForward(graph, name, x, weights, activationOf(config, 'encoder_hidden_act', 'gelu'));
}

/** Its first two matrices are stored as one, the gate below. */
function gatedMlp({ graph, config, sizes }: Seq2SeqSource, own: ModelWeights, name: string, x: Value): Value {
  const inner = innerSize(config);
  const both = own.matrix('fc1', 2 * inner, sizes.hiddenSize);
  const bias = own.bias('fc1', 2 * inner);
  const biasOf = (begin: number): Bias => ({
    size: inner,
    load: async () => (await bias.load()).subarray(begin, begin + inner),
  });
  const weights = {
    up: sliceRows(both, 0, inner),
    upBias: biasOf(0),
    gate: sliceRows(both, inner, 2 * inner),
    gateBias: biasOf(inner),
    down: own.matrix('fc2', sizes.hiddenSize, inner),
    downBias: own.bias('fc2', sizes.hiddenSize),
  };
  return gatedFeedForward(graph, name, x, weights, decoderActivation(config));
}

function innerSize(config: ModelConfig): number {
  return config.size('intermediate_size', 1152, MOST.width);
}

/** transformers takes `hidden_act` for another name of it. */
function decoderActivation(config: ModelConfig) {
  const activation = activationOf(config, 'decoder_hidden_act', 'silu');
  if (activationOf(config, 'hidden_act', activation) !== activation)
    config.unsupported(`hidden_act, another name for decoder_hidden_act, differs from it (${activation})`);
  return activation;
}

/** What the first layer reads of samples `[batch, 1, samples]`: `[batch, positions, hidden]`. */
function positionsIn({ graph, weights, sizes }: Seq2SeqSource, samples: Value): Value {
  const { hiddenSize } = sizes;
  const own = sideWeights(weights, 'encoder');
  const convolved = (index: 0 | 1 | 2, x: Value, inputs: number, outputs: number): Value => {
    const { kernel, stride } = CONVOLUTIONS[index];
    const name = `conv${index + 1}`;
    const weight = own.weight(`${name}.weight`, [outputs, inputs, kernel]);
    const bias = index === 0 ? undefined : own.bias(name, outputs);
    return convolution(graph, name, x, { weight, bias }, { stride, around: 0 });
  };
  const first = activate(graph, 'conv1.tanh', convolved(0, samples, 1, hiddenSize), 'tanh');
  const normed = groupNorm(graph, 'conv1.norm', first, own.norm('groupnorm', hiddenSize, EPSILON));
  const second = activate(graph, 'conv2.gelu', convolved(1, normed, hiddenSize, 2 * hiddenSize), 'gelu');
  const third = activate(graph, 'conv3.gelu', convolved(2, second, 2 * hiddenSize, hiddenSize), 'gelu');
  return graph.node({
    op: 'Transpose',
    inputs: [third],
    name: 'heard',
    attributes: { perm: ints([0, 2, 1]) },
  });
}

function norm({ graph, sizes }: Seq2SeqSource, own: ModelWeights, name: string): Normalize {
  const weights = own.norm(name, sizes.hiddenSize, EPSILON, false);
  return (at, residual) => layerNorm(graph, at, residual, weights);
}

function sideWeights(weights: ModelWeights, side: Side): ModelWeights {
  return bodyOf(weights, 'model', 'encoder.conv1.weight').within(side);
}
