import type { DecoderArchitecture, DecoderLayer } from '../assembly/decoder-design.js';
import { llamaDesign } from '../assembly/llama-design.js';
import { withOwnRope, type DecoderSource } from '../assembly/decoder-source.js';
import { ropeSection } from '../assembly/rope.js';
import { factorByPosition } from '../assembly/token-positions.js';
import { uniformlyWindowedSizes } from '../assembly/windows.js';
import type { Value } from '../onnx/graph-builder.js';

/** Mistral (Jiang et al. 2023): Llama with a sliding window. */
export const mistral: DecoderArchitecture = {
  modelTypes: ['mistral'],
  sizes: uniformlyWindowedSizes,
  design: source => llamaDesign(source),
};

/** Ministral (Mistral AI 2024): Mistral whose layers may differ in whether they have a window. */
export const ministral: DecoderArchitecture = {
  modelTypes: ['ministral'],
  defaults: { sliding_window: 4096 },
  sizes: uniformlyWindowedSizes,
  design: source => llamaDesign(source),
};

/** Of Ministral 3's configuration class, where config.json has none. */
const MINISTRAL_ROPE = {
  rope_type: 'yarn',
  rope_theta: 1_000_000,
  factor: 16,
  original_max_position_embeddings: 16_384,
  beta_fast: 32,
  beta_slow: 1,
  mscale: 1,
  mscale_all_dim: 1,
  llama_4_scaling_beta: 0.1,
};

/**
 * Ministral 3 (Mistral AI 2025): Mistral with YaRN, and queries that grow slowly beyond the context that it was first
 * trained for (Llama 4, Meta 2025), so that attention stays sharp.
 */
export const ministral3: DecoderArchitecture = {
  modelTypes: ['ministral3'],
  defaults: { head_dim: 128, num_key_value_heads: 8, rms_norm_eps: 1e-5 },
  sizes: uniformlyWindowedSizes,
  design(given) {
    const source = withOwnRope(given, MINISTRAL_ROPE);
    const queryFactor = growingQueries(source);
    return llamaDesign(source, { attention: layer => ({ queryFactor: queryFactor(layer) }) });
  },
};

/** The factor of a layer's queries beyond the original context; undefined where no context is that long. */
export function growingQueries({ config, sizes }: DecoderSource): (layer: DecoderLayer) => Value | undefined {
  const section = ropeSection(config)!;
  const beta = section.positive('llama_4_scaling_beta');
  const original = section.size('original_max_position_embeddings');
  const factor = (position: number): number => 1 + beta * Math.log(1 + Math.floor(position / original));
  return layer =>
    sizes.contextLength <= original ? undefined : factorByPosition(layer, 'query_factor', factor);
}
