import type { DecoderArchitecture, DecoderLayer } from '../assembly/decoder-design.js';
import { biasesOf, gatedWeights, LLAMA_ATTENTION, sandwichNormLayer } from '../assembly/decoder-layers.js';
import { rmsNorms } from '../assembly/decoder-norms.js';
import {
  withOwnRope,
  type DecoderSizes,
  type DecoderSource,
  type KeyHeads,
} from '../assembly/decoder-source.js';
import { PerLayerInputs } from '../assembly/per-layer-inputs.js';
import { rotaryByWindow } from '../assembly/rotary-by-window.js';
import { keysOfEarlier, SharedKeyAttention, valueNorms } from '../assembly/shared-keys.js';
import { windowedSizes } from '../assembly/windows.js';
import { activationOf } from '../blocks/activation.js';
import { gatedFeedForward } from '../blocks/feed-forward.js';
import { sumOf } from '../blocks/normalization.js';
import { scale } from '../blocks/scale.js';
import type { ModelConfig } from '../config.js';
import type { Value } from '../onnx/graph-builder.js';

/**
 * Gemma 4 (Gemma Team 2026), text only: Gemma 3 with plain norms, of values, too, and no factor of scores; layers
 * without a window have heads of their own, of which a part turns, and may take their keys for values; the last layers
 * may read the keys and values of earlier ones; per-layer embeddings.
 */
export const gemma4: DecoderArchitecture = {
  modelTypes: ['gemma4_text'],
  defaults: { head_dim: 256, num_key_value_heads: 4, sliding_window: 512 },
  sizes: gemma4Sizes,
  reachBothWays: window => Math.floor(window / 2) + 1,
  design(given) {
    const source = withOwnRope(given, OWN_ROPE);
    const { graph, config, sizes } = source;
    refuseExperts(config);
    requireSections(config, sizes);
    const activation = activationOf(config, 'hidden_activation', 'gelu_pytorch_tanh');
    const rotary = rotaryByWindow(source, 10_000);
    const biases = biasesOf(config);
    const keysAreValues = config.flag('attention_k_eq_v', false);
    const shared = new SharedKeyAttention();
    const perLayer = perLayerInputs(source);
    const attention = (layer: DecoderLayer, x: Value): Value => {
      const design = { rotary: rotary(layer), norms: valueNorms(layer), scale: 1 };
      const isKey = keysAreValues && layer.window === undefined;
      const names = isKey ? { ...LLAMA_ATTENTION, value: LLAMA_ATTENTION.key } : LLAMA_ATTENTION;
      return shared.attend(layer, x, design, biases, names);
    };
    const isDoubled = config.flag('use_double_wide_mlp', false);
    const inner = config.size('intermediate_size');
    const feedForward = (layer: DecoderLayer, x: Value): Value => {
      const width = isDoubled && sizes.keysOf?.[layer.index] !== undefined ? 2 * inner : inner;
      const weights = gatedWeights(layer, layer.weights.within('mlp'), width);
      return gatedFeedForward(graph, `${layer.name}.feed_forward`, x, weights, activation);
    };
    return {
      normalize: rmsNorms(source),
      afterEmbedding(x, ids, body, cache) {
        const embedded = scale(graph, 'embedded.scaled', x, Math.sqrt(sizes.hiddenSize));
        perLayer?.write(embedded, ids, body, cache);
        return embedded;
      },
      layer(layer, residual) {
        const { name, weights } = layer;
        const halves = sandwichNormLayer(layer, residual, {
          attention: x => attention(layer, x),
          feedForward: x => feedForward(layer, x),
        });
        const sum = sumOf(graph, `${name}.sum`, halves);
        const update = perLayer?.update(layer, sum, activation);
        const factor = weights.vector('layer_scalar', 1);
        const stream = graph.node({
          op: 'Mul',
          inputs: [
            sumOf(graph, `${name}.per_layer.sum`, { stream: sum, update }),
            graph.floats(`${name}.factor`, [1], () => factor.load()),
          ],
          name: `${name}.scaled`,
        });
        return { stream, update: undefined };
      },
      logitsSoftCap: config.has('final_logit_softcapping')
        ? config.positive('final_logit_softcapping')
        : undefined,
    };
  },
};

/** The text part of Gemma 4's models that take pictures and sound without an encoder: without per-layer embeddings. */
export const gemma4Unified: DecoderArchitecture = {
  ...gemma4,
  modelTypes: ['gemma4_unified_text'],
  defaults: { ...gemma4.defaults, sliding_window: 1024, hidden_size_per_layer_input: 0 },
};

const OWN_ROPE = {
  sliding_attention: { rope_type: 'default', rope_theta: 10_000 },
  full_attention: { rope_type: 'proportional', partial_rotary_factor: 0.25, rope_theta: 1_000_000 },
};

/** Fields that a layer's section of `per_layer_config` may have. */
const OF_LAYERS = ['head_dim', 'num_key_value_heads'];

function gemma4Sizes(config: ModelConfig): DecoderSizes {
  const sizes = windowedSizes(config, layer => (layer + 1) % 6 !== 0);
  // Whatever `layer_types` says, the last layer has none.
  const windows = sizes.windows!.with(-1, undefined);
  const layerHeads = windows.map((window, layer) => headsOf(config, sizes, window === undefined, layer));
  const odd = layerHeads.findIndex(({ kvHeads, headSize }, layer) => {
    const first = layerHeads[windows.indexOf(windows[layer])]!;
    return kvHeads !== first.kvHeads || headSize !== first.headSize;
  });
  if (odd >= 0) config.unsupported(`per_layer_config gives layer ${odd} other heads than those of its kind`);
  for (const { kvHeads, headSize } of layerHeads) {
    if (sizes.heads % kvHeads !== 0)
      config.invalid(`num_attention_heads (${sizes.heads}) is no multiple of ${kvHeads} heads of keys`);
    if (headSize % 2 !== 0) config.invalid(`heads of an odd size (${headSize}) cannot be rotated`);
  }
  return { ...sizes, windows, layerHeads, keysOf: keysOfEarlier(config, windows, 0) };
}

/** Heads of a layer: `per_layer_config` says it in files that transformers 5.24 has saved. */
function headsOf(
  config: ModelConfig,
  { kvHeads, headSize }: DecoderSizes,
  isWhole: boolean,
  layer: number,
): KeyHeads {
  if (config.names.includes('per_layer_config')) {
    const layers = config.section('per_layer_config');
    const name = layers?.names.find(index => Number(index) === layer);
    const own = name === undefined ? undefined : layers!.section(name);
    const other = own?.names.find(field => !OF_LAYERS.includes(field));
    if (other !== undefined) own!.unsupported(`${other} of one layer; known: ${OF_LAYERS.join(', ')}`);
    return {
      kvHeads: own?.size('num_key_value_heads', kvHeads) ?? kvHeads,
      headSize: own?.size('head_dim', headSize) ?? headSize,
    };
  }
  if (!isWhole) return { kvHeads, headSize };
  const wholeHeads = config.size('num_global_key_value_heads', kvHeads);
  return {
    kvHeads: config.flag('attention_k_eq_v', false) ? wholeHeads : kvHeads,
    headSize: config.size('global_head_dim', 512),
  };
}

function refuseExperts(config: ModelConfig): void {
  if (config.flag('enable_moe_block', false))
    config.unsupported(
      'enable_moe_block is true: ONNX Runtime has no mixture of experts whose gate is GELU, and none is written without it',
    );
}

/** transformers reads the positions of each kind of layer from its own section alone. */
function requireSections(config: ModelConfig, { windows = [] }: DecoderSizes): void {
  const rope = config.section('rope_parameters');
  for (const [name, isThere] of [
    ['full_attention', windows.includes(undefined)],
    ['sliding_attention', windows.some(window => window !== undefined)],
  ] as const)
    if (isThere && rope?.section(name) === undefined) config.invalid(`rope_parameters has no ${name}`);
}

/** The vectors of each layer; undefined where there are none. */
function perLayerInputs(source: DecoderSource): PerLayerInputs | undefined {
  const size = source.config.count('hidden_size_per_layer_input', 256);
  return size === 0 ? undefined : new PerLayerInputs(source, size);
}
