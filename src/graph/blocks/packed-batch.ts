import type { ModelGraph } from '../model-graph.js';
import { int } from '../onnx/attributes.js';
import { DataType, type Value } from '../onnx/graph-builder.js';
import { keyBias } from './key-bias.js';

/** The positions that reach the head: all of them, or those that the input `rows` lists. */
export type WantedRows = 'all' | 'listed';

/**
 * The places where attention finds its queries and keys. Everything else in an encoder works on one token at
 * a time, so a batch is packed: the tokens of all texts, one text after the other, without padding. Attention
 * alone sees them as a grid, one text (or block of one) per row.
 */
export interface AttentionGrid {
  /** int32 `[grid rows, queries]`: indexes of tokens; -1 is padding. */
  readonly queries: Value;
  /** int32 `[grid rows, keys]`. */
  readonly keys: Value;
  /** int32 `[rows]`: the place, in the flattened grid of queries, of each row that is wanted. */
  readonly places: Value;
  /** `[1, 1 or heads, queries, keys]`, added to the scores. */
  readonly bias: Value | undefined;
}

/**
 * The inputs of an encoder's graph, all int32 unless said otherwise. An input is declared when it is first
 * asked for, so a graph has those that it needs, and who runs it reads from its inputs what to give:
 *
 * - `input_ids`, `position_ids`, `token_type_ids`, `task_ids` `[tokens]`
 * - `grid` `[texts, longest]` and `grid_places` `[tokens]`: see {@link AttentionGrid}
 * - `key_grid` `[texts, longest]`: the grid without the tokens that none may see
 * - `last_positions` `[texts]` and `longest` (a scalar): for causal attention
 * - `rows` `[rows]`: which tokens reach the head, and `row_places`, their places in the grid
 * - `local_queries` `[blocks, queries]`, `local_keys` `[blocks, keys]`, `local_places`, `local_row_places`
 *   and `local_bias` (float32 `[1, 1, queries, keys]`): the same for local attention, see
 *   {@link PackedBatch.local}
 * - `pooling.MODE` (float32 `[texts, tokens]`): a token's share in its text's vector
 */
export class PackedBatch {
  readonly wanted: WantedRows;
  readonly #graph: ModelGraph;
  readonly #hasUnseen: boolean;

  /** @param hasUnseen whether some tokens of a text may see the others, but are seen by none. */
  constructor(graph: ModelGraph, wanted: WantedRows, hasUnseen = false) {
    this.#graph = graph;
    this.#hasUnseen = hasUnseen;
    this.wanted = wanted;
  }

  get ids(): Value {
    return this.#input('input_ids', ['tokens']);
  }

  /** Position of each token in its text, from 0. */
  get positions(): Value {
    return this.#input('position_ids', ['tokens']);
  }

  /** Segment of each token. */
  get segments(): Value {
    return this.#input('token_type_ids', ['tokens']);
  }

  /** Which of a model's adapters each token's text wants, counted from 1; 0: none. */
  get tasks(): Value {
    return this.#input('task_ids', ['tokens']);
  }

  /** Tokens that reach the head, where not all do. */
  get rows(): Value {
    return this.#input('rows', ['rows']);
  }

  /** The listed rows of a value `[tokens, ...]`. */
  listed(name: string, value: Value): Value {
    return this.#graph.node({ op: 'Gather', inputs: [value, this.rows], name });
  }

  /**
   * True if only the listed rows go on behind a layer's attention: nobody reads the others behind the last
   * one.
   */
  narrows(layer: number, layers: number): boolean {
    return this.wanted === 'listed' && layer === layers - 1;
  }

  /** Texts by their positions: every token sees its whole text. */
  get grid(): Value {
    return this.#input('grid', ['texts', 'longest']);
  }

  /**
   * Attention over whole texts.
   *
   * @param narrowed whether only the listed rows are wanted of it, as in the last layer.
   */
  global(narrowed: boolean, bias?: Value): AttentionGrid {
    const places = narrowed ? this.#input('row_places', ['rows']) : this.#input('grid_places', ['tokens']);
    const keys = this.#hasUnseen ? this.#input('key_grid', ['texts', 'longest']) : this.grid;
    return { queries: this.grid, keys, places, bias };
  }

  /**
   * Attention over a window: texts are cut into blocks of queries, each with the keys that its tokens may
   * see. The bias shuts out those that are in the block but not in a token's own window.
   */
  local(narrowed: boolean): AttentionGrid {
    return {
      queries: this.#input('local_queries', ['blocks', 'block']),
      keys: this.#input('local_keys', ['blocks', 'window']),
      places: narrowed ? this.#input('local_row_places', ['rows']) : this.#input('local_places', ['tokens']),
      bias: this.#input('local_bias', [1, 1, 'block', 'window'], DataType.FLOAT),
    };
  }

  /** Position of each text's last token. */
  get lastPositions(): Value {
    return this.#input('last_positions', ['texts']);
  }

  /** Tokens of the longest text: a scalar. */
  get longest(): Value {
    return this.#input('longest', []);
  }

  /**
   * A bias of scores by head and position of the key, for attention over whole texts.
   *
   * @param table `[heads, context]`; undefined: none.
   * @returns `[1, heads, longest, longest]`
   */
  keyBias(table: Value | undefined): Value | undefined {
    if (table === undefined) return undefined;
    const graph = this.#graph;
    const queries = graph.shared('longest.list', () => {
      const axis = graph.constant('longest.list.axis', [1], [0]);
      const wide = graph.node({
        op: 'Cast',
        inputs: [this.longest],
        name: 'longest.wide',
        attributes: { to: int(DataType.INT64) },
      });
      return graph.node({ op: 'Unsqueeze', inputs: [wide, axis], name: 'longest.list' });
    });
    return keyBias(graph, 'of_texts', table, queries, this.longest);
  }

  /** A token's share in its text's vector. */
  pooling(mode: string): Value {
    return this.#input(`pooling.${mode}`, ['texts', 'tokens'], DataType.FLOAT);
  }

  #input(name: string, shape: readonly (number | string)[], type: DataType = DataType.INT32): Value {
    return this.#graph.shared(name, () => this.#graph.input(name, type, shape));
  }
}
