import type { VisionArchitecture } from '../../assembly/vision/architecture.js';
import { tokenVector } from '../../assembly/vision/heads.js';
import { vitHeads, vitSizes } from '../../assembly/vision/sizes.js';
import type { VisionLayerNames } from '../../assembly/vision/layer-weights.js';
import { visionTransformer } from '../../assembly/vision/vision-transformer.js';
import { activationOf } from '../../blocks/activation.js';
import { gridRotaryTables } from '../../blocks/rotary-2d.js';
import { MOST, type ModelConfig } from '../../config.js';

/**
 * DINOv3 (Siméoni et al. 2025): layer scale, registers, and rotary positions by row and column, so that pictures may
 * have any size. Its features are the class token behind the last norm. Weight names are those of Hugging Face's
 * `DINOv3ViTModel`, of versions 4 and 5.
 */
export const dinov3: VisionArchitecture = {
  modelTypes: ['dinov3_vit'],
  bodyName: 'dinov3_vit',
  probe: 'embeddings.patch_embeddings.weight',

  sizes: config =>
    vitSizes(config.withDefaults({ hidden_size: 384 }), {
      patch: 16,
      leading: 1 + registers(config),
      resizes: true,
    }),

  hiddenStates(source, tokens) {
    const { graph, body, grid, sizes } = source;
    const config = source.config.withDefaults({ hidden_size: 384, num_attention_heads: 6 });
    const width = sizes.hiddenSize;
    const heads = vitHeads(config);
    if (heads.headSize % 4 !== 0)
      config.invalid(`heads of ${heads.headSize} features cannot be turned by row and column`);
    const theta = config.positive('rope_theta', 100);
    const rotary = gridRotaryTables(graph, 'rotary', grid, heads.headSize, theta, sizes.leading);
    const layers = body.has('model.layer.0.norm1.weight') ? 'model.layer' : 'layer';
    const isGated = config.flag('use_gated_mlp', false);
    return visionTransformer(
      source,
      {
        heads,
        intermediateSize: config.size('intermediate_size', 1536),
        activation: activationOf(config, 'hidden_act', 'gelu'),
        epsilon: config.positive('layer_norm_eps', 1e-5),
        biases: {
          query: config.flag('query_bias', true),
          key: config.flag('key_bias', false),
          value: config.flag('value_bias', true),
          output: config.flag('proj_bias', true),
          feedForward: config.flag('mlp_bias', true),
        },
        leading: [
          { name: 'embeddings.cls_token', shape: [1, 1, width] },
          ...(body.has(REGISTERS) || registers(config) > 0
            ? [{ name: REGISTERS, shape: [1, registers(config), width] }]
            : []),
        ],
        patches: { name: 'embeddings.patch_embeddings', hasBias: true },
        layer: index => dinov3Layer(`${layers}.${index}`, isGated),
        scores: () => ({ rotary }),
        lastNorm: 'norm',
      },
      tokens,
    );
  },

  embedding: config => tokenVector(config.size('hidden_size', 384, MOST.width)),
  classifier: config => config.unsupported('a DINOv3 has no classifier that is known'),
};

/** They are stored even if there are none. */
const REGISTERS = 'embeddings.register_tokens';

function registers(config: ModelConfig): number {
  return config.count('num_register_tokens', 0);
}

function dinov3Layer(prefix: string, isGated: boolean): VisionLayerNames {
  return {
    query: `${prefix}.attention.q_proj`,
    key: `${prefix}.attention.k_proj`,
    value: `${prefix}.attention.v_proj`,
    output: `${prefix}.attention.o_proj`,
    attentionNorm: `${prefix}.norm1`,
    feedForwardNorm: `${prefix}.norm2`,
    up: `${prefix}.mlp.up_proj`,
    down: `${prefix}.mlp.down_proj`,
    gate: isGated ? `${prefix}.mlp.gate_proj` : undefined,
    scales: [`${prefix}.layer_scale1.lambda1`, `${prefix}.layer_scale2.lambda1`],
  };
}
