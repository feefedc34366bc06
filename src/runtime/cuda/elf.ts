import { closeSync, openSync, readSync } from 'node:fs';

/** Tags and types of the System V ABI's 64-bit ELF, little-endian. */
const MAGIC = 0x464c457f;
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const DT_NEEDED = 1n;
const DT_STRTAB = 5n;
const DT_STRSZ = 10n;

/**
 * The shared libraries that a shared library depends on (`DT_NEEDED`), by the names that the dynamic loader
 * looks for.
 *
 * @throws Error where the file cannot be read, or is no 64-bit ELF file
 */
export function neededLibraries(path: string): string[] {
  const file = openSync(path, 'r');
  try {
    const read = (offset: number, bytes: number): Buffer => {
      const buffer = Buffer.alloc(bytes);
      if (readSync(file, buffer, 0, bytes, offset) < bytes) throw new Error(`${path} is truncated`);
      return buffer;
    };
    const header = read(0, 64);
    if (header.readUInt32LE(0) !== MAGIC || header[4] !== 2 || header[5] !== 1)
      throw new Error(`${path} is not a 64-bit shared library`);
    const size = header.readUInt16LE(54);
    const count = header.readUInt16LE(56);
    const table = read(Number(header.readBigUInt64LE(32)), size * count);
    const segments = Array.from({ length: count }, (_, i) => readSegment(table.subarray(i * size)));
    const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
    if (dynamic === undefined) return [];
    const entries = readDynamic(read(dynamic.offset, dynamic.bytes));
    const address = Number(entries.find(([tag]) => tag === DT_STRTAB)?.[1] ?? 0n);
    const bytes = Number(entries.find(([tag]) => tag === DT_STRSZ)?.[1] ?? 0n);
    const holder = segments.find(
      ({ type, address: begin, bytes }) => type === PT_LOAD && begin <= address && address < begin + bytes,
    );
    if (holder === undefined) throw new Error(`${path} has no string table`);
    const names = read(address - holder.address + holder.offset, bytes);
    return entries
      .filter(([tag]) => tag === DT_NEEDED)
      .map(([, at]) => names.toString('latin1', Number(at), names.indexOf(0, Number(at))));
  } finally {
    closeSync(file);
  }
}

function readSegment(header: Buffer): { type: number; offset: number; address: number; bytes: number } {
  return {
    type: header.readUInt32LE(0),
    offset: Number(header.readBigUInt64LE(8)),
    address: Number(header.readBigUInt64LE(16)),
    bytes: Number(header.readBigUInt64LE(32)),
  };
}

function readDynamic(section: Buffer): [bigint, bigint][] {
  return Array.from({ length: Math.floor(section.length / 16) }, (_, i) => [
    section.readBigUInt64LE(i * 16),
    section.readBigUInt64LE(i * 16 + 8),
  ]);
}
