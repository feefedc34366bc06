import { activate, type Activation } from '../blocks/activation.js';
import { embed, embeddingTable } from '../blocks/embedding.js';
import { headNorm } from '../blocks/head-norm.js';
import { layerLinear } from '../blocks/layer-linear.js';
import { scale } from '../blocks/scale.js';
import type { ModelGraph } from '../model-graph.js';
import { int } from '../onnx/attributes.js';
import { DataType, type Value } from '../onnx/graph-builder.js';
import type { ModelWeights } from '../weights/model-weights.js';
import { tokenDimensions, type DecoderCache, type DecoderLayer } from './decoder-design.js';
import type { DecoderSource } from './decoder-source.js';

/**
 * Per-layer embeddings (Gemma 3n, Gemma Team 2025): a small vector of each token for each layer, half of it from a
 * table of its own, half from the token's embedding.
 */
export class PerLayerInputs {
  /** Features of a vector. */
  readonly size: number;
  readonly #source: DecoderSource;
  readonly #epsilon: number;
  #inputs: readonly Value[] = [];

  /** @throws KvasirError `invalid_model` */
  constructor(source: DecoderSource, size: number) {
    this.size = size;
    this.#source = source;
    this.#epsilon = source.config.positive('rms_norm_eps', 1e-6);
  }

  /**
   * Makes the vectors of all layers, `(norm(E P / √hidden) + √size T[id]) / √2`.
   *
   * @param embedded the tokens' embeddings, as the first layer reads them.
   */
  write(embedded: Value, ids: Value, body: ModelWeights, cache: DecoderCache): void {
    const { graph, config, sizes } = this.#source;
    const { layers, hiddenSize } = sizes;
    const width = layers * this.size;
    const rows = config.size('vocab_size_per_layer_input', 262_144);
    const table = embeddingTable(
      graph,
      'per_layer.table',
      body.weight('embed_tokens_per_layer.weight', [rows, width]),
    );
    const known = rows < sizes.vocabularySize ? knownIds(graph, ids, rows) : ids;
    const own = embed(graph, 'per_layer.own', table, known);
    const matrix = body.matrix('per_layer_model_projection', width, hiddenSize);
    const product = layerLinear(graph, 'per_layer.product', embedded, matrix);
    const weight = body.scale('per_layer_projection_norm', this.size);
    const halved = { ...weight, load: async () => (await weight.load()).map(value => value * Math.SQRT1_2) };
    // A norm of x / c with an epsilon is one of x with c² times as much.
    const normed = headNorm(
      graph,
      'per_layer.norm',
      product,
      halved,
      this.#epsilon * hiddenSize,
      layers,
      [this.size, this.size],
      tokenDimensions(cache),
    );
    const scaled = scale(graph, 'per_layer.scaled', own, Math.sqrt(this.size / 2));
    const all = graph.node({ op: 'Add', inputs: [normed, scaled], name: 'per_layer.all' });
    this.#inputs = Array.from({ length: layers }, (_, layer) => `per_layer.${layer}`);
    graph.node({
      op: 'Split',
      inputs: [all],
      name: 'per_layer.split',
      outputs: this.#inputs,
      attributes: { axis: int(-1), num_outputs: int(layers) },
    });
  }

  /**
   * What a layer's vectors add to the hidden states behind it, `norm((f(x G) ⊙ p) P)`.
   *
   * @param x `[...tokens, hidden]`: of the tokens that go on behind the layer's attention.
   */
  update(layer: DecoderLayer, x: Value, activation: Activation): Value {
    const { graph, sizes } = this.#source;
    const { name, weights, index } = layer;
    const gate = weights.matrix('per_layer_input_gate', this.size, sizes.hiddenSize);
    const projection = weights.matrix('per_layer_projection', sizes.hiddenSize, this.size);
    const open = activate(
      graph,
      `${name}.per_layer.open`,
      layerLinear(graph, `${name}.per_layer.gate`, x, gate),
      activation,
    );
    const input = layer.narrow(this.#inputs[index]!, 'per_layer');
    const gated = graph.node({ op: 'Mul', inputs: [open, input], name: `${name}.per_layer.gated` });
    const stream = layerLinear(graph, `${name}.per_layer.projection`, gated, projection);
    const residual = { stream, update: undefined };
    return layer.norm(`${name}.per_layer.norm`, 'post_per_layer_input_norm', residual).normalized;
  }
}

/** Ids that a table of so many rows has; 0 for all others. */
function knownIds(graph: ModelGraph, ids: Value, rows: number): Value {
  const node = (op: string, part: string, inputs: Value[], attributes = {}): Value =>
    graph.node({ op, inputs, name: `per_layer.${part}`, attributes });
  const wide = node('Cast', 'wide_ids', [ids], { to: int(DataType.INT64) });
  const [end, first] = [rows, 0].map(value => graph.constant(`per_layer.ids.${value}`, [], [value]));
  return node('Where', 'ids', [node('Less', 'has_id', [wide, end!]), wide, first!]);
}
