import type { DecoderArchitecture, DecoderLayer } from '../assembly/decoder-design.js';
import {
  attend,
  LLAMA_ATTENTION,
  parallelLayer,
  plainMlp,
  selfAttention,
  type AttentionDesign,
} from '../assembly/decoder-layers.js';
import { layerNorms } from '../assembly/decoder-norms.js';
import { multiHeadSizes, GPT_NAMES, type DecoderSource } from '../assembly/decoder-source.js';
import { fusedProjection } from '../assembly/fused-attention.js';
import { GPT_BODY } from '../assembly/gpt-design.js';
import { ropeTables } from '../assembly/rope.js';
import { activationOf } from '../blocks/activation.js';
import { inverseFrequencies, type RotaryTables } from '../blocks/rotary.js';
import type { Value } from '../onnx/graph-builder.js';

/**
 * GPT-J (Wang and Komatsuzaki 2021): both halves of a layer read the same layer norm, neighbouring features of a part of
 * each head turn, and the head has a bias.
 */
export const gptj = descendant('gptj', (layer, x, design) =>
  selfAttention(layer, x, design, 'none', { ...LLAMA_ATTENTION, within: 'attn', output: 'out_proj' }),
);

/** CodeGen (Nijkamp et al. 2022): GPT-J with queries, keys and values in one matrix. */
export const codegen = descendant('codegen', (layer, x, design) => {
  const { hiddenSize } = layer.source.sizes;
  const own = layer.weights.within('attn');
  const weights = {
    ...fusedProjection(own, 'qkv_proj', hiddenSize, shardedParts(hiddenSize), false),
    output: own.matrix('out_proj', hiddenSize, hiddenSize),
  };
  return attend(layer, x, weights, design);
});

type Attention = (layer: DecoderLayer, x: Value, design: AttentionDesign) => Value;

function descendant(modelType: string, attention: Attention): DecoderArchitecture {
  return {
    modelTypes: [modelType],
    names: GPT_BODY,
    fieldNames: GPT_NAMES,
    sizes: multiHeadSizes,
    design(source) {
      const { config, sizes } = source;
      const rotary = neighbours(source);
      const mlp = {
        within: 'mlp',
        up: 'fc_in',
        down: 'fc_out',
        inner: config.size('n_inner', 4 * sizes.hiddenSize),
        hasBiases: true,
        activation: activationOf(config, 'activation_function', 'gelu_new'),
      };
      return {
        normalize: layerNorms(source, 'layer_norm_epsilon'),
        headBias: true,
        layer: (layer, residual) =>
          parallelLayer(
            layer,
            residual,
            { attention: x => attention(layer, x, { rotary }), feedForward: x => plainMlp(layer, x, mlp) },
            ['ln_1'],
          ),
      };
    },
  };
}

function neighbours(source: DecoderSource): RotaryTables {
  const { config, sizes } = source;
  if (config.value('rotary_dim') === null) config.unsupported('rotary_dim is null');
  const features = config.size('rotary_dim', 64);
  if (features % 2 !== 0 || features > sizes.headSize)
    config.invalid(`rotary_dim is ${features} in heads of ${sizes.headSize} features`);
  const frequencies = inverseFrequencies(features, 10_000);
  return ropeTables(source, 'rotary', { frequencies, magnitude: 1, interleaved: true });
}

/** Processors among which CodeGen's matrix was divided, and each processor's part of it: queries, values, keys. */
const SHARDS = 4;

function shardedParts(hiddenSize: number): [number, number][] {
  const size = hiddenSize / SHARDS;
  return [0, 2, 1].flatMap(side =>
    Array.from({ length: SHARDS }, (_, shard): [number, number] => {
      const begin = (3 * shard + side) * size;
      return [begin, begin + size];
    }),
  );
}
