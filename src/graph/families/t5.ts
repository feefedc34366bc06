import type {
  DecoderStackDesign,
  LayerDesign,
  NamedRelativePositions,
  Seq2SeqArchitecture,
  Seq2SeqSizes,
  Seq2SeqSource,
  TokenStack,
} from '../assembly/seq2seq/architecture.js';
import { aliasedSize } from '../assembly/seq2seq/aliased-size.js';
import { outputWeight, tokenEmbeddings } from '../assembly/seq2seq/weights.js';
import { activationOf, type Activation } from '../blocks/activation.js';
import { feedForward, gatedFeedForward } from '../blocks/feed-forward.js';
import { rmsNorm } from '../blocks/normalization.js';
import type { Normalize } from '../blocks/transformer-block.js';
import { MOST, type ModelConfig } from '../config.js';
import type { Value } from '../onnx/graph-builder.js';
import type { ModelWeights } from '../weights/model-weights.js';

/** Differences between T5 and its descendants. */
interface T5Family {
  readonly modelTypes: readonly string[];
  readonly defaults: T5Defaults;
  /** Whether all layers share the first one's relative positions, or have their own. */
  readonly relativePositions: 'of the first layer' | 'of each layer';
  /** Factor of the decoder's last hidden states. */
  readonly outputFactor: (config: ModelConfig, hiddenSize: number) => number;
}

/** Values of a family's configuration class. */
interface T5Defaults {
  readonly vocabularySize: number;
  readonly layers: number;
  readonly heads: number;
  readonly intermediateSize: number;
  readonly feedForward: string;
}

const MT5_DEFAULTS: T5Defaults = {
  vocabularySize: 250_112,
  layers: 8,
  heads: 6,
  intermediateSize: 1024,
  feedForward: 'gated-gelu',
};

/** Longest source and target where neither config.json nor who serves it says anything. */
const CONTEXT = 512;

/**
 * T5 (Raffel et al. 2019), T5 1.1 and Flan-T5 (Chung et al. 2022): pre-norm layers without biases, relative
 * positions, attention scores that are not scaled. Weight names are those of Hugging Face's
 * `T5ForConditionalGeneration`.
 */
export const t5 = t5Architecture({
  modelTypes: ['t5'],
  defaults: { vocabularySize: 32_128, layers: 6, heads: 8, intermediateSize: 2048, feedForward: 'relu' },
  relativePositions: 'of the first layer',
  outputFactor: tiedFactor,
});

/** mT5 (Xue et al. 2020). */
export const mt5 = t5Architecture({
  modelTypes: ['mt5'],
  defaults: MT5_DEFAULTS,
  relativePositions: 'of the first layer',
  outputFactor: () => 1,
});

/** umT5 (Chung et al. 2023): relative positions in every layer. */
export const umt5 = t5Architecture({
  modelTypes: ['umt5'],
  defaults: MT5_DEFAULTS,
  relativePositions: 'of each layer',
  outputFactor: tiedFactor,
});

/**
 * Where the embeddings are the output projection, hidden states are scaled by the root of their size. Newer
 * files say so in a field; in older ones, that the two are tied.
 */
function tiedFactor(config: ModelConfig, hiddenSize: number): number {
  const isScaled = config.flag('scale_decoder_outputs', config.flag('tie_word_embeddings', true));
  return isScaled ? 1 / Math.sqrt(hiddenSize) : 1;
}

function t5Architecture(family: T5Family): Seq2SeqArchitecture<TokenStack> {
  return {
    modelTypes: family.modelTypes,
    sizes: (config, asked) => t5Sizes(config, family.defaults, asked),
    encoder: source => {
      const layer = layers(source, family, 'encoder');
      return {
        ...stack(source, 'encoder', 1),
        layers: Array.from({ length: source.sizes.encoderLayers }, (_, index) => layer(index, 1)),
      };
    },
    decoder: source => decoderStack(source, family),
  };
}

function t5Sizes(config: ModelConfig, defaults: T5Defaults, asked?: number): Seq2SeqSizes {
  const encoderLayers = aliasedSize(
    config,
    ['num_layers', 'num_hidden_layers'],
    defaults.layers,
    MOST.layers,
  );
  const vocabularySize = config.size('vocab_size', defaults.vocabularySize);
  const contextLength = asked ?? config.size('n_positions', CONTEXT, MOST.context);
  return {
    encoderLayers,
    decoderLayers: config.size('num_decoder_layers', encoderLayers, MOST.layers),
    hiddenSize: aliasedSize(config, ['d_model', 'hidden_size'], 512, MOST.width),
    heads: aliasedSize(config, ['num_heads', 'num_attention_heads'], defaults.heads),
    headSize: aliasedSize(config, ['d_kv', 'head_dim'], 64, MOST.width),
    vocabularySize,
    sourceVocabularySize: vocabularySize,
    sourceLength: contextLength,
    contextLength,
  };
}

type Side = 'encoder' | 'decoder';

/** A stack without its layers. */
function stack(source: Seq2SeqSource, side: Side, outputFactor: number) {
  const { weights, sizes } = source;
  const { heads, headSize, hiddenSize, vocabularySize } = sizes;
  return {
    words: tokenEmbeddings(weights, weights, side, [vocabularySize, hiddenSize]),
    heads,
    headSize,
    scale: 1,
    norms: 'before',
    finalNorm: norm(source, weights.within(side), 'final_layer_norm', outputFactor),
  } as const;
}

function decoderStack(source: Seq2SeqSource, family: T5Family): DecoderStackDesign {
  const { config, weights, sizes } = source;
  const { hiddenSize, vocabularySize, decoderLayers } = sizes;
  const design = stack(source, 'decoder', family.outputFactor(config, hiddenSize));
  const layer = layers(source, family, 'decoder');
  return {
    ...design,
    layers: Array.from({ length: decoderLayers }, (_, index) => {
      const own = weights.within(`decoder.block.${index}.layer.1`);
      return {
        ...layer(index, 2),
        crossAttention: attentionWeights(source, own.within('EncDecAttention')),
        crossAttentionNorm: norm(source, own, 'layer_norm'),
      };
    }),
    output: outputWeight(weights, design.words, [vocabularySize, hiddenSize]),
  };
}

/**
 * Describes layers by their index, and that of their last part: there are three in a decoder's, two in an
 * encoder's.
 */
function layers(
  source: Seq2SeqSource,
  family: T5Family,
  side: Side,
): (index: number, lastPart: number) => LayerDesign {
  const { weights } = source;
  const forward = feedForwardOf(source, family.defaults);
  return (index, lastPart) => {
    const own = weights.within(`${side}.block.${index}`);
    const sharing = family.relativePositions === 'of the first layer' ? 0 : index;
    return {
      attention: attentionWeights(source, own.within('layer.0.SelfAttention')),
      relativePositions: relativePositions(source, side, sharing),
      attentionNorm: norm(source, own, 'layer.0.layer_norm'),
      feedForward: (name, x) => forward(name, x, own.within(`layer.${lastPart}.DenseReluDense`)),
      feedForwardNorm: norm(source, own, `layer.${lastPart}.layer_norm`),
    };
  };
}

function relativePositions({ config, weights, sizes }: Seq2SeqSource, side: Side, layer: number) {
  const buckets = config.size('relative_attention_num_buckets', 32);
  const maxDistance = config.size('relative_attention_max_distance', 128, MOST.width);
  const name = `${side}.block.${layer}.layer.0.SelfAttention.relative_attention_bias`;
  // Where none is left for larger distances, the formula divides by 0 or less.
  if (buckets < 4 || maxDistance <= buckets / 2)
    config.unsupported(
      `relative_attention_num_buckets is ${buckets} with a relative_attention_max_distance of ${maxDistance}`,
    );
  return {
    name: `relative_positions.${layer}`,
    weight: weights.weight(`${name}.weight`, [buckets, sizes.heads]),
    maxDistance,
  } satisfies NamedRelativePositions;
}

function attentionWeights({ sizes }: Seq2SeqSource, own: ModelWeights) {
  const { heads, headSize, hiddenSize } = sizes;
  const side = (name: string) => own.matrix(name, heads * headSize, hiddenSize);
  return {
    query: side('q'),
    key: side('k'),
    value: side('v'),
    output: own.matrix('o', hiddenSize, heads * headSize),
  };
}

/** Words of `feed_forward_proj`: a gate, and an activation. */
function feedForwardOf(
  { graph, config, sizes }: Seq2SeqSource,
  defaults: T5Defaults,
): (name: string, x: Value, own: ModelWeights) => Value {
  const words = config.string('feed_forward_proj', defaults.feedForward).split('-');
  const [first] = words;
  if (words.length > 2 || (words.length === 2 && first !== 'gated'))
    config.unsupported(`feed_forward_proj is '${words.join('-')}'; known: ACTIVATION, gated-ACTIVATION`);
  const isGated = config.flag('is_gated_act', first === 'gated');
  // The name means the approximation here.
  const named = words.join('-') === 'gated-gelu' ? 'gelu_new' : words.at(-1)!;
  const activation = activationOf(config, 'dense_act_fn', named as Activation);
  const inner = config.size('d_ff', defaults.intermediateSize);
  const { hiddenSize } = sizes;
  return (name, x, own) => {
    const down = own.matrix('wo', hiddenSize, inner);
    if (!isGated)
      return feedForward(graph, name, x, { up: own.matrix('wi', inner, hiddenSize), down }, activation);
    const gate = own.matrix('wi_0', inner, hiddenSize);
    const up = own.matrix('wi_1', inner, hiddenSize);
    return gatedFeedForward(graph, name, x, { gate, up, down }, activation);
  };
}

/** @param factor of what it gives. */
function norm(
  { graph, config, sizes }: Seq2SeqSource,
  own: ModelWeights,
  weightName: string,
  factor = 1,
): Normalize {
  const weight = own.scale(weightName, sizes.hiddenSize);
  const epsilon = config.positive('layer_norm_epsilon', 1e-6);
  const scaled =
    factor === 1
      ? weight
      : { ...weight, load: async () => (await weight.load()).map(value => value * factor) };
  return (name, residual) => rmsNorm(graph, name, residual, scaled, epsilon);
}
