import { asEncoder } from '../assembly/decoder-as-encoder.js';
import { LLAMA_NAMES, withOwnConfig, type DecoderArchitecture } from '../assembly/decoder-design.js';
import { attend, preNormLayer } from '../assembly/decoder-layers.js';
import { rmsNorms } from '../assembly/decoder-norms.js';
import { multiHeadSizes } from '../assembly/decoder-source.js';
import type { EncoderArchitecture, EncoderSource } from '../assembly/encoder-architecture.js';
import { fusedProjection, partsByHead } from '../assembly/fused-attention.js';
import { rotaryOf } from '../assembly/rope.js';
import type { TransformWeights } from '../blocks/prediction-head.js';
import { fusedMlp } from './phi3.js';

const LAYERS: DecoderArchitecture = {
  modelTypes: ['neobert'],
  names: {
    ...LLAMA_NAMES,
    embedding: 'encoder',
    layers: 'transformer_encoder',
    norm: 'layer_norm',
  },
  fieldNames: { max_position_embeddings: 'max_length', rms_norm_eps: 'norm_eps', head_dim: 'dim_head' },
  sizes: multiHeadSizes,
  design(source) {
    const { config, sizes } = source;
    const { hiddenSize } = sizes;
    const rotary = rotaryOf(source, { interleaved: true });
    // Of what config.json says two thirds, in eights.
    const inner = 8 * Math.ceil(Math.floor((2 * config.size('intermediate_size')) / 3) / 8);
    const mlp = { within: 'ffn', both: 'w12', down: 'w3', inner };
    return {
      normalize: rmsNorms(source),
      layer: (layer, residual) =>
        preNormLayer(
          layer,
          residual,
          {
            attention: x => {
              const own = layer.weights;
              const weights = {
                ...fusedProjection(own, 'qkv', hiddenSize, partsByHead(sizes), false),
                output: own.matrix('wo', hiddenSize, hiddenSize),
              };
              return attend(layer, x, weights, { rotary });
            },
            feedForward: x => fusedMlp(layer, x, mlp),
          },
          ['attention_norm', 'ffn_norm'],
        ),
    };
  },
};

const encoder = asEncoder(withOwnConfig(LAYERS), () => true);

/**
 * NeoBERT (Le Breton et al. 2025): layers like Llama's, whose tokens see both ways and whose neighbouring features of a head
 * turn together. Fields and weights are those of its makers' code.
 */
export const neobert: EncoderArchitecture = {
  ...encoder,
  defaults: { tie_word_embeddings: false, hidden_act: 'silu' },
  sizes(config) {
    if (config.flag('tie_word_embeddings', false))
      config.unsupported('tie_word_embeddings is true, of which the code of its makers knows nothing');
    config.choice('hidden_act', ['silu'], 'silu');
    return encoder.sizes(config);
  },
  heads: () => ({
    'sequence-classification': { pooling: 'cls', projection: 'classifier', transform: classifierLayer },
    'token-classification': { projection: 'classifier', transform: classifierLayer },
    'question-answering': { projection: 'qa_outputs' },
    'fill-mask': { matrix: 'decoder.weight', bias: 'decoder.bias' },
  }),
};

function classifierLayer({ weights, sizes: { hiddenSize } }: EncoderSource): TransformWeights {
  return {
    matrix: weights.matrix('dense', hiddenSize, hiddenSize),
    bias: weights.bias('dense', hiddenSize),
    activation: 'tanh',
  };
}
