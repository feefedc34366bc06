import type { DecoderArchitecture } from '../assembly/decoder-design.js';
import { biasesOf, outputNormLayer } from '../assembly/decoder-layers.js';
import { plainLayerNorms } from '../assembly/decoder-norms.js';
import { decoderSizes } from '../assembly/decoder-source.js';
import { llamaDesign } from '../assembly/llama-design.js';
import { wholeNorms } from '../assembly/query-key-norms.js';
import { rotaryByWindow } from '../assembly/rotary-by-window.js';
import { windowedSizes } from '../assembly/windows.js';
import type { ModelConfig } from '../config.js';
import { experts } from './qwen-moe.js';

/** OLMo's layer norms have neither weights nor a field for their epsilon. */
const OLMO_EPSILON = 1e-5;

/** OLMo (Groeneveld et al. 2024): Llama with layer norms without weights, and projections that are kept small. */
export const olmo: DecoderArchitecture = {
  modelTypes: ['olmo'],
  sizes: decoderSizes,
  design(source) {
    const clip = clipOf(source.config);
    return llamaDesign(source, {
      normalize: plainLayerNorms(source, OLMO_EPSILON),
      attention: () => ({ clip }),
      attentionBiases: biasesOf(source.config),
    });
  },
};

/** OLMo 2 (OLMo et al. 2024): norms of what halves of a layer give, and of all queries and keys at once. */
export const olmo2: DecoderArchitecture = {
  modelTypes: ['olmo2'],
  defaults: { rms_norm_eps: 1e-5 },
  sizes: decoderSizes,
  design: source =>
    llamaDesign(source, {
      attention: layer => ({ norms: wholeNorms(layer) }),
      attentionBiases: biasesOf(source.config),
      layer: outputNormLayer,
    }),
};

/** OLMo 3 (Olmo et al. 2025): OLMo 2 with three layers with a window to one without; only the latter's positions stretch. */
export const olmo3: DecoderArchitecture = {
  modelTypes: ['olmo3'],
  defaults: { rms_norm_eps: 1e-5, rope_theta: 500_000, sliding_window: 4096 },
  sizes: config => windowedSizes(config, layer => (layer + 1) % 4 !== 0),
  design: source =>
    llamaDesign(source, {
      rotary: rotaryByWindow(source, source.config.positive('rope_theta')),
      attention: layer => ({ norms: wholeNorms(layer) }),
      attentionBiases: biasesOf(source.config),
      layer: outputNormLayer,
    }),
};

/** OLMoE (Muennighoff et al. 2024): Llama with experts, and norms of all queries and keys at once. */
export const olmoe: DecoderArchitecture = {
  modelTypes: ['olmoe'],
  fieldNames: { num_experts: 'num_local_experts' },
  defaults: { rms_norm_eps: 1e-5, num_experts_per_tok: 8 },
  sizes: decoderSizes,
  design(source) {
    const clip = clipOf(source.config);
    return llamaDesign(source, {
      attention: layer => ({ norms: wholeNorms(layer), clip }),
      attentionBiases: biasesOf(source.config),
      feedForward: (layer, x) => experts(layer, x, 'intermediate_size'),
    });
  },
};

function clipOf(config: ModelConfig): number | undefined {
  return config.has('clip_qkv') ? config.positive('clip_qkv') : undefined;
}
