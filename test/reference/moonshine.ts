/** Moonshine (Jeffries et al. 2024) by its formulas, in the names of Hugging Face's checkpoints. */
import type { TestTensors } from '#test/support/safetensors.js';
import { attention, mapHeads } from './attention.js';
import type { ReferenceConfig } from './encoder.js';
import { ACTIVATIONS, add, layerNorm, linear, mean, multiply, row, type Vector } from './operations.js';
import { plainRope, rotateNeighbours } from './rope.js';
import type { Seq2SeqReference } from './seq2seq.js';

export function moonshineReference(config: ReferenceConfig, tensors: TestTensors): Seq2SeqReference {
  const get = (name: string): TestTensors[string] => tensors[`model.${name}`]!;
  const number = (name: string): number => config[name] as number;
  const heads = number('encoder_num_attention_heads');
  const size = number('hidden_size') / heads;
  const share = (config.rope_parameters as { partial_rotary_factor?: number } | undefined)
    ?.partial_rotary_factor;
  const rope = plainRope(Math.floor(size * (share ?? 0.9)), 10_000);
  const dense = (x: Vector, name: string): number[] =>
    linear(x, get(`${name}.weight`), tensors[`model.${name}.bias`]);
  const norm = (states: readonly Vector[], name: string): number[][] =>
    states.map(x => layerNorm(x, get(`${name}.weight`).values, undefined, 1e-5));
  const plus = (states: readonly Vector[], update: readonly Vector[]): number[][] =>
    states.map((x, i) => add(x, update[i]!));

  /** `[time][inputs]` to `[time][outputs]`, of kernels that lie within the sound. */
  const convolve = (x: readonly Vector[], name: string, stride: number): number[][] => {
    const { shape, values } = get(`${name}.weight`);
    const [outputs, inputs, kernel] = shape as [number, number, number];
    const bias = tensors[`model.${name}.bias`]?.values;
    return Array.from({ length: Math.floor((x.length - kernel) / stride) + 1 }, (_, time) =>
      Array.from({ length: outputs }, (_, output) => {
        let sum = bias?.[output] ?? 0;
        for (let input = 0; input < inputs; input++)
          for (let i = 0; i < kernel; i++)
            sum += values[(output * inputs + input) * kernel + i]! * x[time * stride + i]![input]!;
        return sum;
      }),
    );
  };

  const hear = (samples: readonly number[]): number[][] => {
    const gelu = ACTIVATIONS.gelu!;
    const first = convolve(
      samples.map(sample => [sample]),
      'encoder.conv1',
      64,
    ).map(x => x.map(Math.tanh));
    const middle = mean(first.map(mean));
    const variance = mean(first.map(x => mean(x.map(value => (value - middle) ** 2))));
    const [weight, bias] = [get('encoder.groupnorm.weight').values, get('encoder.groupnorm.bias').values];
    const normed = first.map(x =>
      x.map((value, i) => ((value - middle) / Math.sqrt(variance + 1e-5)) * weight[i]! + bias[i]!),
    );
    const second = convolve(normed, 'encoder.conv2', 3).map(x => x.map(gelu));
    return convolve(second, 'encoder.conv3', 2).map(x => x.map(gelu));
  };

  const attend = (
    states: readonly Vector[],
    memory: readonly Vector[],
    name: string,
    { turns, isCausal = false }: { turns: boolean; isCausal?: boolean },
  ): number[][] => {
    const turned = (all: readonly Vector[], part: string): number[][] =>
      all.map((x, position) => {
        const projected = dense(x, `${name}.${part}`);
        return turns ? mapHeads(projected, size, head => rotateNeighbours(head, position, rope)) : projected;
      });
    return attention(
      turned(states, 'q_proj'),
      turned(memory, 'k_proj'),
      memory.map(x => dense(x, `${name}.v_proj`)),
      heads,
      isCausal ? { sees: (query, key) => key <= query } : {},
    ).map(x => dense(x, `${name}.o_proj`));
  };

  const encoderActivation = ACTIVATIONS[config.encoder_hidden_act as string]!;
  const decoderActivation = ACTIVATIONS[config.decoder_hidden_act as string]!;

  return {
    encode(samples) {
      let states = hear(samples);
      for (let i = 0; i < number('encoder_num_hidden_layers'); i++) {
        const layer = `encoder.layers.${i}`;
        const normed = norm(states, `${layer}.input_layernorm`);
        states = plus(states, attend(normed, normed, `${layer}.self_attn`, { turns: true }));
        const inner = norm(states, `${layer}.post_attention_layernorm`).map(x =>
          dense(dense(x, `${layer}.mlp.fc1`).map(encoderActivation), `${layer}.mlp.fc2`),
        );
        states = plus(states, inner);
      }
      return norm(states, 'encoder.layer_norm');
    },
    decode(memory, target) {
      let states = target.map(id => row(get('decoder.embed_tokens.weight'), id));
      for (let i = 0; i < number('decoder_num_hidden_layers'); i++) {
        const layer = `decoder.layers.${i}`;
        const own = norm(states, `${layer}.input_layernorm`);
        states = plus(states, attend(own, own, `${layer}.self_attn`, { turns: true, isCausal: true }));
        const towards = norm(states, `${layer}.post_attention_layernorm`);
        states = plus(states, attend(towards, memory, `${layer}.encoder_attn`, { turns: false }));
        const inner = norm(states, `${layer}.final_layernorm`).map(x => {
          const both = dense(x, `${layer}.mlp.fc1`);
          const half = both.length / 2;
          return dense(
            multiply(both.slice(half).map(decoderActivation), both.slice(0, half)),
            `${layer}.mlp.fc2`,
          );
        });
        states = plus(states, inner);
      }
      const projection = tensors['proj_out.weight'] ?? get('decoder.embed_tokens.weight');
      return norm(states, 'decoder.norm').map(x => linear(x, projection));
    },
  };
}
