import { embed, embeddingTable, type EmbeddingTable } from '../blocks/embedding.js';
import { swiGlu, type GatedWeights } from '../blocks/feed-forward.js';
import {
  cacheLengths,
  groupedQueryAttention,
  paddedHeadSize,
  type AttentionWeights,
} from '../blocks/grouped-query-attention.js';
import { languageModelHead } from '../blocks/language-model-head.js';
import type { Bias } from '../blocks/linear.js';
import { rmsNorm, type Residual } from '../blocks/normalization.js';
import { inverseFrequencies, rotaryTables } from '../blocks/rotary.js';
import type { ModelConfig } from '../config.js';
import type { ModelGraph } from '../model-graph.js';
import { DataType } from '../onnx/graph-builder.js';
import type { Checkpoint } from '../weights/checkpoint.js';
import { matrix, type Matrix } from '../weights/matrix.js';
import { decoderSizes, type DecoderArchitecture, type DecoderSizes } from './decoder.js';

/**
 * Llama (Touvron et al. 2023): pre-norm decoder layers with RMS norm, grouped-query attention, rotary positions and SwiGLU. Weight
 * names are those of Hugging Face's `LlamaForCausalLM`.
 */
export const llama: DecoderArchitecture = {
  modelTypes: ['llama'],

  sizes(config) {
    config.choice('hidden_act', ['silu'], 'silu');
    if (config.has('rope_scaling')) config.unsupported('rope_scaling is not supported yet');
    return decoderSizes(config);
  },

  write(graph, config, checkpoint) {
    const sizes = llama.sizes(config);
    const epsilon = config.positive('rms_norm_eps', 1e-6);
    const frequencies = inverseFrequencies(sizes.headSize, config.positive('rope_theta', 10_000));

    const ids = graph.input('input_ids', DataType.INT64, ['batch', 'sequence']);
    const lengths = cacheLengths(graph);
    const pairs = paddedHeadSize(sizes.headSize) / 2;
    const rotary = rotaryTables(graph, 'rotary', frequencies, pairs, sizes.contextLength);
    const { vocabularySize, hiddenSize } = sizes;
    const embedding = checkpoint.weight('model.embed_tokens.weight', [vocabularySize, hiddenSize]);
    const table = embeddingTable(graph, 'embedding', embedding);

    let residual: Residual = { stream: embed(graph, 'embedded', table, ids), update: undefined };
    for (let layer = 0; layer < sizes.layers; layer++) {
      const name = `layer.${layer}`;
      const weights = new LayerWeights(config, checkpoint, sizes, layer);
      const before = rmsNorm(
        graph,
        `${name}.attention_norm`,
        residual,
        weights.norm('input_layernorm'),
        epsilon,
      );
      const attended = groupedQueryAttention(
        graph,
        name,
        layer,
        before.normalized,
        weights.attention(),
        sizes,
        rotary,
        lengths,
      );
      const between = rmsNorm(
        graph,
        `${name}.feed_forward_norm`,
        { stream: before.stream, update: attended },
        weights.norm('post_attention_layernorm'),
        epsilon,
      );
      const update = swiGlu(graph, `${name}.feed_forward`, between.normalized, weights.feedForward());
      residual = { stream: between.stream, update };
    }
    const { normalized } = rmsNorm(
      graph,
      'final_norm',
      residual,
      checkpoint.weight('model.norm.weight', [hiddenSize]),
      epsilon,
    );
    const output = outputTable(graph, config, checkpoint, sizes) ?? table;
    languageModelHead(graph, normalized, output, hiddenSize, vocabularySize);
  },
};

/** The output projection's own table; undefined where it is the embedding's. */
function outputTable(
  graph: ModelGraph,
  config: ModelConfig,
  checkpoint: Checkpoint,
  { vocabularySize, hiddenSize }: DecoderSizes,
): EmbeddingTable | undefined {
  if (config.flag('tie_word_embeddings', false)) return undefined;
  return embeddingTable(graph, 'output', checkpoint.weight('lm_head.weight', [vocabularySize, hiddenSize]));
}

/** Names and shapes of one layer's weights. */
class LayerWeights {
  readonly #checkpoint: Checkpoint;
  readonly #sizes: DecoderSizes;
  readonly #intermediateSize: number;
  readonly #attentionBias: boolean;
  readonly #feedForwardBias: boolean;
  readonly #prefix: string;

  constructor(config: ModelConfig, checkpoint: Checkpoint, sizes: DecoderSizes, layer: number) {
    this.#checkpoint = checkpoint;
    this.#sizes = sizes;
    this.#intermediateSize = config.size('intermediate_size');
    this.#attentionBias = config.flag('attention_bias', false);
    this.#feedForwardBias = config.flag('mlp_bias', false);
    this.#prefix = `model.layers.${layer}`;
  }

  norm(name: string): ReturnType<Checkpoint['weight']> {
    return this.#checkpoint.weight(`${this.#prefix}.${name}.weight`, [this.#sizes.hiddenSize]);
  }

  attention(): AttentionWeights {
    const { heads, kvHeads, headSize, hiddenSize } = this.#sizes;
    const [queries, keys] = [heads * headSize, kvHeads * headSize];
    return {
      query: this.#matrix('self_attn.q_proj', queries, hiddenSize),
      key: this.#matrix('self_attn.k_proj', keys, hiddenSize),
      value: this.#matrix('self_attn.v_proj', keys, hiddenSize),
      output: this.#matrix('self_attn.o_proj', hiddenSize, queries),
      ...(this.#attentionBias && {
        queryBias: this.#bias('self_attn.q_proj', queries),
        keyBias: this.#bias('self_attn.k_proj', keys),
        valueBias: this.#bias('self_attn.v_proj', keys),
        outputBias: this.#bias('self_attn.o_proj', hiddenSize),
      }),
    };
  }

  feedForward(): GatedWeights {
    const { hiddenSize } = this.#sizes;
    const inner = this.#intermediateSize;
    return {
      gate: this.#matrix('mlp.gate_proj', inner, hiddenSize),
      up: this.#matrix('mlp.up_proj', inner, hiddenSize),
      down: this.#matrix('mlp.down_proj', hiddenSize, inner),
      ...(this.#feedForwardBias && {
        gateBias: this.#bias('mlp.gate_proj', inner),
        upBias: this.#bias('mlp.up_proj', inner),
        downBias: this.#bias('mlp.down_proj', hiddenSize),
      }),
    };
  }

  #matrix(name: string, rows: number, columns: number): Matrix {
    return matrix(this.#checkpoint.weight(`${this.#prefix}.${name}.weight`, [rows, columns]));
  }

  #bias(name: string, size: number): Bias {
    const weight = this.#checkpoint.weight(`${this.#prefix}.${name}.bias`, [size]);
    return { size, load: () => weight.load() };
  }
}
