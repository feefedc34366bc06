import { KvasirError } from '#errors.js';

/** The types of elements that dicts of tensors may have, by the names of PyTorch's storages. */
const STORAGES = {
  FloatStorage: 'F32',
  HalfStorage: 'F16',
  BFloat16Storage: 'BF16',
  DoubleStorage: 'F64',
  LongStorage: 'I64',
  IntStorage: 'I32',
  ShortStorage: 'I16',
  CharStorage: 'I8',
  ByteStorage: 'U8',
  BoolStorage: 'BOOL',
} as const;

export type TorchType = (typeof STORAGES)[keyof typeof STORAGES];

/** A tensor, whose elements are all in its storage. */
export interface TorchTensor {
  readonly type: TorchType;
  readonly shape: readonly number[];
  /** How many elements apart two neighbours of each axis are; undefined: they stand in row-major order. */
  readonly strides: readonly number[] | undefined;
  /** The file of its elements, below `data/`. */
  readonly storage: string;
  /** Of the first element, and how many elements the storage has. */
  readonly first: number;
  readonly storageSize: number;
}

/** Longest pickle, in bytes: far more than the tensors of a large model take. */
export const LONGEST_PICKLE = 2 ** 24;

class Global {
  constructor(readonly name: string) {}
}
class Mark {}
class Storage {
  constructor(
    readonly type: TorchType,
    readonly file: string,
    readonly size: number,
  ) {}
}
class Tensor {
  constructor(readonly tensor: TorchTensor) {}
}

/** What stands on the stack: no more kinds of values than a state dict has. */
type Value =
  string | number | boolean | null | Global | Mark | Storage | Tensor | readonly Value[] | Map<Value, Value>;

const ORDERED_DICT = 'collections OrderedDict';
const REBUILD_TENSOR = 'torch._utils _rebuild_tensor_v2';
const REBUILD_PARAMETER = 'torch._utils _rebuild_parameter';
const KNOWN = [ORDERED_DICT, REBUILD_TENSOR, REBUILD_PARAMETER];

/**
 * Reads the pickle (Python's pickletools, protocol 2) of a dict of tensors as `torch.save` writes it, by the few
 * operations that it takes. Nothing is called: the functions that such a pickle names are known here, and any other
 * name is refused.
 *
 * @throws KvasirError `unsupported_model` for anything that is no dict of tensors, by its name; `invalid_model` where the
 * pickle is broken
 */
export function readStateDict(path: string, bytes: Uint8Array): Map<string, TorchTensor> {
  const value = new Unpickler(path, bytes).run();
  const tensors = new Map<string, TorchTensor>();
  if (!(value instanceof Map)) return unsupported(path, 'is no dict of tensors');
  for (const [name, entry] of value) {
    if (typeof name !== 'string' || !(entry instanceof Tensor))
      return unsupported(path, `has something under ${describe(name)} that is no tensor`);
    tensors.set(name, entry.tensor);
  }
  return tensors;
}

function unsupported(path: string, fault: string): never {
  throw new KvasirError('unsupported_model', `${path}: its pickle ${fault}`);
}

function describe(value: Value): string {
  return typeof value === 'string' ? `'${value}'` : 'a key that is no text';
}

class Unpickler {
  readonly #path: string;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #stack: Value[] = [];
  readonly #memo = new Map<number, Value>();
  #at = 0;

  constructor(path: string, bytes: Uint8Array) {
    this.#path = path;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  run(): Value {
    if (this.#byte() !== 0x80 || this.#byte() !== 2) unsupported(this.#path, 'is not of protocol 2');
    for (;;) {
      const operation = this.#byte();
      if (operation === 0x2e) break;
      this.#step(operation);
    }
    const result = this.#pop();
    if (this.#stack.length > 0) this.#broken();
    return result;
  }

  #step(operation: number): void {
    switch (String.fromCharCode(operation)) {
      case '(':
        return this.#push(new Mark());
      case 'N':
        return this.#push(null);
      case '\x88':
        return this.#push(true);
      case '\x89':
        return this.#push(false);
      case 'K':
        return this.#push(this.#byte());
      case 'M':
        return this.#push(this.#view.getUint16(this.#take(2), true));
      case 'J':
        return this.#push(this.#view.getInt32(this.#take(4), true));
      case '\x8a':
        return this.#push(this.#long());
      case 'X':
        return this.#push(this.#text(this.#view.getUint32(this.#take(4), true)));
      case 'c':
        return this.#push(this.#global(`${this.#line()} ${this.#line()}`));
      case ')':
        return this.#push([]);
      case '\x85':
      case '\x86':
      case '\x87':
        return this.#push(this.#popSeveral(operation - 0x84));
      case 't':
        return this.#push(this.#popToMark());
      case '}':
        return this.#push(new Map());
      case 's':
        return this.#setItems(this.#popSeveral(2));
      case 'u':
        return this.#setItems(this.#popToMark());
      case 'q':
        return this.#remember(this.#byte());
      case 'r':
        return this.#remember(this.#view.getUint32(this.#take(4), true));
      case 'h':
        return this.#recall(this.#byte());
      case 'j':
        return this.#recall(this.#view.getUint32(this.#take(4), true));
      case 'Q':
        return this.#push(this.#storage(this.#pop()));
      case 'R':
        return this.#reduce();
      case 'b':
        return this.#build();
      default:
        unsupported(this.#path, `does what no dict of tensors needs (operation 0x${operation.toString(16)})`);
    }
  }

  #global(name: string): Global {
    const isStorage = name.startsWith('torch ') && name.endsWith('Storage');
    if (!KNOWN.includes(name) && !isStorage)
      unsupported(this.#path, `names '${name.replace(' ', '.')}', which is not run`);
    return new Global(name);
  }

  /** `('storage', type, file, device, elements)` */
  #storage(id: Value): Storage {
    if (!Array.isArray(id) || id.length !== 5) return this.#broken();
    const [kind, type, file, , size] = id as readonly Value[];
    if (kind !== 'storage' || !(type instanceof Global) || typeof file !== 'string' || !isCount(size))
      return this.#broken();
    const name = type.name.slice('torch '.length);
    if (!Object.hasOwn(STORAGES, name))
      return unsupported(this.#path, `has elements of a ${name}, which is not read`);
    return new Storage(STORAGES[name as keyof typeof STORAGES], file, size);
  }

  #reduce(): void {
    const given = this.#pop();
    const called = this.#pop();
    if (!(called instanceof Global) || !Array.isArray(given)) return this.#broken();
    const list = given as readonly Value[];
    if (called.name === ORDERED_DICT && list.length === 0) return this.#push(new Map());
    if (called.name === REBUILD_TENSOR) return this.#push(this.#tensor(list));
    // (tensor, requires_grad, hooks)
    if (called.name === REBUILD_PARAMETER && list[0] instanceof Tensor) return this.#push(list[0]);
    return this.#broken();
  }

  /** `(storage, first element, sizes, strides, requires_grad, hooks)` */
  #tensor([storage, first, shape, strides]: readonly Value[]): Tensor {
    if (!(storage instanceof Storage) || !isCount(first) || !isCounts(shape) || !isCounts(strides))
      return this.#broken();
    if (shape.length !== strides.length) return this.#broken();
    let [elements, last, isRowByRow] = [1, first, true];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      if (shape[axis] !== 1 && strides[axis] !== elements) isRowByRow = false;
      elements *= shape[axis]!;
      last += (shape[axis]! - 1) * strides[axis]!;
    }
    if (first + elements > storage.size || (elements > 0 && last >= storage.size)) return this.#broken();
    const { type, file, size } = storage;
    const stored = { storage: file, first, storageSize: size };
    return new Tensor({ type, shape, strides: isRowByRow ? undefined : strides, ...stored });
  }

  /** Attributes of a dict: those of a module's, which say nothing of its tensors. */
  #build(): void {
    const state = this.#pop();
    const built = this.#stack.at(-1);
    if (!(built instanceof Map) || !(state instanceof Map)) return this.#broken();
    for (const name of state.keys())
      if (name !== '_metadata') unsupported(this.#path, `sets the attribute ${describe(name)} of a dict`);
  }

  #setItems(items: readonly Value[]): void {
    const map = this.#stack.at(-1);
    if (!(map instanceof Map) || items.length % 2 !== 0) return this.#broken();
    for (let i = 0; i < items.length; i += 2) map.set(items[i]!, items[i + 1]!);
  }

  #remember(key: number): void {
    const value = this.#stack.at(-1);
    if (value === undefined || value instanceof Mark) return this.#broken();
    this.#memo.set(key, value);
  }

  #recall(key: number): void {
    const value = this.#memo.get(key);
    if (value === undefined) return this.#broken();
    this.#push(value);
  }

  #push(value: Value): void {
    this.#stack.push(value);
  }

  #pop(): Value {
    const value = this.#stack.pop();
    if (value === undefined || value instanceof Mark) return this.#broken();
    return value;
  }

  #popSeveral(count: number): Value[] {
    const values = Array.from({ length: count }, () => this.#pop());
    return values.reverse();
  }

  #popToMark(): Value[] {
    const mark = this.#stack.findLastIndex(value => value instanceof Mark);
    if (mark < 0) return this.#broken();
    const values = this.#stack.splice(mark);
    return values.slice(1);
  }

  /** A little-endian integer of as many bytes as the first one says. */
  #long(): number {
    const length = this.#byte();
    if (length > 8) return this.#broken();
    const begin = this.#take(length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.#bytes[begin + i]!);
    return Number(BigInt.asIntN(8 * length, value));
  }

  #text(length: number): string {
    const begin = this.#take(length);
    return new TextDecoder().decode(this.#bytes.subarray(begin, begin + length));
  }

  #line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0) return this.#broken();
    const text = this.#text(end - this.#at);
    this.#at++;
    return text;
  }

  #byte(): number {
    return this.#bytes[this.#take(1)]!;
  }

  /** The place of so many bytes, which are read. */
  #take(length: number): number {
    const begin = this.#at;
    if (begin + length > this.#bytes.length) return this.#broken();
    this.#at += length;
    return begin;
  }

  #broken(): never {
    throw new KvasirError('invalid_model', `${this.#path}: its pickle is broken near byte ${this.#at}`);
  }
}

function isCount(value: Value | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isCounts(value: Value | undefined): value is readonly number[] {
  return Array.isArray(value) && value.length <= 8 && (value as readonly Value[]).every(isCount);
}
