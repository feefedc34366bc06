import type { FileHandle } from 'node:fs/promises';
import { KvasirError } from '#errors.js';
import { readExactly } from '#files.js';

/** A file in an archive: its bytes in the archive's own file, `[begin, end)`. */
export interface StoredFile {
  readonly begin: number;
  readonly end: number;
}

const [END, CENTRAL, LOCAL] = [0x06054b50, 0x02014b50, 0x04034b50];
const [END_64, LOCATOR_64] = [0x06064b50, 0x07064b50];
/** Bytes of the records before what has no fixed length. */
const [END_SIZE, CENTRAL_SIZE, LOCAL_SIZE] = [22, 46, 30];
const [END_64_SIZE, LOCATOR_64_SIZE] = [56, 20];
/** Stands for a number that is in a longer record of its own. */
const [ELSEWHERE_16, ELSEWHERE_32] = [0xffff, 0xffffffff];
/** The field of a file with its longer numbers. */
const LONG_NUMBERS = 1;
/** Most files of an archive, and bytes of the list of them. */
const [MOST_FILES, LONGEST_LIST] = [100_000, 2 ** 24];

/** The list of an archive's files. */
interface FileList {
  readonly count: number;
  readonly size: number;
  readonly begin: number;
}

/** Reads so many bytes of the archive. */
type Read = (begin: number, length: number) => Promise<DataView>;
type Broken = (fault: string) => never;

/**
 * The files of a zip archive (PKWARE's APPNOTE, with the numbers of ZIP64) that is not compressed, of one part, and has
 * nothing behind it, as PyTorch writes it. No two files share a byte.
 *
 * @throws KvasirError `invalid_model` where it is none or broken; `unsupported_model` where it is another kind of zip
 */
export async function readStoredZip(
  handle: FileHandle,
  path: string,
  size: number,
): Promise<Map<string, StoredFile>> {
  const broken: Broken = fault => {
    throw new KvasirError('invalid_model', `${path}: ${fault}`);
  };
  const read: Read = async (begin, length) => {
    if (begin + length > size) broken('its zip archive is broken: a record reaches beyond the file');
    const bytes = new Uint8Array(length);
    await readExactly(handle, path, bytes, begin);
    return new DataView(bytes.buffer);
  };
  if (size < END_SIZE) broken(`${size} bytes are no zip archive of PyTorch`);
  const { count, size: listSize, begin: listBegin } = await findList(read, size, broken);
  if (count > MOST_FILES || listSize > LONGEST_LIST) broken('its zip archive has too many files');
  const list = await read(listBegin, listSize);
  const files = new Map<string, StoredFile>();
  for (let i = 0, at = 0; i < count; i++) {
    if (at + CENTRAL_SIZE > listSize || list.getUint32(at, true) !== CENTRAL)
      broken('the list of files in its zip archive is broken');
    const [flags, method] = [list.getUint16(at + 8, true), list.getUint16(at + 10, true)];
    const [nameSize, extraSize, commentSize] = [28, 30, 32].map(field =>
      list.getUint16(at + field, true),
    ) as [number, number, number];
    const next = at + CENTRAL_SIZE + nameSize + extraSize + commentSize;
    if (next > listSize) broken('the list of files in its zip archive is broken');
    const nameBytes = new Uint8Array(list.buffer, at + CENTRAL_SIZE, nameSize);
    const name = new TextDecoder().decode(nameBytes);
    const extra = new DataView(list.buffer, at + CENTRAL_SIZE + nameSize, extraSize);
    // In the order in which the longer ones follow each other: the length, what is stored of it, and its place.
    const [length, stored, begin] = longNumbers(
      [24, 20, 42].map(field => list.getUint32(at + field, true)),
      extra,
      broken,
    ) as [number, number, number];
    if (method !== 0 || (flags & 1) !== 0 || stored !== length)
      throw new KvasirError(
        'unsupported_model',
        `${path}: '${name}' is compressed or encrypted, which is not read`,
      );
    const local = await read(begin, LOCAL_SIZE + nameSize);
    const isSame =
      local.getUint32(0, true) === LOCAL &&
      local.getUint16(26, true) === nameSize &&
      Buffer.compare(nameBytes, new Uint8Array(local.buffer, LOCAL_SIZE, nameSize)) === 0;
    if (!isSame) broken(`its zip archive has no file where '${name}' should be`);
    const data = begin + LOCAL_SIZE + nameSize + local.getUint16(28, true);
    if (data + length > size) broken(`'${name}' reaches beyond the file: is it cut off?`);
    if (files.has(name)) broken(`its zip archive has '${name}' twice`);
    files.set(name, { begin: data, end: data + length });
    at = next;
  }
  refuseOverlap(files, broken);
  return files;
}

/** Reads the record at the end, and the one of ZIP64 where that has the numbers. */
async function findList(read: Read, size: number, broken: Broken): Promise<FileList> {
  const end = await read(size - END_SIZE, END_SIZE);
  if (end.getUint32(0, true) !== END)
    broken('it is no zip archive of PyTorch, or is cut off; files of torch.save before 1.6 are not read');
  const [count, listSize, begin] = [
    end.getUint16(10, true),
    end.getUint32(12, true),
    end.getUint32(16, true),
  ];
  if (count !== ELSEWHERE_16 && listSize !== ELSEWHERE_32 && begin !== ELSEWHERE_32)
    return { count, size: listSize, begin };
  if (size < END_SIZE + LOCATOR_64_SIZE) broken('its zip archive is broken: a record is missing');
  const locator = await read(size - END_SIZE - LOCATOR_64_SIZE, LOCATOR_64_SIZE);
  const long = await read(longNumber(locator, 8, broken), END_64_SIZE);
  if (locator.getUint32(0, true) !== LOCATOR_64 || long.getUint32(0, true) !== END_64)
    broken('its zip archive is broken: a record is missing');
  return {
    count: longNumber(long, 32, broken),
    size: longNumber(long, 40, broken),
    begin: longNumber(long, 48, broken),
  };
}

/** Numbers of a file in the list; those that stand elsewhere are in its field for longer ones, one after the other. */
function longNumbers(numbers: readonly number[], extra: DataView, broken: Broken): number[] {
  if (!numbers.includes(ELSEWHERE_32)) return [...numbers];
  for (let at = 0; at + 4 <= extra.byteLength;) {
    const [id, size] = [extra.getUint16(at, true), extra.getUint16(at + 2, true)];
    const end = at + 4 + size;
    let from = at + 4;
    if (end > extra.byteLength) break;
    at = end;
    if (id !== LONG_NUMBERS) continue;
    return numbers.map(number => {
      if (number !== ELSEWHERE_32) return number;
      if (from + 8 > end) broken('the list of files in its zip archive is broken');
      from += 8;
      return longNumber(extra, from - 8, broken);
    });
  }
  return broken('the list of files in its zip archive is broken');
}

function longNumber(view: DataView, at: number, broken: Broken): number {
  const value = view.getBigUint64(at, true);
  return value > BigInt(Number.MAX_SAFE_INTEGER) / 2n
    ? broken('its zip archive is broken: a record reaches beyond the file')
    : Number(value);
}

function refuseOverlap(files: ReadonlyMap<string, StoredFile>, broken: Broken): void {
  const filled = [...files].filter(([, { begin, end }]) => end > begin);
  filled.sort(([, a], [, b]) => a.begin - b.begin);
  filled.forEach(([name, { begin }], i) => {
    const [previousName, previous] = filled[i - 1] ?? [];
    if (previous !== undefined && previous.end > begin)
      broken(`'${previousName}' and '${name}' overlap in its zip archive`);
  });
}
