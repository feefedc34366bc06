import { alibi, mptSlopes } from '../assembly/alibi.js';
import type { DecoderArchitecture, DecoderLayer } from '../assembly/decoder-design.js';
import { attend, plainMlp, preNormLayer, type AttentionDesign } from '../assembly/decoder-layers.js';
import { layerNorms } from '../assembly/decoder-norms.js';
import { multiHeadSizes } from '../assembly/decoder-source.js';
import { ModelConfig } from '../config.js';
import type { Value } from '../onnx/graph-builder.js';

/**
 * MPT (MosaicML 2023): ALiBi in place of positions, layer norms without a shift, and no biases. Slopes go to
 * `alibi_bias_max` as in MosaicML's code; transformers' always go to 8.
 */
export const mpt: DecoderArchitecture = {
  modelTypes: ['mpt'],
  names: {
    body: 'transformer',
    embedding: 'wte',
    layers: 'blocks',
    norm: 'norm_f',
    tokenClassifier: 'classifier',
  },
  fieldNames: {
    hidden_size: 'd_model',
    num_attention_heads: 'n_heads',
    num_hidden_layers: 'n_layers',
    max_position_embeddings: 'max_seq_len',
  },
  sizes: multiHeadSizes,

  design(source) {
    const { config, sizes } = source;
    const attention = config.section('attn_config') ?? new ModelConfig('attn_config', {});
    refuseOthers(config, attention);
    const design: AttentionDesign = {
      rotary: undefined,
      keyBias: alibi(source, mptSlopes(sizes.heads, attention.positive('alibi_bias_max', 8))),
      scale: attention.has('softmax_scale') ? attention.positive('softmax_scale') : undefined,
      clip: attention.has('clip_qkv') ? attention.positive('clip_qkv') : undefined,
    };
    const mlp = {
      within: 'ffn',
      up: 'up_proj',
      down: 'down_proj',
      inner: 4 * sizes.hiddenSize,
      hasBiases: false,
      activation: 'gelu',
    } as const;
    return {
      normalize: layerNorms(source, 'layer_norm_epsilon', { shifted: false }),
      layer: (layer, residual) =>
        preNormLayer(
          layer,
          residual,
          { attention: x => packedHeads(layer, x, design), feedForward: x => plainMlp(layer, x, mlp) },
          ['norm_1', 'norm_2'],
        ),
    };
  },
};

function packedHeads(layer: DecoderLayer, x: Value, design: AttentionDesign): Value {
  const { hiddenSize } = layer.source.sizes;
  const own = layer.weights.within('attn');
  const weights = {
    packed: own.matrix('Wqkv', 3 * hiddenSize, hiddenSize),
    output: own.matrix('out_proj', hiddenSize, hiddenSize),
  };
  return attend(layer, x, weights, design);
}

/** Forms that MosaicML's code has and transformers' has not. */
function refuseOthers(config: ModelConfig, attention: ModelConfig): void {
  attention.choice('attn_type', ['multihead_attention'], 'multihead_attention');
  config.choice('norm_type', ['low_precision_layernorm', 'layernorm'], 'low_precision_layernorm');
  for (const name of ['qk_ln', 'prefix_lm'])
    if (attention.flag(name, false)) attention.unsupported(`${name} is true`);
  if (!attention.flag('alibi', true)) attention.unsupported('alibi is false');
  if (!config.flag('no_bias', true)) config.unsupported('no_bias is false');
  if (config.finite('expansion_ratio', 4) !== 4) config.unsupported('expansion_ratio is not 4');
  if (config.has('logit_scale')) config.unsupported('logit_scale is set');
}
