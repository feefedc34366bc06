import { tokenDimensions, type DecoderArchitecture, type DecoderLayer } from '../assembly/decoder-design.js';
import { biasesOf, gatedWeights } from '../assembly/decoder-layers.js';
import { rmsNorms } from '../assembly/decoder-norms.js';
import type { DecoderSizes } from '../assembly/decoder-source.js';
import { PerLayerInputs } from '../assembly/per-layer-inputs.js';
import { rotaryByWindow } from '../assembly/rotary-by-window.js';
import { keysOfEarlier, SharedKeyAttention, valueNorms } from '../assembly/shared-keys.js';
import { windowedSizes } from '../assembly/windows.js';
import { activationOf } from '../blocks/activation.js';
import { gaussianTopK } from '../blocks/activation-sparsity.js';
import {
  addToOthers,
  closeStreams,
  correctStreams,
  openStreams,
  pick,
  predictStreams,
  type AlternatingStreams,
} from '../blocks/alternating-updates.js';
import { augmentedResidual } from '../blocks/augmented-residual.js';
import { gatedFeedForward } from '../blocks/feed-forward.js';
import { scale } from '../blocks/scale.js';
import type { ModelConfig } from '../config.js';
import type { Value } from '../onnx/graph-builder.js';
import type { Matrix } from '../weights/matrix.js';
import type { ModelWeights } from '../weights/model-weights.js';

/**
 * Gemma 3n (Gemma Team 2025), text only: several residual streams, of which layers compute one; residuals of low rank
 * beside the attention; sparse feed-forward layers; per-layer embeddings; the last layers read the keys and values of
 * earlier ones.
 */
export const gemma3n: DecoderArchitecture = {
  modelTypes: ['gemma3n_text'],
  defaults: {
    head_dim: 256,
    num_key_value_heads: 2,
    rope_theta: 1_000_000,
    sliding_window: 512,
    final_logit_softcapping: 30,
  },
  sizes(config) {
    const sizes = windowedSizes(config, layer => (layer + 1) % 5 !== 0);
    return { ...sizes, keysOf: keysOfEarlier(config, sizes.windows!, 15) };
  },
  design(source) {
    const { graph, config, sizes } = source;
    const { hiddenSize } = sizes;
    const activation = activationOf(config, 'hidden_activation', 'gelu_pytorch_tanh');
    const rotary = rotaryByWindow(source, config.positive('rope_local_base_freq', 10_000));
    const biases = biasesOf(config);
    const normalize = rmsNorms(source);
    const inner = innerSizes(config, sizes);
    const sparsities = sparsitiesOf(config, sizes);
    const rank = config.size('laurel_rank', 64);
    const isScaled = config.flag('altup_correct_scale', true);
    const count = config.size('altup_num_inputs', 4);
    const active = config.count('altup_active_idx', 0);
    if (active >= count) config.invalid(`altup_active_idx (${active}) is none of ${count} inputs`);
    const perLayer = new PerLayerInputs(source, config.size('hidden_size_per_layer_input', 256));
    const shared = new SharedKeyAttention();
    const streamsOf = (tokens: readonly number[]): AlternatingStreams => ({
      graph,
      count,
      hiddenSize,
      active,
      tokens,
    });
    const projections = (body: ModelWeights, name: string): Matrix[] =>
      Array.from({ length: count - 1 }, (_, i) => body.matrix(`${name}.${i}`, hiddenSize, hiddenSize));
    const feedForward = (layer: DecoderLayer, x: Value): Value => {
      const name = `${layer.name}.feed_forward`;
      const sparsity = sparsities[layer.index]!;
      const weights = gatedWeights(layer, layer.weights.within('mlp'), inner[layer.index]!);
      const sparse = (gate: Value): Value => gaussianTopK(graph, `${name}.sparse`, gate, sparsity);
      return gatedFeedForward(graph, name, x, weights, activation, sparsity > 0 ? sparse : undefined);
    };
    let dimensions: readonly number[] = [];
    return {
      normalize,
      afterEmbedding(x, ids, body, cache) {
        dimensions = tokenDimensions(cache);
        const embedded = scale(graph, 'embedded.scaled', x, Math.sqrt(hiddenSize));
        perLayer.write(embedded, ids, body, cache);
        return openStreams(streamsOf(dimensions), embedded, projections(body, 'altup_projections'));
      },
      layer(layer, { stream: streams }) {
        const { name, weights } = layer;
        const shape = streamsOf(layer.tokens);
        const altup = weights.within('altup');
        const alternating = {
          router: altup.matrix('modality_router', count, hiddenSize),
          prediction: altup.matrix('prediction_coefs', count ** 2, count),
          correction: altup.matrix('correction_coefs', count, count),
        };
        const norm = (part: string, weightName: string) => (value: Value) =>
          layer.norm(`${name}.${part}`, weightName, { stream: value, update: undefined }).normalized;
        const add = (part: string, ...inputs: Value[]): Value =>
          graph.node({ op: 'Sum', inputs, name: `${name}.${part}` });

        const predicted = predictStreams(
          shape,
          name,
          streams,
          alternating,
          norm('predict.norm', 'altup.router_norm'),
        );
        const current = pick(graph, `${name}.current`, predicted, active);
        const normed = norm('attention_norm', 'input_layernorm')(current);
        const design = { rotary: rotary(layer), norms: valueNorms(layer), scale: 1 };
        const attended = shared.attend(layer, normed, design, biases);
        const laurel = augmentedResidual(
          graph,
          `${name}.laurel`,
          layer.narrow(normed, 'normed'),
          {
            left: weights.matrix('laurel.linear_left', rank, hiddenSize),
            right: weights.matrix('laurel.linear_right', hiddenSize, rank),
          },
          norm('laurel.norm', 'laurel.post_laurel_norm'),
        );
        const sum = add(
          'attention_sum',
          layer.narrow(current, 'current.wanted'),
          norm('attention_output_norm', 'post_attention_layernorm')(attended),
          laurel,
        );
        const between = scale(graph, `${name}.between`, sum, Math.SQRT1_2);
        const fed = feedForward(layer, norm('feed_forward_norm', 'pre_feedforward_layernorm')(between));
        const computed = add(
          'computed',
          between,
          norm('feed_forward_output_norm', 'post_feedforward_layernorm')(fed),
        );
        const corrected = correctStreams(
          shape,
          name,
          layer.narrow(predicted, 'predicted.wanted'),
          computed,
          alternating,
          norm('correct.norm', 'altup.router_norm'),
        );
        const result = pick(graph, `${name}.result`, corrected, active);
        const factors = altup.vector('correct_output_scale', hiddenSize);
        const scaled = isScaled
          ? graph.node({
              op: 'Mul',
              inputs: [result, graph.floats(`${name}.output_scale`, [hiddenSize], () => factors.load())],
              name: `${name}.result.scaled`,
            })
          : result;
        const update = perLayer.update(layer, scaled, activation);
        return { stream: addToOthers(shape, name, corrected, update), update: undefined };
      },
      last({ stream }, body) {
        const mean = closeStreams(
          streamsOf(dimensions),
          stream,
          projections(body, 'altup_unembed_projections'),
        );
        return normalize('final_norm', { stream: mean, update: undefined }, body, 'norm').normalized;
      },
      logitsSoftCap: config.has('final_logit_softcapping')
        ? config.positive('final_logit_softcapping')
        : undefined,
    };
  },
};

/** Features between the matrices of each feed-forward layer. */
function innerSizes(config: ModelConfig, { layers }: DecoderSizes): readonly number[] {
  if (!Array.isArray(config.value('intermediate_size')))
    return new Array<number>(layers).fill(config.size('intermediate_size'));
  return ofLayers(config, 'intermediate_size', layers, size => Number.isSafeInteger(size) && size > 0);
}

/** The share of features that become 0 in each feed-forward layer; 0: it is not sparse. */
function sparsitiesOf(config: ModelConfig, { layers }: DecoderSizes): readonly number[] {
  if (!config.has('activation_sparsity_pattern'))
    return Array.from({ length: layers }, (_, layer) => (layers > 10 && layer < 10 ? 0.95 : 0));
  return ofLayers(config, 'activation_sparsity_pattern', layers, share => share >= 0 && share < 1);
}

function ofLayers(
  config: ModelConfig,
  name: string,
  layers: number,
  fits: (value: number) => boolean,
): readonly number[] {
  const values = config.numbers(name);
  if (values.length !== layers) config.invalid(`${name} has ${values.length} entries for ${layers} layers`);
  const odd = values.find(value => !fits(value));
  if (odd !== undefined) config.invalid(`${name} has ${odd}, which is out of range`);
  return values;
}
