import { KvasirError } from '#errors.js';
import type { PoolingMode } from '#graph/sentence-pooling.js';
import { IoBinding, cpuMemoryInfo, RunOptions, Tensor, type Session } from '#runtime/index.js';
import type { Encoder, EncoderInput, EncoderOutput, EncoderTask } from '../contract.js';
import { normalizeVector, poolVectors } from '../pooling.js';
import { paddedOutputs, type PaddedOutputs } from './ports.js';

/** Sizes that a ready-made graph does not tell. */
export interface PaddedEncoderShape {
  readonly task: EncoderTask;
  readonly contextLength: number;
  readonly vocabularySize: number;
  readonly segments: number;
  /** Id that stands where a text is shorter than the batch. */
  readonly paddingId: number;
  /** What is done to hidden states, where the graph answers with them. */
  readonly pooling: readonly PoolingMode[];
  readonly normalize: boolean;
  /** Width of what the graph answers with, which tells an output that has no known name; undefined: any. */
  readonly resultWidth: number | undefined;
}

/**
 * Runs a graph as exporters write it (`input_ids`, `attention_mask`, perhaps `token_type_ids` and
 * `position_ids`, int64 or int32 `[batch, sequence]`), with texts padded to the longest. What it puts out tells what
 * is left to do: `sentence_embedding` nothing, `last_hidden_state` the pooling, `logits` the choice of what
 * is wanted; question answering has `start_logits` and `end_logits`.
 */
export class PaddedEncoder implements Encoder {
  readonly width: number;
  readonly tokenWidth: number | undefined;
  readonly #session: Session;
  readonly #shape: PaddedEncoderShape;
  readonly #outputs: PaddedOutputs;
  readonly #runOptions = new RunOptions();

  /**
   * @throws KvasirError `unsupported_model` where the graph has inputs that are not known, or none of the
   * outputs of its task
   */
  constructor(session: Session, shape: PaddedEncoderShape) {
    this.#session = session;
    this.#shape = shape;
    this.#outputs = paddedOutputs(session.inputs, session.outputs, shape.task, shape.resultWidth);
    this.width = this.#widthOf(session);
    const width = session.outputs.find(({ name }) => name === this.#outputs.hidden)?.shape.at(-1);
    this.tokenWidth = typeof width === 'number' ? width : undefined;
  }

  get task(): EncoderTask {
    return this.#shape.task;
  }

  get contextLength(): number {
    return this.#shape.contextLength;
  }

  get vocabularySize(): number {
    return this.#shape.vocabularySize;
  }

  get segments(): number {
    return this.#shape.segments;
  }

  async run(inputs: readonly EncoderInput[]): Promise<EncoderOutput[]> {
    const longest = inputs.reduce((max, { ids }) => Math.max(max, ids.length), 0);
    const { hidden: hiddenName = '' } = this.#outputs;
    using binding = new IoBinding(this.#session);
    const tensors: Tensor[] = [];
    try {
      for (const { name, type } of this.#session.inputs) {
        const wide = padded(inputs, longest, INPUTS[name as InputName], this.#shape.paddingId);
        const data = type === 'int32' ? wide : BigInt64Array.from(wide, BigInt);
        const tensor = Tensor.fromArray(data, [inputs.length, longest]);
        tensors.push(tensor);
        binding.bindInput(name, tensor);
      }
      const names = new Set(this.#outputs.names);
      if (this.tokenWidth !== undefined && inputs.some(({ everyToken }) => everyToken)) names.add(hiddenName);
      for (const name of names) binding.bindOutputToDevice(name, cpuMemoryInfo());
      await this.#session.run(binding, this.#runOptions);
      const outputs = binding.outputs();
      tensors.push(...outputs);
      const arrays = outputs.map(output => output.toArray() as Float32Array);
      const hidden = arrays[[...names].indexOf(hiddenName)];
      return inputs.map((input, text) =>
        input.everyToken && hidden !== undefined
          ? this.#tokens(hidden, input, text, inputs.length)
          : this.#result(arrays, input, text, inputs.length),
      );
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

  #widthOf(session: Session): number {
    if (this.task === 'question-answering') return 2;
    const { names, areHidden } = this.#outputs;
    const [name] = names;
    const last = session.outputs.find(output => output.name === name)!.shape.at(-1);
    if (typeof last === 'number') return areHidden ? last * this.#shape.pooling.length : last;
    throw new KvasirError('unsupported_model', `the graph does not tell the width of its output '${name}'`);
  }

  /** The vectors of one text's tokens. */
  #tokens(hidden: Float32Array, { ids }: EncoderInput, text: number, texts: number): EncoderOutput {
    const from = text * (hidden.length / texts);
    const width = this.tokenWidth!;
    return { values: hidden.subarray(from, from + ids.length * width), rows: ids.length, width };
  }

  /** One text's part of the outputs. */
  #result(
    arrays: readonly Float32Array[],
    { ids, positions, unpooled }: EncoderInput,
    text: number,
    texts: number,
  ): EncoderOutput {
    const { width } = this;
    const [first, second] = arrays as [Float32Array, Float32Array | undefined];
    const part = first.length / texts;
    const own = first.subarray(text * part, (text + 1) * part);
    switch (this.task) {
      case 'embedding':
        return { values: this.#embedding(own, ids.length, unpooled), rows: 1, width };
      case 'sequence-classification':
        return { values: own, rows: 1, width };
      case 'token-embedding':
      case 'token-classification':
        return { values: own.subarray(0, ids.length * width), rows: ids.length, width };
      case 'question-answering': {
        const values = new Float32Array(ids.length * 2);
        for (let i = 0; i < ids.length; i++) {
          values[2 * i] = own[i]!;
          values[2 * i + 1] = second![text * part + i]!;
        }
        return { values, rows: ids.length, width };
      }
      case 'fill-mask': {
        const wanted = positions ?? [];
        const values = new Float32Array(wanted.length * width);
        wanted.forEach((position, row) =>
          values.set(own.subarray(position * width, (position + 1) * width), row * width),
        );
        return { values, rows: wanted.length, width };
      }
    }
  }

  /** A text's vector, from its own output. */
  #embedding(own: Float32Array, length: number, unpooled?: number): Float32Array {
    if (!this.#outputs.areHidden) return own;
    const { pooling, normalize } = this.#shape;
    const vector = poolVectors(own, length, this.width / pooling.length, pooling, unpooled);
    if (normalize) normalizeVector(vector);
    return vector;
  }
}

type InputName = 'input_ids' | 'attention_mask' | 'token_type_ids' | 'position_ids';

/** What each input has at a position of a text, and behind its end. */
const INPUTS: Readonly<
  Record<InputName, (input: EncoderInput, position: number, padding: number) => number>
> = {
  input_ids: ({ ids }, position, padding) => ids[position] ?? padding,
  attention_mask: ({ ids }, position) => (position < ids.length ? 1 : 0),
  token_type_ids: ({ typeIds }, position) => typeIds?.[position] ?? 0,
  position_ids: (_, position) => position,
};

function padded(
  inputs: readonly EncoderInput[],
  longest: number,
  value: (typeof INPUTS)[InputName],
  paddingId: number,
): Int32Array {
  const result = new Int32Array(inputs.length * longest);
  inputs.forEach((input, text) => {
    for (let position = 0; position < longest; position++)
      result[text * longest + position] = value(input, position, paddingId);
  });
  return result;
}
