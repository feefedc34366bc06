import type { EncoderSizes } from '#graph/assembly/encoder-architecture.js';
import type { ListedRows } from '#graph/assembly/heads/head.js';
import { IoBinding, RunOptions, Tensor, type Session } from '#runtime/index.js';
import { Packing } from './packing.js';
import type { Encoder, EncoderInput, EncoderOutput, EncoderTask } from '../contract.js';

/** What a {@link PackedEncoder} must know of its graph. */
export interface PackedEncoderShape {
  readonly task: EncoderTask;
  readonly sizes: EncoderSizes;
  readonly contextLength: number;
  readonly width: number;
  readonly listed: ListedRows;
}

/** Runs a graph of Kvasir's own, over packed batches: there is no padding but in attention. */
export class PackedEncoder implements Encoder {
  readonly #session: Session;
  readonly #shape: PackedEncoderShape;
  readonly #runOptions = new RunOptions();

  constructor(session: Session, shape: PackedEncoderShape) {
    this.#session = session;
    this.#shape = shape;
  }

  get task(): EncoderTask {
    return this.#shape.task;
  }

  get contextLength(): number {
    return this.#shape.contextLength;
  }

  get width(): number {
    return this.#shape.width;
  }

  get vocabularySize(): number {
    return this.#shape.sizes.vocabularySize;
  }

  get segments(): number {
    return this.#shape.sizes.segments;
  }

  async run(inputs: readonly EncoderInput[]): Promise<EncoderOutput[]> {
    const { width, listed, sizes } = this.#shape;
    const packing = new Packing(inputs, listed, sizes.window);
    const rows = inputs.map(input => outputRows(this.task, input));
    const total = rows.reduce((sum, count) => sum + count, 0);
    const values = new Float32Array(total * width);
    using binding = new IoBinding(this.#session);
    const tensors: Tensor[] = [];
    try {
      for (const { name } of this.#session.inputs) {
        const { data, shape } = packing.input(name);
        const tensor = Tensor.fromArray(data, shape);
        tensors.push(tensor);
        binding.bindInput(name, tensor);
      }
      const output = Tensor.fromArray(values, [total, width]);
      tensors.push(output);
      binding.bindOutput('output', output);
      await this.#session.run(binding, this.#runOptions);
    } finally {
      for (const tensor of tensors) tensor.dispose();
    }
    let row = 0;
    return rows.map(count => {
      const from = row;
      row += count;
      return { values: values.subarray(from * width, row * width), rows: count, width };
    });
  }

  abort(): void {
    this.#runOptions.terminate();
  }

  dispose(): void {
    this.#runOptions.dispose();
    this.#session.dispose();
  }
}

/** How many rows a text's result has. */
function outputRows(task: EncoderTask, { ids, positions }: EncoderInput): number {
  switch (task) {
    case 'embedding':
    case 'sequence-classification':
      return 1;
    case 'token-classification':
    case 'question-answering':
      return ids.length;
    case 'fill-mask':
      return positions?.length ?? 0;
  }
}
