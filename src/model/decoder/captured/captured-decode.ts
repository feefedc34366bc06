import { DataType } from '#graph/onnx/graph-builder.js';
import {
  Allocator,
  DisposeStack,
  IoBinding,
  memoryInfo,
  RunOptions,
  Tensor,
  type DeviceMemory,
  type ElementType,
  type Session,
  type TensorData,
} from '#runtime/index.js';
import { openCopies } from '../../cache/copies.js';
import type { BatchEntry } from '../contract.js';

/** A run option of ONNX Runtime's CUDA provider: which graph is captured or replayed; -1: none. */
const GRAPH_ID = 'gpu_graph_id';

/** What runs of a session that captures graphs need where they are not to be captured themselves. */
export const UNCAPTURED: Readonly<Record<string, string>> = { [GRAPH_ID]: '-1' };

export interface CapturedDecodeOptions {
  /** Most sequences of a step; a graph is captured for each number of them. */
  readonly rows: number;
  readonly contextLength: number;
  readonly vocabularySize: number;
  /** Where the logits go, `[rows, vocabulary]`, and the largest of each block of them. */
  readonly logits: Float32Array;
  readonly maxima: Float32Array | undefined;
  /** Binds the cache of the first slots to a run; what it gives is to be disposed. */
  readonly bindCache: (binding: IoBinding, count: number) => Tensor[];
}

/** A step of a fixed number of sequences. */
interface Step {
  readonly upload: IoBinding;
  readonly run: IoBinding;
  readonly download: IoBinding;
  /** What is uploaded. */
  readonly inputs: readonly Tensor[];
  readonly options: RunOptions;
}

/**
 * Decode steps whose kernels a GPU starts by itself: captured once as a CUDA graph for each number of
 * sequences, and replayed. Kernels of small models take less time than the processor needs to start them one
 * by one.
 *
 * A graph reads its inputs, and leaves its outputs, where they were when it was captured. So ids and lengths
 * are copied to a fixed place on the device before it runs, and logits from there after it. It belongs to the
 * thread that captured it: steps run on the calling one, which waits some milliseconds.
 */
export class CapturedDecode {
  readonly rows: number;
  readonly #session: Session;
  readonly #owned = new DisposeStack();
  readonly #uploads: Session;
  readonly #downloads: Session;
  readonly #plain = this.#owned.use(new RunOptions());
  readonly #uncaptured = this.#owned.use(new RunOptions(UNCAPTURED));
  readonly #ids: BigInt64Array;
  readonly #lengths: Int32Array;
  readonly #total: Tensor;
  readonly #steps: Step[] = [];

  /**
   * Captures all graphs, which writes to the first position of the slots.
   *
   * @throws OrtError where a graph cannot be captured; KvasirError `runtime_failure` where the device has not
   * enough memory
   */
  constructor(session: Session, options: CapturedDecodeOptions) {
    const { rows, contextLength, maxima } = options;
    this.rows = rows;
    this.#session = session;
    this.#ids = new BigInt64Array(rows);
    this.#lengths = new Int32Array(rows);
    // The longest that there may be: a graph keeps it.
    this.#total = this.#owned.use(Tensor.fromArray(Int32Array.of(contextLength), []));
    const copies = (...types: readonly DataType[]): Session => this.#owned.use(openCopies(session, types));
    try {
      this.#uploads = copies(DataType.INT64, DataType.INT32, DataType.INT64);
      this.#downloads = maxima ? copies(DataType.FLOAT, DataType.FLOAT) : copies(DataType.FLOAT);
      this.#prepare(options);
      for (const count of this.#steps.keys()) this.#capture(count + 1);
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  /**
   * Continues slots `0 .. entries.length - 1` by one token each; what comes of it is where the options say.
   */
  run(entries: readonly BatchEntry[]): void {
    entries.forEach(({ ids, computed }, slot) => {
      this.#ids[slot] = BigInt(ids[0]!);
      this.#lengths[slot] = computed;
    });
    const step = this.#steps[entries.length - 1]!;
    this.#carry(step);
    this.#session.runNow(step.run, step.options);
    this.#downloads.runNow(step.download, this.#plain);
  }

  /** Makes later runs fail. */
  abort(): void {
    for (const { options } of this.#steps) options.terminate();
  }

  dispose(): void {
    this.#owned.dispose();
  }

  #prepare({ rows, vocabularySize, logits, maxima, bindCache }: CapturedDecodeOptions): void {
    const blocks = maxima === undefined ? 0 : maxima.length / (logits.length / vocabularySize);
    const owned = this.#owned;
    const allocator = owned.use(new Allocator(this.#session, memoryInfo(this.#session.device.location)));
    const allocate = (bytes: number): DeviceMemory => owned.use(allocator.allocate(bytes));
    const idMemory = allocate(rows * 8);
    const lengthMemory = allocate(rows * 4);
    const positionMemory = allocate(rows * 8);
    const logitMemory = allocate(rows * vocabularySize * 4);
    const maximaMemory = maxima && allocate(rows * blocks * 4);
    for (let count = 1; count <= rows; count++) {
      const over = (memory: DeviceMemory, shape: readonly number[], type: ElementType): Tensor =>
        owned.use(Tensor.overMemory(memory, 0, shape, type));
      const from = (array: TensorData): Tensor => owned.use(Tensor.fromArray(array, [array.length]));
      const positions = BigInt64Array.from({ length: count }, (_, row) => BigInt(row));
      const inputs = [
        from(this.#ids.subarray(0, count)),
        from(this.#lengths.subarray(0, count)),
        from(positions),
      ];
      const lengths = over(lengthMemory, [count], 'int32');
      const positionsThere = over(positionMemory, [count], 'int64');
      const binding = (session: Session): IoBinding => owned.use(new IoBinding(session));
      const upload = binding(this.#uploads)
        .bindOutput('to.0', over(idMemory, [count], 'int64'))
        .bindOutput('to.1', lengths)
        .bindOutput('to.2', positionsThere);
      const run = binding(this.#session)
        .bindInput('input_ids', over(idMemory, [count, 1], 'int64'))
        .bindInput('seqlens_k', lengths)
        .bindInput('logits_positions', positionsThere)
        .bindInput('total_sequence_length', this.#total)
        .bindOutput('logits', over(logitMemory, [count, vocabularySize], 'float32'));
      for (const tensor of bindCache(run, count)) owned.use(tensor);
      const download = binding(this.#downloads)
        .bindInput('from.0', over(logitMemory, [count * vocabularySize], 'float32'))
        .bindOutput('to.0', from(logits.subarray(0, count * vocabularySize)));
      if (maxima !== undefined) {
        run.bindOutput('logits_maxima', over(maximaMemory!, [count, blocks], 'float32'));
        download
          .bindInput('from.1', over(maximaMemory!, [count * blocks], 'float32'))
          .bindOutput('to.1', from(maxima.subarray(0, count * blocks)));
      }
      const options = owned.use(new RunOptions({ [GRAPH_ID]: String(count) }));
      this.#steps.push({ upload, run, download, inputs, options });
    }
  }

  /** Once without, since kernels may try out at first what suits them. */
  #capture(count: number): void {
    const step = this.#steps[count - 1]!;
    this.#carry(step);
    this.#session.runNow(step.run, this.#uncaptured);
    this.#session.runNow(step.run, step.options);
  }

  /** Copies the inputs to the device. */
  #carry({ upload, inputs }: Step): void {
    inputs.forEach((tensor, index) => upload.bindInput(`from.${index}`, tensor));
    this.#uploads.runNow(upload, this.#plain);
  }
}
