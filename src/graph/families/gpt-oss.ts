import type { DecoderArchitecture, DecoderLayer } from '../assembly/decoder-design.js';
import { biasesOf } from '../assembly/decoder-layers.js';
import type { DecoderSource } from '../assembly/decoder-source.js';
import { llamaDesign } from '../assembly/llama-design.js';
import { rotaryOf, ropeSection } from '../assembly/rope.js';
import { windowedSizes } from '../assembly/windows.js';
import { mixtureOfExperts } from '../blocks/mixture-of-experts.js';
import type { Value } from '../onnx/graph-builder.js';
import { rowsOf, stackRows, transposed, matrix, type Matrix } from '../weights/matrix.js';
import type { ModelWeights } from '../weights/model-weights.js';

/** What its configuration class has where config.json says nothing of rotary positions. */
const ROPE = {
  rope_type: 'yarn',
  factor: 32,
  beta_fast: 32,
  beta_slow: 1,
  truncate: false,
  original_max_position_embeddings: 4096,
};

/**
 * gpt-oss (OpenAI 2025): every other layer with a window, sinks in all of them, and experts with biases, whose SwiGLU
 * is cut off.
 */
export const gptOss: DecoderArchitecture = {
  modelTypes: ['gpt_oss'],
  defaults: {
    head_dim: 64,
    rms_norm_eps: 1e-5,
    rope_theta: 150_000,
    sliding_window: 128,
    attention_bias: true,
    num_experts_per_tok: 4,
  },
  sizes: config => windowedSizes(config, layer => layer % 2 === 0),
  design(source) {
    const rotary = rotaryOf(withRope(source));
    return llamaDesign(source, {
      rotary: () => rotary,
      attention: ({ weights }) => ({
        sinks: weights.within('self_attn').vector('sinks', source.sizes.heads),
      }),
      attentionBiases: biasesOf(source.config),
      feedForward: experts,
    });
  },
};

function withRope(source: DecoderSource): DecoderSource {
  if (ropeSection(source.config) !== undefined) return source;
  return { ...source, config: source.config.withDefaults({ rope_parameters: ROPE }) };
}

function experts(layer: DecoderLayer, x: Value): Value {
  const { graph, config, sizes } = layer.source;
  const { hiddenSize } = sizes;
  const inner = config.size('intermediate_size');
  const count = config.size('num_local_experts');
  const perToken = config.size('num_experts_per_tok');
  if (perToken > count)
    config.invalid(`num_experts_per_tok (${perToken}) is more than there are experts (${count})`);
  const own = layer.weights.within('mlp');
  const stacked = own.within('experts');
  return mixtureOfExperts(graph, `${layer.name}.experts`, x, {
    count,
    router: own.matrix('router', count, hiddenSize),
    routerBias: own.bias('router', count),
    inner: expertRows(stacked, 'gate_up_proj', count, 2 * inner, hiddenSize),
    innerBias: flat(stacked, 'gate_up_proj_bias', count, 2 * inner),
    outer: expertRows(stacked, 'down_proj', count, hiddenSize, inner),
    outerBias: flat(stacked, 'down_proj_bias', count, hiddenSize),
    perToken,
    normalized: true,
    swiglu: {
      alpha: config.positive('swiglu_alpha', 1.702),
      beta: 1,
      limit: config.positive('swiglu_limit', 7),
    },
  });
}

/**
 * Matrices of all experts, one under the other: stored `[experts, inputs, outputs]`, or, in blocks of MXFP4,
 * `[experts, outputs, inputs]`.
 */
function expertRows(
  weights: ModelWeights,
  name: string,
  count: number,
  outputs: number,
  inputs: number,
): Matrix {
  const blocks = `${name}_blocks`;
  const isTransposed = !weights.has(blocks);
  const [rows, columns] = isTransposed ? [inputs, outputs] : [outputs, inputs];
  const stored = weights.weight(isTransposed ? name : blocks, [count, rows, columns]);
  const whole = { ...stored, shape: [count * rows, columns] };
  if (!isTransposed) return matrix(whole);
  return stackRows(
    Array.from({ length: count }, (_, e) => transposed(rowsOf(whole, e * rows, (e + 1) * rows))),
  );
}

/** A vector for each expert, one behind the other. */
function flat(weights: ModelWeights, name: string, count: number, size: number) {
  const stored = weights.weight(name, [count, size]);
  return { size: count * size, load: () => stored.load() };
}
