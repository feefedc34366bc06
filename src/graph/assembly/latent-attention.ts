import { latentHeadSize, projectLatents, type LatentSizes } from '../blocks/latent-attention.js';
import type { RotaryTables } from '../blocks/rotary.js';
import { MOST, type ModelConfig } from '../config.js';
import type { Value } from '../onnx/graph-builder.js';
import type { DecoderLayer } from './decoder-design.js';
import { attend } from './decoder-layers.js';
import { decoderSizes, type DecoderSizes, type DecoderSource } from './decoder-source.js';
import { readRope, ropeSection, ropeTables, ropeType } from './rope.js';

/** Epsilon of the norms of latents, whatever `rms_norm_eps` says. */
const LATENT_EPSILON = 1e-6;

/**
 * Sizes of a decoder with multi-head latent attention (DeepSeek-V2): its cache has one head of keys, which are values,
 * too.
 *
 * @throws KvasirError `invalid_model`
 */
export function latentDecoderSizes(config: ModelConfig): DecoderSizes {
  const { turned, heads, ...others } = latentSizes(config);
  const keys = config.size('num_key_value_heads', heads);
  if (keys !== heads)
    config.invalid(
      `num_key_value_heads is ${keys}, and latent attention has one for each of ${heads} queries`,
    );
  return {
    ...decoderSizes(config.withDefaults({ head_dim: turned })),
    kvHeads: 1,
    headSize: latentHeadSize({ turned, ...others }),
  };
}

/** What sets the latent attention of families apart. */
export interface LatentDesign {
  /** True if neighbouring features of a head turn against each other. */
  readonly interleaved: boolean;
  /** Features of which `partial_rotary_factor` says the share that turns; default: those that turn. */
  readonly rotaryWidth?: number;
  /** Factor of a layer's queries, `[...tokens, 1]`. */
  readonly queryFactor?: (layer: DecoderLayer) => Value | undefined;
}

/**
 * Multi-head latent attention with the weights that Hugging Face's DeepSeek-V2 and V3 have in `self_attn`.
 *
 * @throws KvasirError `unsupported_model` where other features turn than `qk_rope_head_dim` says
 */
export function latentAttention(
  source: DecoderSource,
  { interleaved, rotaryWidth, queryFactor }: LatentDesign,
): (layer: DecoderLayer, x: Value) => Value {
  const { graph, config } = source;
  const sizes = latentSizes(config);
  const rotary = latentRotary(source, sizes, rotaryWidth ?? sizes.turned);
  const scale = scoreScale(config, sizes);
  return (layer, x) => {
    const weights = latentWeights(layer, sizes, interleaved);
    const name = `${layer.name}.latent`;
    const projected = projectLatents(graph, name, x, sizes, weights, queryFactor?.(layer));
    return attend(layer, x, projected, { rotary, scale });
  };
}

function latentSizes(config: ModelConfig): LatentSizes {
  const turned = config.size('qk_rope_head_dim', undefined, MOST.width);
  if (turned % 2 !== 0) config.invalid(`qk_rope_head_dim (${turned}) is odd`);
  return {
    heads: config.size('num_attention_heads'),
    still: config.size('qk_nope_head_dim', undefined, MOST.width),
    turned,
    value: config.size('v_head_dim', undefined, MOST.width),
    rank: config.size('kv_lora_rank', undefined, MOST.width),
  };
}

function latentRotary(source: DecoderSource, { turned }: LatentSizes, headSize: number): RotaryTables {
  const { config, sizes } = source;
  const rope = readRope(config, { ...sizes, headSize });
  const features = 2 * rope.frequencies.length;
  if (features !== turned)
    config.unsupported(
      `partial_rotary_factor lets ${features} features turn, and qk_rope_head_dim is ${turned}`,
    );
  // Weights are put in the operator's order where they are picked.
  return { ...ropeTables(source, 'rotary', rope), order: undefined };
}

/** Factor of scores: where positions are stretched, `mscale_all_dim` sharpens them (YaRN, Peng et al. 2023). */
function scoreScale(config: ModelConfig, { still, turned }: LatentSizes): number {
  const plain = 1 / Math.sqrt(still + turned);
  const section = ropeSection(config);
  if (section === undefined || ropeType(section) === 'default') return plain;
  const sharpness = section.finite('mscale_all_dim', 0);
  if (sharpness === 0) return plain;
  const factor = section.positive('factor');
  return factor <= 1 ? plain : plain * (0.1 * sharpness * Math.log(factor) + 1) ** 2;
}

function latentWeights({ source, weights }: DecoderLayer, sizes: LatentSizes, interleaved: boolean) {
  const { heads, still, turned, value, rank } = sizes;
  const {
    config,
    sizes: { hiddenSize },
  } = source;
  const own = weights.within('self_attn');
  const hasBiases = config.flag('attention_bias', false);
  const bottleneck = (down: string, rows: number, norm: string, normed: number) => ({
    down: own.matrix(down, rows, hiddenSize),
    downBias: hasBiases ? own.bias(down, rows) : undefined,
    norm: own.scale(norm, normed),
  });
  const queryRank = config.has('q_lora_rank') ? config.size('q_lora_rank') : undefined;
  const queries = heads * (still + turned);
  return {
    queryBottleneck:
      queryRank === undefined ? undefined : bottleneck('q_a_proj', queryRank, 'q_a_layernorm', queryRank),
    query:
      queryRank === undefined
        ? own.matrix('q_proj', queries, hiddenSize)
        : own.matrix('q_b_proj', queries, queryRank),
    latent: bottleneck('kv_a_proj_with_mqa', rank + turned, 'kv_a_layernorm', rank),
    expand: own.matrix('kv_b_proj', heads * (still + value), rank),
    output: own.matrix('o_proj', hiddenSize, heads * value),
    outputBias: hasBiases ? own.bias('o_proj', hiddenSize) : undefined,
    epsilon: LATENT_EPSILON,
    interleaved,
  };
}
