import type { DecoderArchitecture } from '../assembly/decoder-design.js';
import { biasesOf } from '../assembly/decoder-layers.js';
import { decoderSizes, type DecoderSource } from '../assembly/decoder-source.js';
import { llamaDesign } from '../assembly/llama-design.js';
import { headNorms } from '../assembly/query-key-norms.js';
import { rotaryOf, ropeSection, ropeTables, ropeType } from '../assembly/rope.js';
import { inverseFrequencies, type RotaryTables } from '../blocks/rotary.js';

/** Hunyuan, dense (Tencent 2025): Llama with norms of each head behind its rotary positions. */
export const hunyuan: DecoderArchitecture = {
  modelTypes: ['hunyuan_v1_dense'],
  defaults: { rms_norm_eps: 1e-5 },
  sizes: decoderSizes,
  design(source) {
    const rotary = hunyuanRotary(source);
    return llamaDesign(source, {
      rotary: () => rotary,
      attention: layer => ({
        norms: headNorms(layer, 'plain', ['query_layernorm', 'key_layernorm']),
        turnsFirst: true,
      }),
      attentionBiases: biasesOf(source.config),
    });
  },
};

/** What is called `dynamic` with an `alpha` stretches the base once, whatever the length (NTK-aware scaling). */
function hunyuanRotary(source: DecoderSource): RotaryTables {
  const { config, sizes } = source;
  const section = ropeSection(config);
  if (section === undefined || ropeType(section) !== 'dynamic' || !section.has('alpha'))
    return rotaryOf(source);
  const theta = (section.has('rope_theta') ? section : config).positive('rope_theta', 10_000);
  const size = sizes.headSize;
  const stretched = theta * section.positive('alpha') ** (size / (size - 2));
  return ropeTables(source, 'rotary', { frequencies: inverseFrequencies(size, stretched), magnitude: 1 });
}
