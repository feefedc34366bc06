import type { DecoderArchitecture } from '../assembly/decoder-design.js';
import { biasesOf, outputNormLayer } from '../assembly/decoder-layers.js';
import { decoderSizes } from '../assembly/decoder-source.js';
import { gatedMlps, llamaDesign } from '../assembly/llama-design.js';
import { headNorms } from '../assembly/query-key-norms.js';
import { rotaryOf } from '../assembly/rope.js';
import { windowedSizes } from '../assembly/windows.js';

/** What EXAONE 3 calls Llama's weights. */
const EXAONE_NAMES: readonly (readonly [llama: RegExp, exaone: string])[] = [
  [/^model\./, 'transformer.'],
  [/(^|\.)embed_tokens\./, '$1wte.'],
  [/(^|\.)layers\./, '$1h.'],
  [/^((?:transformer\.)?)norm\./, '$1ln_f.'],
  [/\.self_attn\.o_proj\./, '.self_attn.out_proj.'],
  [/\.self_attn\./, '.attn.attention.'],
  [/\.input_layernorm\./, '.ln_1.'],
  [/\.post_attention_layernorm\./, '.ln_2.'],
  [/\.gate_proj\./, '.c_fc_0.'],
  [/\.up_proj\./, '.c_fc_1.'],
  [/\.down_proj\./, '.c_proj.'],
];

/** EXAONE 3 and 3.5 (LG AI Research 2024): Llama by other names of fields and weights. */
export const exaone: DecoderArchitecture = {
  modelTypes: ['exaone'],
  storedName: name => EXAONE_NAMES.reduce((result, [llama, own]) => result.replace(llama, own), name),
  defaults: { rms_norm_eps: 1e-5, rope_theta: 500_000 },
  fieldNames: {
    num_hidden_layers: 'num_layers',
    rms_norm_eps: 'layer_norm_epsilon',
    hidden_act: 'activation_function',
  },
  sizes: decoderSizes,
  design: source =>
    llamaDesign(source, {
      attentionBiases: biasesOf(source.config),
      feedForward: gatedMlps(source, 'mlp_bias'),
    }),
};

/**
 * EXAONE 4 (LG AI Research 2025): norms of what halves of a layer give and of each head; where some layers have a
 * window, the others have no positions.
 */
export const exaone4: DecoderArchitecture = {
  modelTypes: ['exaone4'],
  defaults: { rms_norm_eps: 1e-5, sliding_window: 4096, sliding_window_pattern: 4 },
  sizes: config =>
    windowedSizes(
      config,
      layer => config.has('sliding_window') && (layer + 1) % config.size('sliding_window_pattern') !== 0,
    ),
  design(source) {
    const rotary = rotaryOf(source);
    const isHybrid = source.config.has('sliding_window');
    return llamaDesign(source, {
      rotary: layer => (isHybrid && layer.window === undefined ? undefined : rotary),
      attention: layer => ({ norms: headNorms(layer) }),
      layer: outputNormLayer,
    });
  },
};
