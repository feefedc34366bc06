import { activationOf, type Activation } from '../../blocks/activation.js';
import { feedForward } from '../../blocks/feed-forward.js';
import { layerNorm } from '../../blocks/layer-norm.js';
import { addPositions } from '../../blocks/learned-positions.js';
import type { Rows } from '../../blocks/position-table.js';
import { scale } from '../../blocks/scale.js';
import type { Normalize } from '../../blocks/transformer-block.js';
import { MOST, type ModelConfig } from '../../config.js';
import type { Value } from '../../onnx/graph-builder.js';
import type { Weight } from '../../weights/checkpoint.js';
import { bodyOf, type ModelWeights, type Vector } from '../../weights/model-weights.js';
import { headSizeOf } from '../encoder-architecture.js';
import { aliasedSize } from './aliased-size.js';
import type {
  DecoderStackDesign,
  LayerDesign,
  LayerStack,
  Seq2SeqArchitecture,
  Seq2SeqSizes,
  Seq2SeqSource,
  TokenStack,
} from './architecture.js';
import { outputWeight, tokenEmbeddings, type Tying } from './weights.js';

/** Epsilon of layer norms; the model's code has it, not config.json. */
const EPSILON = 1e-5;

/** The two stacks, as config.json and checkpoints name them. */
export type Side = 'encoder' | 'decoder';

/** Differences between the descendants of BART (Lewis et al. 2019). */
export interface BartFamily {
  readonly modelTypes: readonly string[];
  /** Sizes where config.json is silent. */
  readonly defaults: BartDefaults;
  /** Whether layers normalise what each part reads, and have a last norm, or each sum. */
  readonly norms: LayerStack['norms'];
  /**
   * What `layernorm_embedding` normalises on each side: the sum with positions, or the tokens before, which
   * `scale_embedding` then does not scale. Undefined: nothing.
   */
  readonly embeddingNorm?: Readonly<Record<Side, 'tokens' | 'sum'>>;
  /** The vectors of positions, from that of the first token on. */
  readonly positions: (source: PositionsSource) => Rows;
  /** True if the checkpoint may have a bias on the logits. */
  readonly hasLogitsBias: boolean;
  /** True if keys have no bias. */
  readonly hasPlainKeys?: boolean;
  /** True if encoder and decoder may have vocabularies of their own. */
  readonly mayHaveTwoVocabularies?: boolean;
}

/** What position vectors are made of. */
export interface PositionsSource {
  readonly config: ModelConfig;
  /** The stack's own. */
  readonly weights: ModelWeights;
  /** Positions that are needed. */
  readonly rows: number;
  readonly width: number;
}

/** Values of a family's configuration class. */
export interface BartDefaults {
  readonly vocabularySize: number;
  readonly hiddenSize: number;
  readonly positions: number;
  readonly layers: Readonly<Record<Side, number>>;
  readonly heads: number;
  readonly intermediateSize: number;
  readonly activation: Activation;
  readonly scaleEmbedding: boolean;
}

/** An encoder-decoder with the fields and weights of Hugging Face's `BartForConditionalGeneration`. */
export function bartArchitecture(family: BartFamily): Seq2SeqArchitecture<TokenStack> {
  return {
    modelTypes: family.modelTypes,
    sizes: config => bartSizes(config, family),
    encoder: source => stack(source, family, 'encoder'),
    decoder: source => decoderStack(source, family),
  };
}

function bartSizes(config: ModelConfig, family: BartFamily): Seq2SeqSizes {
  const { defaults } = family;
  const hiddenSize = aliasedSize(config, ['d_model', 'hidden_size'], defaults.hiddenSize, MOST.width);
  const heads = headsOf(config, defaults, 'decoder');
  const positions = config.size('max_position_embeddings', defaults.positions, MOST.context);
  const sourceVocabularySize = config.size('vocab_size', defaults.vocabularySize);
  return {
    encoderLayers: aliasedSize(
      config,
      ['encoder_layers', 'num_hidden_layers'],
      defaults.layers.encoder,
      MOST.layers,
    ),
    decoderLayers: config.size('decoder_layers', defaults.layers.decoder, MOST.layers),
    hiddenSize,
    heads,
    headSize: headSizeOf(config, hiddenSize, heads),
    vocabularySize:
      tyingOf(config, family) === 'decoder'
        ? config.size('decoder_vocab_size', sourceVocabularySize)
        : sourceVocabularySize,
    sourceVocabularySize,
    sourceLength: positions,
    contextLength: positions,
  };
}

function tyingOf(config: ModelConfig, { mayHaveTwoVocabularies = false }: BartFamily): Tying {
  const isShared = !mayHaveTwoVocabularies || config.flag('share_encoder_decoder_embeddings', true);
  return isShared ? 'both sides' : 'decoder';
}

function headsOf(config: ModelConfig, { heads }: BartDefaults, side: Side): number {
  return side === 'encoder'
    ? aliasedSize(config, ['encoder_attention_heads', 'num_attention_heads'], heads)
    : config.size('decoder_attention_heads', heads);
}

function decoderStack(source: Seq2SeqSource, family: BartFamily): DecoderStackDesign {
  const { weights, sizes } = source;
  const { hiddenSize, vocabularySize } = sizes;
  const own = sideWeights(weights, 'decoder');
  const design = stack(source, family, 'decoder');
  return {
    ...design,
    layers: design.layers.map((layer, index) => {
      const at = own.within(`layers.${index}`);
      return {
        ...layer,
        crossAttention: attentionWeights(at.within('encoder_attn'), hiddenSize, family),
        crossAttentionNorm: norm(source, at, 'encoder_attn_layer_norm'),
      };
    }),
    output: outputWeight(weights, design.words, [vocabularySize, hiddenSize]),
    outputBias: family.hasLogitsBias ? logitsBias(weights, vocabularySize) : undefined,
  };
}

/** Undefined where the checkpoint has none: it would be 0. */
function logitsBias(weights: ModelWeights, vocabularySize: number): Vector | undefined {
  const name = 'final_logits_bias';
  if (!weights.has(name)) return undefined;
  const weight = weights.weight(name, [1, vocabularySize]);
  return { size: vocabularySize, load: () => weight.load() };
}

/** Layers of a side, and their last norm. */
export function bartLayers(source: Seq2SeqSource, family: BartFamily, side: Side): LayerStack {
  const { config, weights, sizes } = source;
  const { defaults, norms } = family;
  const own = sideWeights(weights, side);
  const heads = headsOf(config, defaults, side);
  const layers = side === 'encoder' ? sizes.encoderLayers : sizes.decoderLayers;
  return {
    heads,
    headSize: headSizeOf(config, sizes.hiddenSize, heads),
    norms,
    layers: Array.from({ length: layers }, (_, index) => layerDesign(source, family, side, own, index)),
    finalNorm: norms === 'before' ? norm(source, own, 'layer_norm') : undefined,
  };
}

function stack(source: Seq2SeqSource, family: BartFamily, side: Side): TokenStack {
  const { graph, config, weights, sizes } = source;
  const { defaults, embeddingNorm } = family;
  const { hiddenSize } = sizes;
  const own = sideWeights(weights, side);
  const factor = config.flag('scale_embedding', defaults.scaleEmbedding) ? Math.sqrt(hiddenSize) : 1;
  const rows = side === 'encoder' ? sizes.sourceLength : sizes.contextLength;
  const table = family.positions({ config, weights: own, rows, width: hiddenSize });
  return {
    ...bartLayers(source, family, side),
    words: words(source, family, side),
    afterEmbedding: (embedded, positions) => {
      const normalize = (x: Value): Value =>
        norm(source, own, 'layernorm_embedding')('embedding_norm', { stream: x, update: undefined })
          .normalized;
      const place = embeddingNorm?.[side];
      const tokens =
        place === 'tokens' ? normalize(embedded) : scale(graph, 'embedded.scaled', embedded, factor);
      const sum = addPositions(graph, 'embedded.positions', tokens, positions(), table, hiddenSize);
      return place === 'sum' ? normalize(sum) : sum;
    },
  };
}

function layerDesign(
  source: Seq2SeqSource,
  family: BartFamily,
  side: Side,
  stackWeights: ModelWeights,
  index: number,
): LayerDesign {
  const { graph, config, sizes } = source;
  const { hiddenSize } = sizes;
  const own = stackWeights.within(`layers.${index}`);
  const { defaults } = family;
  const inner = config.size(`${side}_ffn_dim`, defaults.intermediateSize);
  const activation = activationOf(config, 'activation_function', defaults.activation);
  return {
    attention: attentionWeights(own.within('self_attn'), hiddenSize, family),
    attentionNorm: norm(source, own, 'self_attn_layer_norm'),
    feedForward: (name, x) => {
      const weights = {
        up: own.matrix('fc1', inner, hiddenSize),
        upBias: own.bias('fc1', inner),
        down: own.matrix('fc2', hiddenSize, inner),
        downBias: own.bias('fc2', hiddenSize),
      };
      return feedForward(graph, name, x, weights, activation);
    },
    feedForwardNorm: norm(source, own, 'final_layer_norm'),
  };
}

function attentionWeights(own: ModelWeights, hiddenSize: number, { hasPlainKeys = false }: BartFamily) {
  const side = (name: string) => own.matrix(name, hiddenSize, hiddenSize);
  return {
    query: side('q_proj'),
    queryBias: own.bias('q_proj', hiddenSize),
    key: side('k_proj'),
    keyBias: hasPlainKeys ? undefined : own.bias('k_proj', hiddenSize),
    value: side('v_proj'),
    valueBias: own.bias('v_proj', hiddenSize),
    output: side('out_proj'),
    outputBias: own.bias('out_proj', hiddenSize),
  };
}

function norm({ graph, sizes }: Seq2SeqSource, own: ModelWeights, weightName: string): Normalize {
  const weights = own.norm(weightName, sizes.hiddenSize, EPSILON);
  return (name, residual) => layerNorm(graph, name, residual, weights);
}

function words({ config, weights, sizes }: Seq2SeqSource, family: BartFamily, side: Side): Weight {
  const { hiddenSize, vocabularySize, sourceVocabularySize } = sizes;
  const rows = side === 'encoder' ? sourceVocabularySize : vocabularySize;
  return tokenEmbeddings(weights, bartBody(weights), side, [rows, hiddenSize], tyingOf(config, family));
}

/** The weights of both stacks, which are below `model` where the checkpoint has a head. */
function bartBody(weights: ModelWeights): ModelWeights {
  return bodyOf(weights, 'model', 'encoder.layers.0.fc1.weight');
}

/** The weights of a side. */
export function sideWeights(weights: ModelWeights, side: Side): ModelWeights {
  return bartBody(weights).within(side);
}
