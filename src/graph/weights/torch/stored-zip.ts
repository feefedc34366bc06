import type { FileHandle } from 'node:fs/promises';
import { KvasirError } from '#errors.js';
import { readExactly } from '#files.js';

/** A file in an archive: its bytes in the archive's own file, `[begin, end)`. */
export interface StoredFile {
  readonly begin: number;
  readonly end: number;
}

const [END, CENTRAL, LOCAL] = [0x06054b50, 0x02014b50, 0x04034b50];
/** Bytes of the records before what has no fixed length. */
const [END_SIZE, CENTRAL_SIZE, LOCAL_SIZE] = [22, 46, 30];
/** Stands for a number that is in a longer record of its own. */
const [ELSEWHERE_16, ELSEWHERE_32] = [0xffff, 0xffffffff];
/** Most files of an archive, and bytes of the list of them. */
const [MOST_FILES, LONGEST_LIST] = [100_000, 2 ** 24];

/**
 * The files of a zip archive (PKWARE's APPNOTE) that is not compressed, of one part and at most 4 GiB, and has nothing
 * behind it, as PyTorch writes it.
 *
 * @throws KvasirError `invalid_model` where it is none or broken; `unsupported_model` where it is another kind of zip
 */
export async function readStoredZip(
  handle: FileHandle,
  path: string,
  size: number,
): Promise<Map<string, StoredFile>> {
  const broken = (fault: string): never => {
    throw new KvasirError('invalid_model', `${path}: ${fault}`);
  };
  const read = async (begin: number, length: number): Promise<DataView> => {
    if (begin + length > size) broken('its zip archive is broken: a record reaches beyond the file');
    const bytes = new Uint8Array(length);
    await readExactly(handle, path, bytes, begin);
    return new DataView(bytes.buffer);
  };
  if (size < END_SIZE) broken(`${size} bytes are no zip archive of PyTorch`);
  const end = await read(size - END_SIZE, END_SIZE);
  if (end.getUint32(0, true) !== END)
    broken('it is no zip archive of PyTorch, or is cut off; files of torch.save before 1.6 are not read');
  const [count, listSize, listBegin] = [
    end.getUint16(10, true),
    end.getUint32(12, true),
    end.getUint32(16, true),
  ];
  if (count === ELSEWHERE_16 || listBegin === ELSEWHERE_32)
    throw new KvasirError('unsupported_model', `${path}: a zip archive of more than 4 GiB is not read`);
  if (count > MOST_FILES || listSize > LONGEST_LIST) broken('its zip archive has too many files');
  const list = await read(listBegin, listSize);
  const files = new Map<string, StoredFile>();
  for (let i = 0, at = 0; i < count; i++) {
    if (at + CENTRAL_SIZE > listSize || list.getUint32(at, true) !== CENTRAL)
      broken('the list of files in its zip archive is broken');
    const [flags, method] = [list.getUint16(at + 8, true), list.getUint16(at + 10, true)];
    const [stored, length] = [list.getUint32(at + 20, true), list.getUint32(at + 24, true)];
    const [nameSize, extraSize, commentSize] = [28, 30, 32].map(field =>
      list.getUint16(at + field, true),
    ) as [number, number, number];
    const begin = list.getUint32(at + 42, true);
    if (at + CENTRAL_SIZE + nameSize > listSize) broken('the list of files in its zip archive is broken');
    const name = new TextDecoder().decode(new Uint8Array(list.buffer, at + CENTRAL_SIZE, nameSize));
    if (method !== 0 || (flags & 1) !== 0 || stored !== length || length === ELSEWHERE_32)
      throw new KvasirError(
        'unsupported_model',
        `${path}: '${name}' is compressed, encrypted or longer than 4 GiB, which is not read`,
      );
    const local = await read(begin, LOCAL_SIZE);
    if (local.getUint32(0, true) !== LOCAL) broken(`its zip archive has no file where '${name}' should be`);
    const data = begin + LOCAL_SIZE + local.getUint16(26, true) + local.getUint16(28, true);
    if (data + length > size) broken(`'${name}' reaches beyond the file: is it cut off?`);
    if (files.has(name)) broken(`its zip archive has '${name}' twice`);
    files.set(name, { begin: data, end: data + length });
    at += CENTRAL_SIZE + nameSize + extraSize + commentSize;
  }
  return files;
}
