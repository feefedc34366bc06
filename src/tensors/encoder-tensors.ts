import type { Caller } from '#caller.js';
import type { EncoderService } from '#batching/types.js';
import { KvasirError, invalidRequest } from '#errors.js';
import type { EncoderInput, EncoderOutput, EncoderTask } from '#model/encoder/contract.js';
import type { NamedTensor, TensorPort, TensorService } from './types.js';

/** The parts of a served encoder that are needed here. */
interface TensorEncoder {
  readonly task: EncoderTask;
  readonly width: number;
  readonly encoder: EncoderService;
}

/** Most rows of a call. */
const MOST_ROWS = 2048;

/** Most numbers of an answer: 64 MiB. A row of logits over a vocabulary has many. */
const MOST_VALUES = 2 ** 24;

const BATCH = ['batch', 'sequence'];

/**
 * Serves an encoder on token ids as tensors, by the names that exporters give them. It is the same service
 * that texts go through: rows are batched with those of other requests, padding is dropped before it costs
 * anything, and the model's limits hold.
 */
export class EncoderTensors implements TensorService {
  readonly inputs: readonly TensorPort[] = [
    { name: 'input_ids', type: 'int64', shape: BATCH },
    { name: 'attention_mask', type: 'int64', shape: BATCH, optional: true },
    { name: 'token_type_ids', type: 'int64', shape: BATCH, optional: true },
  ];
  readonly outputs: readonly TensorPort[];
  readonly #model: TensorEncoder;

  constructor(model: TensorEncoder) {
    this.#model = model;
    this.outputs = outputsOf(model);
  }

  async infer(
    inputs: readonly NamedTensor[],
    outputs: readonly string[],
    caller: Caller,
  ): Promise<NamedTensor[]> {
    const { encoder } = this.#model;
    const rows = readRows(inputs);
    this.#limit(rows);
    const results = await encoder
      .encode(
        rows.map(row => this.#input(row)),
        caller,
      )
      .catch((error: unknown) => {
        if (error instanceof KvasirError && error.param === 'input')
          throw new KvasirError(error.code, `input_ids: ${error.message}`, {
            param: 'input_ids',
            numbers: error.numbers,
          });
        throw error;
      });
    return outputs.map(name => this.#output(name, rows, results));
  }

  #input({ ids, typeIds, kept }: Row): EncoderInput {
    return {
      ids,
      ...(typeIds !== undefined && { typeIds }),
      ...(this.#model.task === 'fill-mask' && { positions: kept.map((_, i) => i) }),
    };
  }

  #limit(rows: readonly Row[]): void {
    const [{ length } = { length: 0 }] = rows;
    const perRow = this.outputs.reduce(
      (sum, { shape }) => sum + shape.slice(1).reduce<number>((n, size) => n * this.#size(size, length), 1),
      0,
    );
    if (perRow * rows.length > MOST_VALUES)
      throw invalidRequest(
        'input_ids',
        `input_ids: the answer to ${rows.length} rows of ${length} would be ${perRow * rows.length} numbers; at most ${MOST_VALUES} are given at once`,
      );
  }

  #size(dimension: number | string, length: number): number {
    return typeof dimension === 'number' ? dimension : length;
  }

  #output(name: string, rows: readonly Row[], results: readonly EncoderOutput[]): NamedTensor {
    const { type, shape: dimensions } = this.outputs.find(output => output.name === name)!;
    const [{ length } = { length: 0 }] = rows;
    const shape = [rows.length, ...dimensions.slice(1).map(size => this.#size(size, length))];
    const perRow = shape.slice(1).reduce((product, size) => product * size, 1);
    const data = new Float32Array(rows.length * perRow);
    results.forEach(({ values, width }, row) => {
      const start = row * perRow;
      if (this.#model.task === 'question-answering') {
        const side = name === 'start_logits' ? 0 : 1;
        rows[row]!.kept.forEach((position, i) => (data[start + position] = values[2 * i + side]!));
      } else if (dimensions.length === 2) data.set(values, start);
      else
        rows[row]!.kept.forEach((position, i) =>
          data.set(values.subarray(i * width, (i + 1) * width), start + position * width),
        );
    });
    return { name, type, shape, data };
  }
}

function outputsOf({ task, width }: TensorEncoder): TensorPort[] {
  switch (task) {
    case 'embedding':
      return [{ name: 'sentence_embedding', type: 'float32', shape: ['batch', width] }];
    case 'sequence-classification':
      return [{ name: 'logits', type: 'float32', shape: ['batch', width] }];
    case 'token-embedding':
      return [{ name: 'token_embeddings', type: 'float32', shape: [...BATCH, width] }];
    case 'token-classification':
    case 'fill-mask':
      return [{ name: 'logits', type: 'float32', shape: [...BATCH, width] }];
    case 'question-answering':
      return ['start_logits', 'end_logits'].map(name => ({ name, type: 'float32', shape: BATCH }));
  }
}

/** One text of a call. */
interface Row {
  /** Ids without padding. */
  readonly ids: readonly number[];
  readonly typeIds: readonly number[] | undefined;
  /** Positions of these ids in the padded row. */
  readonly kept: readonly number[];
  /** Length with padding. */
  readonly length: number;
}

function readRows(inputs: readonly NamedTensor[]): Row[] {
  const ids = inputs.find(({ name }) => name === 'input_ids')!;
  const [count, length] = ids.shape as [number, number];
  if (count > MOST_ROWS)
    return fail('input_ids', `has ${count} rows; at most ${MOST_ROWS} are taken at once`);
  const beside = (name: string): Integers | undefined => {
    const tensor = inputs.find(input => input.name === name);
    if (tensor === undefined) return undefined;
    if (tensor.shape.join() !== ids.shape.join())
      return fail(name, `has the shape [${tensor.shape.join()}], but input_ids has [${ids.shape.join()}]`);
    return integers(tensor);
  };
  const all = integers(ids);
  const mask = beside('attention_mask');
  const types = beside('token_type_ids');
  return Array.from({ length: count }, (_, row) => {
    const start = row * length;
    const kept: number[] = [];
    for (let position = 0; position < length; position++) {
      const seen = mask?.(start + position) ?? 1;
      if (seen === 1) kept.push(position);
      else if (seen !== 0) fail('attention_mask', 'must have nothing but 0 and 1');
    }
    return {
      ids: kept.map(position => all(start + position)),
      typeIds: types && kept.map(position => types(start + position)),
      kept,
      length,
    };
  });
}

/** An element of a tensor, by its place. */
type Integers = (place: number) => number;

/** Elements of 64 bits as numbers, without a BigInt for each. */
function integers({ data }: NamedTensor): Integers {
  const halves = new Int32Array(data.buffer, data.byteOffset, 2 * data.length);
  return place => halves[2 * place + 1]! * 2 ** 32 + (halves[2 * place]! >>> 0);
}

function fail(param: string, fault: string): never {
  throw invalidRequest(param, `${param} ${fault}`);
}
