import type { FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { KvasirError } from '#errors.js';
import { openRegularFile, readExactly } from '#files.js';
import { parseHeader, type GgufHeader, type TensorDescription } from './header.js';
import { GgufMetadata } from './metadata.js';

/** A tensor of a file, or of one of its parts. */
export type GgufTensor = Pick<TensorDescription, 'type' | 'shape' | 'bytes'>;

/** The first look at a file, enough for most; each further one is of four times as many bytes. */
const FIRST_LOOK = 2 ** 20;
const GROWTH = 4;
/** Vocabularies of 262,144 tokens with merges take some 20 MB. */
const LONGEST_HEADER = 2 ** 27;
const MOST_PARTS = 1024;

/** The way in which llama.cpp names the parts of a file that was split. */
const PART = /^(?<prefix>.*)-(?<number>\d{5})-of-(?<count>\d{5})\.gguf$/;

/**
 * All parts of a GGUF file that was split, in order, where `file` is named like one of them
 * (`NAME-00001-of-00003.gguf`); else the file alone.
 */
export function partsOf(file: string): string[] {
  const { prefix, count = '' } = PART.exec(path.basename(file))?.groups ?? {};
  const parts = Number(count);
  if (prefix === undefined || parts < 1 || parts > MOST_PARTS) return [file];
  return Array.from({ length: parts }, (_, i) =>
    path.join(path.dirname(file), `${prefix}-${String(i + 1).padStart(5, '0')}-of-${count}.gguf`),
  );
}

/**
 * Opens a GGUF file, or all parts of one that was split, and reads the header. Tensors are read on demand.
 *
 * @param file any of the parts.
 * @throws KvasirError `invalid_model` where a part is missing, unreadable or broken; `unsupported_model` for
 * versions, byte orders and types of tensors that are not known
 */
export async function openGguf(file: string): Promise<GgufFile> {
  const parts: Part[] = [];
  try {
    for (const part of partsOf(file)) parts.push(await openPart(part));
    return new GgufFile(parts);
  } catch (error) {
    await Promise.all(parts.map(({ handle }) => handle.close()));
    throw error;
  }
}

interface Part extends GgufHeader {
  readonly path: string;
  readonly handle: FileHandle;
}

async function openPart(file: string): Promise<Part> {
  const handle = await openRegularFile(file);
  try {
    return { path: file, handle, ...(await readHeader(handle, file)) };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function readHeader(handle: FileHandle, file: string): Promise<GgufHeader> {
  const { size } = await handle.stat();
  const longest = Math.min(size, LONGEST_HEADER);
  for (let look = FIRST_LOOK; ; look *= GROWTH) {
    const bytes = Buffer.allocUnsafe(Math.min(look, longest));
    await readExactly(handle, file, bytes, 0);
    const header = parseHeader(file, bytes, size);
    if (header !== undefined) return header;
    if (look >= longest)
      throw new KvasirError('invalid_model', `${file}: its header is longer than ${longest} bytes`);
  }
}

/** An open GGUF file, split or whole. Tensors are read from it on demand, never the file as a whole. */
export class GgufFile {
  /** The file, or its first part: what errors name. */
  readonly path: string;
  readonly metadata: GgufMetadata;
  readonly tensors: ReadonlyMap<string, GgufTensor>;
  readonly #parts: readonly Part[];
  readonly #partOf = new Map<string, Part>();

  /** @throws KvasirError `invalid_model` where the parts are not of one file */
  constructor(parts: readonly Part[]) {
    const [first] = parts as readonly [Part];
    this.path = first.path;
    this.metadata = new GgufMetadata(first.path, first.metadata);
    this.#parts = parts;
    const tensors = new Map<string, GgufTensor>();
    this.tensors = tensors;
    for (const [index, part] of parts.entries()) {
      requirePart(part, index, parts.length);
      for (const [name, tensor] of part.tensors) {
        if (tensors.has(name))
          throw new KvasirError('invalid_model', `${part.path}: another part has the tensor '${name}', too`);
        tensors.set(name, tensor);
        this.#partOf.set(name, part);
      }
    }
    const expected = this.metadata.count('split.tensors.count', tensors.size);
    if (expected !== tensors.size)
      throw this.metadata.invalid(`its parts have ${tensors.size} tensors, but should have ${expected}`);
  }

  /** The file, or all its parts. */
  get paths(): readonly string[] {
    return this.#parts.map(part => part.path);
  }

  /**
   * Bytes of a tensor as they are stored.
   *
   * @param firstByte of the tensor's to read, and the one after the last; by default all.
   * @throws KvasirError `invalid_model` if there is no such tensor, or the file has changed since it was opened
   */
  async read(name: string, firstByte = 0, lastByte = Infinity): Promise<Uint8Array> {
    const part = this.#partOf.get(name);
    const tensor = part?.tensors.get(name);
    if (part === undefined || tensor === undefined)
      throw this.metadata.invalid(`there is no tensor '${name}'`);
    const end = Math.min(lastByte, tensor.bytes);
    const bytes = new Uint8Array(Math.max(0, end - firstByte));
    await readExactly(part.handle, part.path, bytes, tensor.offset + firstByte);
    return bytes;
  }

  async close(): Promise<void> {
    await Promise.all(this.#parts.map(({ handle }) => handle.close()));
  }
}

function requirePart({ path: file, metadata }: Part, index: number, count: number): void {
  const said = new GgufMetadata(file, metadata);
  const [number, parts] = [said.count('split.no', 0), said.count('split.count', 0)];
  if (count === 1 ? parts <= 1 : number === index && parts === count) return;
  throw said.invalid(
    count === 1
      ? `is one of ${parts} parts, whose names must end in -00001-of-${String(parts).padStart(5, '0')}.gguf and so on`
      : `is part ${number + 1} of ${parts} by its metadata, but part ${index + 1} of ${count} by its name`,
  );
}
