import type { EncoderSizes } from '#graph/assembly/encoder-architecture.js';
import type { ListedRows } from '#graph/assembly/heads/head.js';
import { TOKEN_EMBEDDINGS } from '#graph/build-encoder.js';
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

  get tokenWidth(): number | undefined {
    return this.task === 'embedding' ? this.#shape.sizes.hiddenSize : undefined;
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
    // Where the graph lists rows, a text has as many results as there are of its rows.
    const rows = inputs.map(input =>
      input.everyToken && listed === undefined ? 1 : outputRows(this.task, input),
    );
    const values = new Float32Array(sum(rows) * width);
    const outputs = [{ name: 'output', values, width }];
    // Vectors of all tokens that the graph computes.
    const tokens = inputs.map((input, i) => (listed === undefined ? input.ids.length : rows[i]!));
    const hidden = inputs.some(({ everyToken }) => everyToken) ? sizes.hiddenSize : 0;
    const vectors = new Float32Array(sum(tokens) * hidden);
    if (hidden > 0) outputs.push({ name: TOKEN_EMBEDDINGS, values: vectors, width: hidden });
    await this.#run(packing, outputs);
    let [row, token] = [0, 0];
    return inputs.map((input, i) => {
      const [fromRow, fromToken] = [row, token];
      row += rows[i]!;
      token += tokens[i]!;
      return input.everyToken ? part(vectors, fromToken, token, hidden) : part(values, fromRow, row, width);
    });
  }

  async #run(packing: Packing, outputs: readonly Output[]): Promise<void> {
    using binding = new IoBinding(this.#session);
    const tensors: Tensor[] = [];
    try {
      for (const { name } of this.#session.inputs) {
        const { data, shape } = packing.input(name);
        const tensor = Tensor.fromArray(data, shape);
        tensors.push(tensor);
        binding.bindInput(name, tensor);
      }
      for (const { name, values, width } of outputs) {
        const output = Tensor.fromArray(values, [values.length / width, width]);
        tensors.push(output);
        binding.bindOutput(name, output);
      }
      await this.#session.run(binding, this.#runOptions);
    } finally {
      for (const tensor of tensors) tensor.dispose();
    }
  }

  abort(): void {
    this.#runOptions.terminate();
  }

  dispose(): void {
    this.#runOptions.dispose();
    this.#session.dispose();
  }
}

/** An output of the graph, and where its numbers go. */
interface Output {
  readonly name: string;
  readonly values: Float32Array;
  readonly width: number;
}

/** Rows of a list of such. */
function part(values: Float32Array, from: number, to: number, width: number): EncoderOutput {
  return { values: values.subarray(from * width, to * width), rows: to - from, width };
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

/** How many rows a text's result has. */
function outputRows(task: EncoderTask, { ids, positions, everyToken }: EncoderInput): number {
  if (everyToken) return ids.length;
  switch (task) {
    case 'embedding':
    case 'sequence-classification':
      return 1;
    case 'token-embedding':
    case 'token-classification':
    case 'question-answering':
      return ids.length;
    case 'fill-mask':
      return positions?.length ?? 0;
  }
}
