import { linear } from '../blocks/linear.js';
import type { Value } from '../onnx/graph-builder.js';
import type { Weight } from '../weights/checkpoint.js';
import { loadMatrix, transposed, type LowRankUpdate, type Matrix } from '../weights/matrix.js';
import type { EncoderSource } from './encoder-architecture.js';

/** Adapters of a checkpoint (LoRA, Hu et al. 2021), one for each task. */
export interface TaskRanks {
  readonly tasks: number;
  /** Of each adapter. */
  readonly rank: number;
  /** What an adapter adds is multiplied by `alpha / rank`. */
  readonly alpha: number;
}

/**
 * The updates of weights that checkpoints keep as parametrizations of PyTorch: of a module, `lora_A` and `lora_B` for all
 * tasks at once. Those of all tasks are one product, of which each token takes the part of its text's task, so that texts
 * of several tasks share a run.
 */
export class TaskUpdates {
  readonly #source: EncoderSource;
  readonly #ranks: TaskRanks;

  constructor(source: EncoderSource, ranks: TaskRanks) {
    this.#source = source;
    this.#ranks = ranks;
  }

  /**
   * The update of a linear layer.
   *
   * @param isNarrowed whether it reads the listed rows alone.
   */
  of(module: string, rows: number, columns: number, isNarrowed: boolean): LowRankUpdate {
    const { tasks, rank } = this.#ranks;
    const down = this.#stored(module, 'A', [tasks, rank, columns]);
    const up = this.#stored(module, 'B', [tasks, rows, rank]);
    const shares = isNarrowed ? this.#listedShares() : this.#shares();
    return { name: module, down: stacked(down), up: sideBySide(up), shares };
  }

  /**
   * What is added to rows of an embedding table.
   *
   * @param ids of the rows, one for each token.
   * @returns `[tokens, hidden]`
   */
  ofRows(module: string, rows: number, ids: Value): Value {
    const { graph, sizes } = this.#source;
    const { tasks, rank } = this.#ranks;
    const down = sideBySide(this.#stored(module, 'A', [tasks, rows, rank]));
    const up = stacked(this.#stored(module, 'B', [tasks, rank, sizes.hiddenSize]));
    const table = graph.floats(`${module}.adapters`, [rows, tasks * rank], () => loadMatrix(down));
    const read = graph.node({ op: 'Gather', inputs: [table, ids], name: `${module}.adapters.read` });
    const inputs = [read, this.#shares()];
    const shared = graph.node({ op: 'Mul', inputs, name: `${module}.adapters.shared` });
    return linear(graph, `${module}.adapters.up`, shared, transposed(up), undefined, 'floats');
  }

  /** What is added to the first row of an embedding table, `[tokens, hidden]`. */
  ofRow(module: string, rows: number): Value {
    const { graph, batch, sizes } = this.#source;
    const { tasks, rank, alpha } = this.#ranks;
    const width = sizes.hiddenSize;
    const down = this.#stored(module, 'A', [tasks, rows, rank]);
    const up = this.#stored(module, 'B', [tasks, rank, width]);
    const table = graph.floats(`${module}.adapters`, [tasks + 1, width], async () => {
      const [from, to] = [await down.load(), await up.load()];
      const result = new Float32Array((tasks + 1) * width);
      for (let task = 0; task < tasks; task++)
        for (let column = 0; column < width; column++) {
          let sum = 0;
          for (let i = 0; i < rank; i++)
            sum += from[task * rows * rank + i]! * to[(task * rank + i) * width + column]!;
          result[(task + 1) * width + column] = (sum * alpha) / rank;
        }
      return result;
    });
    return graph.node({ op: 'Gather', inputs: [table, batch.tasks], name: `${module}.adapters.read` });
  }

  #stored(module: string, side: 'A' | 'B', shape: readonly number[]): Weight {
    return this.#source.body.weight(`${module}.parametrizations.weight.0.lora_${side}`, shape);
  }

  /** How much each token takes of each adapter's components, `[tokens, tasks × rank]`: its own task's, and no other. */
  #shares(): Value {
    const { graph, batch } = this.#source;
    const { tasks, rank, alpha } = this.#ranks;
    return graph.shared('task_shares', () => {
      const width = tasks * rank;
      const shares = new Float32Array((tasks + 1) * width);
      for (let task = 0; task < tasks; task++)
        shares.fill(alpha / rank, (task + 1) * width + task * rank, (task + 1) * width + (task + 1) * rank);
      const table = graph.floats('task_shares.table', [tasks + 1, width], () => shares);
      return graph.node({ op: 'Gather', inputs: [table, batch.tasks], name: 'task_shares' });
    });
  }

  #listedShares(): Value {
    const { graph, batch } = this.#source;
    return graph.shared('task_shares.listed', () => batch.listed('task_shares.listed', this.#shares()));
  }
}

/** Matrices `[count, rows, columns]`, one under the other. */
function stacked(weight: Weight): Matrix {
  const [count, rows, columns] = weight.shape as [number, number, number];
  return ofWhole(count * rows, columns, () => weight.load());
}

/** Matrices `[count, rows, columns]`, one beside the other. */
function sideBySide(weight: Weight): Matrix {
  const [count, rows, columns] = weight.shape as [number, number, number];
  return ofWhole(rows, count * columns, async () => {
    const stored = await weight.load();
    const result = new Float32Array(stored.length);
    for (let nth = 0; nth < count; nth++)
      for (let row = 0; row < rows; row++) {
        const from = (nth * rows + row) * columns;
        result.set(stored.subarray(from, from + columns), (row * count + nth) * columns);
      }
    return result;
  });
}

/** A matrix that is read at once, as it is small. */
function ofWhole(rows: number, columns: number, load: () => Promise<Float32Array>): Matrix {
  return {
    rows,
    columns,
    async *pieces() {
      yield await load();
    },
  };
}
