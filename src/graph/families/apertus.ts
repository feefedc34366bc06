import type { DecoderArchitecture, DecoderLayer } from '../assembly/decoder-design.js';
import { biasesOf, plainMlp, preNormLayer } from '../assembly/decoder-layers.js';
import { decoderSizes, withOwnRope } from '../assembly/decoder-source.js';
import { llamaDesign } from '../assembly/llama-design.js';
import { headNorms } from '../assembly/query-key-norms.js';
import { activationOf } from '../blocks/activation.js';
import { xielu } from '../blocks/xielu.js';
import type { Value } from '../onnx/graph-builder.js';

/** Of the configuration class, where config.json has none. */
const ROPE = {
  rope_type: 'llama3',
  rope_theta: 12_000_000,
  factor: 8,
  original_max_position_embeddings: 8192,
  low_freq_factor: 1,
  high_freq_factor: 4,
};

/**
 * Apertus (Apertus Team 2025): Llama with norms of each head, and a feed-forward layer without a gate whose
 * activation, xIELU, is trained.
 */
export const apertus: DecoderArchitecture = {
  modelTypes: ['apertus'],
  defaults: { rms_norm_eps: 1e-5, rope_theta: 12_000_000 },
  sizes: decoderSizes,
  design(given) {
    const source = withOwnRope(given, ROPE);
    const { config } = source;
    const isTrained = config.string('hidden_act', 'xielu') === 'xielu';
    const inner = config.size('intermediate_size');
    const mlp = { within: 'mlp', up: 'up_proj', down: 'down_proj', inner, hasBiases: false };
    return llamaDesign(source, {
      attention: layer => ({ norms: headNorms(layer) }),
      attentionBiases: biasesOf(config),
      feedForward(layer, x) {
        const activation = isTrained ? trained(layer) : activationOf(config, 'hidden_act', 'relu2');
        return plainMlp(layer, x, { ...mlp, activation });
      },
      layer: (layer, residual, halves) =>
        preNormLayer(layer, residual, halves, ['attention_layernorm', 'feedforward_layernorm']),
    });
  },
};

function trained({ source, weights }: DecoderLayer): (name: string, x: Value) => Value {
  const own = weights.within('mlp.act_fn');
  const [alphaP, alphaN] = [own.vector('alpha_p', 1), own.vector('alpha_n', 1)];
  // Older checkpoints do not store these.
  const [beta, epsilon] = ['beta', 'eps'].map(name => (own.has(name) ? own.scalar(name) : undefined));
  return (name, x) => xielu(source.graph, name, x, { alphaP, alphaN, beta, epsilon });
}
