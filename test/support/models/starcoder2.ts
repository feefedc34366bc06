import { selfAttention } from '#test/reference/self-attention.js';
import { add, geluTanh, layerNorm, linear, row, type Vector } from '#test/reference/operations.js';
import { plainRope, rotate } from '#test/reference/rope.js';
import type { TestTensor, TestTensors } from '#test/support/safetensors.js';
import { attentionShapes, caseModel, directionOf, SIZES, type CaseModel } from './model.js';

const config = {
  ...SIZES,
  model_type: 'starcoder2',
  hidden_act: 'gelu_pytorch_tanh',
  norm_epsilon: 1e-5,
  sliding_window: 6,
} as const;

const { hidden_size: hidden, intermediate_size: inner } = config;

function shapes(): Record<string, readonly number[]> {
  const result: Record<string, readonly number[]> = {
    'model.embed_tokens.weight': [config.vocab_size, hidden],
    'model.norm.weight': [hidden],
    'model.norm.bias': [hidden],
  };
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const own = {
      'input_layernorm.weight': [hidden],
      'input_layernorm.bias': [hidden],
      'post_attention_layernorm.weight': [hidden],
      'post_attention_layernorm.bias': [hidden],
      ...attentionShapes(config, 4),
      'mlp.c_fc.weight': [inner, hidden],
      'mlp.c_fc.bias': [inner],
      'mlp.c_proj.weight': [hidden, inner],
      'mlp.c_proj.bias': [hidden],
    };
    for (const [name, shape] of Object.entries(own)) result[`model.layers.${layer}.${name}`] = shape;
  }
  return result;
}

/** StarCoder2 (Lozhkov et al. 2024, table 7): biases everywhere, and a window of 6. */
function starcoder2States(fields: object, tensors: TestTensors, ids: readonly number[]): number[][] {
  const tensor = (name: string): TestTensor => tensors[`model.${name}`]!;
  const norm = (x: Vector, name: string): number[] =>
    layerNorm(x, tensor(`${name}.weight`).values, tensor(`${name}.bias`).values, config.norm_epsilon);
  const project = (x: Vector, name: string): number[] =>
    linear(x, tensor(`${name}.weight`), tensor(`${name}.bias`));
  const rope = plainRope(8, config.rope_theta);
  const sides = { query: 'q_proj', key: 'k_proj', value: 'v_proj' };
  let states = ids.map(id => row(tensor('embed_tokens.weight'), id));
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const prefix = `layers.${layer}`;
    const attended = selfAttention(
      states.map(x => norm(x, `${prefix}.input_layernorm`)),
      {
        ...directionOf(fields),
        heads: config.num_attention_heads,
        kvHeads: config.num_key_value_heads,
        headSize: hidden / config.num_attention_heads,
        window: config.sliding_window,
        project: (side, x) => project(x, `${prefix}.self_attn.${sides[side]}`),
        output: x => project(x, `${prefix}.self_attn.o_proj`),
        turn: (head, position) => rotate(head, position, rope),
      },
    );
    states = states.map((state, i) => {
      const x = add(state, attended[i]!);
      const wide = project(norm(x, `${prefix}.post_attention_layernorm`), `${prefix}.mlp.c_fc`);
      return add(x, project(wide.map(geluTanh), `${prefix}.mlp.c_proj`));
    });
  }
  return states.map(x => norm(x, 'norm'));
}

export const STARCODER2: CaseModel = caseModel('starcoder2', config, shapes(), starcoder2States);
