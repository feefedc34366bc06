import { DataType, GraphBuilder } from '#graph/onnx/graph-builder.js';
import { IoBinding, RunOptions, Session, Tensor, type Allocator, type DeviceMemory } from '#runtime/index.js';
import { openCopies } from './copies.js';
import type { CacheBuffer, SlotMoves } from './slot-moves.js';

/** The graphs below see memory as elements of four bytes, whatever they mean. */
const ELEMENT = { type: 'float32', dataType: DataType.FLOAT, bytes: 4 } as const;

/**
 * Moves within a device's memory, which the processor cannot reach: a graph of Identity nodes, bound to the
 * slots, copies all layers in one run. Whole slots are copied, since a device copies them faster than many
 * runs could be started. Everything is zero at first: attention must find nothing behind a sequence's end
 * that makes numbers of none.
 */
export class DeviceMoves implements SlotMoves {
  readonly #buffers: readonly CacheBuffer[];
  readonly #session: Session;
  readonly #runOptions = new RunOptions();
  /** Room for one slot, for exchanges. */
  readonly #spare: DeviceMemory[] = [];

  /** @throws KvasirError `runtime_failure` where the device has no memory for one slot more */
  constructor(session: Session, allocator: Allocator, buffers: readonly CacheBuffer[], slots: number) {
    this.#buffers = buffers;
    this.#session = openCopies(
      session,
      buffers.map(() => ELEMENT.dataType),
    );
    try {
      for (const { slotBytes } of buffers) this.#spare.push(allocator.allocate(slotBytes));
      this.#clear(slots);
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  copy(from: number, to: number, length: number): void {
    if (length === 0 || from === to) return;
    this.#move(
      index => this.#slot(index, from),
      index => this.#slot(index, to),
    );
  }

  swap(a: number, b: number, length: number): void {
    if (length === 0 || a === b) return;
    const spare = (index: number): Tensor => this.#tensor(index, this.#spare[index]!, 0);
    this.#move(index => this.#slot(index, a), spare);
    this.#move(
      index => this.#slot(index, b),
      index => this.#slot(index, a),
    );
    this.#move(spare, index => this.#slot(index, b));
  }

  dispose(): void {
    for (const memory of this.#spare) memory.dispose();
    this.#runOptions.dispose();
    this.#session.dispose();
  }

  #move(source: (index: number) => Tensor, target: (index: number) => Tensor): void {
    using binding = new IoBinding(this.#session);
    const tensors: Tensor[] = [];
    try {
      for (const index of this.#buffers.keys()) {
        const [from, to] = [source(index), target(index)];
        tensors.push(from, to);
        binding.bindInput(`from.${index}`, from).bindOutput(`to.${index}`, to);
      }
      this.#session.runNow(binding, this.#runOptions);
    } finally {
      binding.dispose();
      for (const tensor of tensors) tensor.dispose();
    }
  }

  #clear(slots: number): void {
    const { environment, device } = this.#session;
    using session = Session.fromBytes(environment, clearGraph(), { device, intraOpThreads: 1 });
    for (const index of this.#buffers.keys())
      for (let slot = 0; slot < slots; slot++) {
        using target = this.#slot(index, slot);
        using shape = Tensor.fromArray(BigInt64Array.of(BigInt(target.size)), [1]);
        using binding = new IoBinding(session).bindInput('shape', shape).bindOutput('zeros', target);
        session.runNow(binding, this.#runOptions);
      }
  }

  #slot(index: number, slot: number): Tensor {
    const { memory, slotBytes } = this.#buffers[index]!;
    return this.#tensor(index, memory, slot * slotBytes);
  }

  #tensor(index: number, memory: DeviceMemory, offset: number): Tensor {
    const elements = this.#buffers[index]!.slotBytes / ELEMENT.bytes;
    return Tensor.overMemory(memory, offset, [elements], ELEMENT.type);
  }
}

function clearGraph(): Uint8Array {
  const graph = new GraphBuilder();
  const shape = graph.input('shape', DataType.INT64, [1]);
  // Without a value, the operator fills with the float 0.
  const zeros = graph.node({ op: 'ConstantOfShape', inputs: [shape], name: 'zeros' });
  graph.output(zeros, ELEMENT.dataType, ['elements']);
  return graph.toBytes('zeros');
}
