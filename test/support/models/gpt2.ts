import { selfAttention } from '#test/reference/self-attention.js';
import { add, geluTanh, layerNorm, row, type Vector } from '#test/reference/operations.js';
import type { TestTensor, TestTensors } from '#test/support/safetensors.js';
import { caseModel, directionOf, type CaseModel } from './model.js';

const config = {
  model_type: 'gpt2',
  n_embd: 48,
  n_head: 6,
  n_layer: 2,
  n_positions: 20,
  vocab_size: 61,
  layer_norm_epsilon: 1e-5,
  activation_function: 'gelu_new',
} as const;

const { n_embd: hidden } = config;

function shapes(): Record<string, readonly number[]> {
  const result: Record<string, readonly number[]> = {
    'transformer.wte.weight': [config.vocab_size, hidden],
    'transformer.wpe.weight': [config.n_positions, hidden],
  };
  const norm = (name: string): void => {
    result[`${name}.weight`] = [hidden];
    result[`${name}.bias`] = [hidden];
  };
  const conv1d = (name: string, inputs: number, outputs: number): void => {
    result[`${name}.weight`] = [inputs, outputs];
    result[`${name}.bias`] = [outputs];
  };
  norm('transformer.ln_f');
  for (let layer = 0; layer < config.n_layer; layer++) {
    const prefix = `transformer.h.${layer}`;
    norm(`${prefix}.ln_1`);
    norm(`${prefix}.ln_2`);
    conv1d(`${prefix}.attn.c_attn`, hidden, 3 * hidden);
    conv1d(`${prefix}.attn.c_proj`, hidden, hidden);
    conv1d(`${prefix}.mlp.c_fc`, hidden, 4 * hidden);
    conv1d(`${prefix}.mlp.c_proj`, 4 * hidden, hidden);
  }
  return result;
}

/** GPT-2 (Radford et al. 2019). */
function gpt2States(fields: object, tensors: TestTensors, ids: readonly number[]): number[][] {
  const tensor = (name: string): TestTensor => tensors[`transformer.${name}`]!;
  const norm = (x: Vector, name: string): number[] =>
    layerNorm(x, tensor(`${name}.weight`).values, tensor(`${name}.bias`).values, config.layer_norm_epsilon);
  /** Stored as `[inputs, outputs]`. */
  const project = (x: Vector, name: string): number[] => {
    const { shape, values } = tensor(`${name}.weight`);
    const [inputs, outputs] = shape as [number, number];
    const bias = tensor(`${name}.bias`).values;
    return Array.from({ length: outputs }, (_, out) => {
      let sum = bias[out]!;
      for (let i = 0; i < inputs; i++) sum += x[i]! * values[i * outputs + out]!;
      return sum;
    });
  };
  let states = ids.map((id, position) =>
    add(row(tensor('wte.weight'), id), row(tensor('wpe.weight'), position)),
  );
  for (let layer = 0; layer < config.n_layer; layer++) {
    const sides = { query: 0, key: 1, value: 2 };
    const attended = selfAttention(
      states.map(x => norm(x, `h.${layer}.ln_1`)),
      {
        ...directionOf(fields),
        heads: config.n_head,
        kvHeads: config.n_head,
        headSize: hidden / config.n_head,
        project: (side, x) =>
          project(x, `h.${layer}.attn.c_attn`).slice(sides[side] * hidden, (sides[side] + 1) * hidden),
        output: x => project(x, `h.${layer}.attn.c_proj`),
      },
    );
    states = states.map((state, i) => {
      const x = add(state, attended[i]!);
      const inner = project(norm(x, `h.${layer}.ln_2`), `h.${layer}.mlp.c_fc`).map(geluTanh);
      return add(x, project(inner, `h.${layer}.mlp.c_proj`));
    });
  }
  return states.map(x => norm(x, 'ln_f'));
}

export const GPT2: CaseModel = caseModel('gpt2', config, shapes(), gpt2States, {
  embedding: 'transformer.wte.weight',
});
