import { fromFloat16 } from '#graph/weights/half-precision.js';
import { Tensor, type IoBinding, type RunOptions, type Session, type TensorData } from '#runtime/index.js';
import type { DecoderPorts, FloatType, IntegerPort } from './ports.js';

/** A row of a run: a piece of one sequence. Shorter ones are padded behind. */
export interface Row {
  readonly ids: readonly number[];
  /** Positions of the sequence before this piece. */
  readonly computed: number;
}

/** What a run is given beside the cache. */
export interface Step {
  readonly rows: readonly Row[];
  /** Positions that the attention mask covers. */
  readonly width: number;
  /** Masked positions before each row's own; the rest up to `width` is masked too. */
  readonly padding: (row: number) => number;
  /** For a graph of two branches: whether to take the one with a past. */
  readonly hasPast: boolean;
  /**
   * Whether the logits of all positions are wanted, which takes rows of the same length, or only of the last
   * one of each row.
   */
  readonly all: boolean;
}

/** Logits that one run may compute at most to save several runs: 128 MiB. */
const MOST_LOGITS = 2 ** 25;

/** A loaded graph with the ports of {@link DecoderPorts}. */
export class DecoderGraph {
  readonly session: Session;
  readonly ports: DecoderPorts;
  readonly vocabularySize: number;
  /** Kept from run to run, since it may be large; copied out of. */
  #logits: Float32Array | Uint16Array = new Float32Array(0);

  constructor(session: Session, ports: DecoderPorts, vocabularySize: number) {
    this.session = session;
    this.ports = ports;
    this.vocabularySize = vocabularySize;
  }

  /**
   * Binds everything but the cache, and runs.
   *
   * @param binding with the cache bound.
   * @returns the wanted logits, `[rows × positions, vocabulary]`.
   */
  async run(binding: IoBinding, step: Step, options: RunOptions): Promise<Float32Array> {
    const { ports, vocabularySize } = this;
    const rows = step.rows.length;
    const sequence = Math.max(...step.rows.map(({ ids }) => ids.length));
    const tensors: Tensor[] = [];
    const bind = (name: string, tensor: Tensor): void => {
      tensors.push(tensor);
      binding.bindInput(name, tensor);
    };
    const kept = step.all || step.rows.some(({ ids }) => ids.length < sequence) ? sequence : 1;
    const projected = ports.logits.lastOnly ? 1 : ports.logitsToKeep ? kept : sequence;
    try {
      bind(
        ports.ids.name,
        integers(ports.ids, step, sequence, ({ ids }, i) => ids[i] ?? 0),
      );
      if (ports.mask) bind(ports.mask.name, maskTensor(ports.mask, step));
      if (ports.positions)
        bind(
          ports.positions.name,
          integers(ports.positions, step, sequence, ({ computed }, i) => computed + i),
        );
      if (ports.runPositions !== undefined) {
        const begin = step.rows[0]!.computed;
        const positions = BigInt64Array.from({ length: sequence }, (_, i) => BigInt(begin + i));
        bind(ports.runPositions, Tensor.fromArray(positions, [sequence]));
      }
      if (ports.cacheBranch !== undefined)
        bind(ports.cacheBranch, Tensor.fromArray(Uint8Array.of(step.hasPast ? 1 : 0), [1], 'bool'));
      if (ports.logitsToKeep) {
        const { name, rank } = ports.logitsToKeep;
        bind(name, Tensor.fromArray(BigInt64Array.of(BigInt(kept)), rank === 0 ? [] : [1]));
      }
      const raw = this.#logitsOf(rows * projected * vocabularySize, step.all);
      const output = Tensor.fromArray(raw, [rows, projected, vocabularySize], ports.logits.type);
      tensors.push(output);
      binding.bindOutput(ports.logits.name, output);
      await this.session.run(binding, options);
      return this.#wanted(raw, step, sequence - projected, projected);
    } finally {
      for (const tensor of tensors) tensor.dispose();
    }
  }

  /**
   * Whether {@link run} gives logits of all positions of rows of these lengths, in no more memory than is
   * reasonable: it takes rows of different lengths only then.
   */
  givesAll(lengths: readonly number[]): boolean {
    const positions = lengths.length * Math.max(...lengths);
    return !this.ports.logits.lastOnly && positions * this.vocabularySize <= MOST_LOGITS;
  }

  /** @param all whether they are handed out as they are, and must not be written again. */
  #logitsOf(length: number, all: boolean): Float32Array | Uint16Array {
    if (all) return floatArray(this.ports.logits.type, length);
    if (this.#logits.length < length) this.#logits = floatArray(this.ports.logits.type, length);
    return this.#logits.subarray(0, length);
  }

  /**
   * The wanted positions of each row, as floats.
   *
   * @param raw `[rows, projected, vocabulary]`
   * @param first the first position that was projected.
   */
  #wanted(raw: Float32Array | Uint16Array, step: Step, first: number, projected: number): Float32Array {
    const { vocabularySize } = this;
    if (step.all && raw instanceof Float32Array) return raw;
    const wanted = step.all ? projected : 1;
    const floats = new Float32Array(step.rows.length * wanted * vocabularySize);
    step.rows.forEach(({ ids }, row) => {
      const position = row * projected + ids.length - wanted - first;
      const source = raw.subarray(position * vocabularySize, (position + wanted) * vocabularySize);
      const target = floats.subarray(row * wanted * vocabularySize, (row + 1) * wanted * vocabularySize);
      if (source instanceof Float32Array) target.set(source);
      else fromFloat16(source, target);
    });
    return floats;
  }
}

/** An array for floats of a type; halves are carried as their bits. */
export function floatArray(type: FloatType, length: number): Float32Array | Uint16Array {
  return type === 'float32' ? new Float32Array(length) : new Uint16Array(length);
}

/** Integers `[rows, sequence]`. */
function integers(
  { type }: IntegerPort,
  { rows }: Step,
  sequence: number,
  valueOf: (row: Row, i: number) => number,
): Tensor {
  const values = rows.flatMap(row => Array.from({ length: sequence }, (_, i) => valueOf(row, i)));
  const data: TensorData = type === 'int64' ? BigInt64Array.from(values, BigInt) : Int32Array.from(values);
  return Tensor.fromArray(data, [rows.length, sequence]);
}

/** Ones for a row's own positions, zeros for padding. */
function maskTensor({ type }: IntegerPort, { rows, width, padding }: Step): Tensor {
  const length = rows.length * width;
  const mask = type === 'int64' ? new BigInt64Array(length) : new Int32Array(length);
  rows.forEach(({ ids, computed }, row) => {
    const begin = row * width + padding(row);
    const end = begin + computed + ids.length;
    if (mask instanceof BigInt64Array) mask.fill(1n, begin, end);
    else mask.fill(1, begin, end);
  });
  return Tensor.fromArray(mask, [rows.length, width]);
}
